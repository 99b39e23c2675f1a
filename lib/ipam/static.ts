import { CniError, ErrorCode } from '../cni/errors';
import type { IpConfig, Result } from '../cni/result';
import { definePlugin, type IpamContext } from '../plugin/define';
import { addressesOf, type StaticConfig, staticConfig } from './static/config';

type Context = IpamContext<StaticConfig>;

/** Gives the addresses that the configuration or the runtime names, always the same ones, and so keeps no state. */
export const staticIpam = definePlugin<StaticConfig>({
  kind: 'ipam',
  type: 'static',
  about: 'gives the addresses that the configuration names',
  config: staticConfig,
  add,
  preview: add,
  check,
  del: async () => {},
  gc: async () => {},
  status,
});

async function add({ request, config }: Context): Promise<Result> {
  const ips = addressesOf(config, request);
  const { routes = [], dns = {} } = config.ipam ?? {};
  return {
    ...(ips.length > 0 && { ips }),
    ...(routes.length > 0 && { routes }),
    ...(Object.keys(dns).length > 0 && { dns }),
  };
}

/** Unlike the reference, fails for an address that prevResult lacks altogether, too. */
async function check({ request, config }: Context): Promise<void> {
  const wanted = addressesOf(config, request);
  const { prevResult, ifname } = request;
  if (prevResult === undefined) throw new CniError(ErrorCode.invalidConfig, 'Required prevResult missing');
  for (const ip of wanted) {
    const difference = differenceFrom(prevResult, ip);
    if (difference === undefined) continue;
    const address = ip.address.replace(/\/.*/, '');
    const text = `static: Failed to match addr ${address} on interface ${ifname}`;
    throw new CniError(ErrorCode.checkFailed, text, difference);
  }
}

/** What prevResult has instead of an address; its gateway matters only where one is configured. */
function differenceFrom({ ips = [] }: Result, { address, gateway }: IpConfig): string | undefined {
  const found = ips.filter((ip) => ip.address === address);
  if (found.length === 0) return `prevResult has no ${address}`;
  if (gateway === undefined || found.some((ip) => ip.gateway === gateway)) return undefined;
  return `its gateway in prevResult is ${found[0]?.gateway ?? 'missing'}, expected ${gateway}`;
}

/** Nothing is held and so nothing can run out: only the configuration can be wrong. */
async function status({ request, config }: Context): Promise<void> {
  addressesOf(config, request);
}
