import { type Address, type Cidr, parseAddress, parseCidr } from '../../../cni/addresses';
import { elements, type Path, valueAt } from './paths';

/** A subnet that a configuration gives addresses of, and where it says so. */
export interface Subnet {
  path: Path;
  cidr: Cidr;
  gateway?: { path: Path; address: Address };
}

type Json = Record<string, unknown>;

/** Those of host-local's ranges, of static's addresses, and of the bridge's own `ip`; what is none is left out. */
export function subnetsOf(config: Json): Subnet[] {
  const at = (path: Path, key: string): Subnet[] => subnetAt(config, path, key);
  switch (valueAt(config, ['ipam', 'type'])) {
    case 'host-local':
      return [
        ...at(['ipam'], 'subnet'),
        ...elements(valueAt(config, ['ipam', 'ranges'])).flatMap(([i, set]) =>
          elements(set).flatMap(([j]) => at(['ipam', 'ranges', i, j], 'subnet')),
        ),
      ];
    case 'static':
      return elements(valueAt(config, ['ipam', 'addresses'])).flatMap(([i]) => at(['ipam', 'addresses', i], 'address'));
    default:
      return at([], 'ip');
  }
}

function subnetAt(config: Json, path: Path, key: string): Subnet[] {
  const text = valueAt(config, [...path, key]);
  const cidr = typeof text === 'string' ? parseCidr(text) : undefined;
  if (cidr === undefined) return [];
  const gatewayText = valueAt(config, [...path, 'gateway']);
  const address = typeof gatewayText === 'string' ? parseAddress(gatewayText) : undefined;
  return [{ path: [...path, key], cidr, ...(address && { gateway: { path: [...path, 'gateway'], address } }) }];
}
