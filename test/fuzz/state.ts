import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AddrFact, LinkFact, Query } from '../../lib/kernel/contract';
import { native } from '../../lib/kernel/native';

/** What a request may have changed, one text for each thing: quick to take, by the addon itself, and so no substitute for a snapshot. */
export type State = string[];

const pods = ['fuzz', 'victim'];

/** The state of the world in which this process runs. */
export async function stateOf(): Promise<State> {
  const places = await Promise.all([undefined, ...pods].map((pod) => linksOf(pod)));
  return [...places.flat(), ...filesBelow('/run'), ...filesBelow('/var/lib/cni')];
}

async function linksOf(pod: string | undefined): Promise<string[]> {
  const ns = pod === undefined ? 'host' : 'pod';
  const where = pod === undefined ? {} : { pod: `/run/netns/${pod}` };
  const [links] = (await native().observe(where, [{ query: 'links', ns }])) as [LinkFact[]];
  const queries = links.map(({ name }): Query => ({ query: 'addrs', ns, link: name }));
  const addresses = (await native().observe(where, queries)) as AddrFact[][];
  return links.map(({ name, kind, mac, mtu, up, master, alias, promiscFlag }, i) => {
    const own = addresses[i]?.map(({ address }) => address).filter((address) => !address.startsWith('fe80'));
    return `link ${pod ?? 'host'} ${kind} ${name} ${[mac, mtu, up, master, alias, promiscFlag, own].join(' ')}`;
  });
}

/** Sizes are enough: contents are compared by the snapshots. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (path === '/run/netns' || path === '/run/machine-var-lib') return [];
    const stats = lstatSync(path);
    if (stats.isDirectory()) return [`file ${path}/`, ...filesBelow(path)];
    return [
      `file ${path} ${stats.isFile() && stats.size < 500 ? JSON.stringify(readFileSync(path, 'latin1')) : stats.size}`,
    ];
  });
}
