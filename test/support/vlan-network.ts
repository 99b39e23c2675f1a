import { bridgeNetwork, type Config } from './network';

/** One subnet for the pods of every VLAN, so that nothing but the VLANs keeps them apart; `host` is the pod's part of it. */
export function flat(host: number, changes: Config = {}): Config {
  const addresses = [{ address: `10.9.0.${host}/24` }, { address: `fd00:9::${host}/64` }];
  return bridgeNetwork({ isDefaultGateway: false, ipam: { type: 'static', addresses }, ...changes });
}

/** A subnet of each family for each VLAN, and a gateway in it. */
export function routed(vlan: number, changes: Config = {}): Config {
  const ranges = [[{ subnet: `10.${vlan}.0.0/24` }], [{ subnet: `fd00:${vlan}::/64` }]];
  return bridgeNetwork({ name: `vlan${vlan}`, vlan, ipam: { type: 'host-local', ranges }, ...changes });
}
