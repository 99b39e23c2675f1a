import { run } from './run';

/** How a link of the kind is made, in an empty network namespace that has one veth pair. */
const probes = {
  'vlan filtering': 'type bridge vlan_filtering 1 && ip -details link show probe | grep -q "vlan_filtering 1"',
  dummy: 'type dummy',
  '802.1q': 'link veth0 type vlan id 5',
  ipvlan: 'link veth0 type ipvlan',
  vrf: 'type vrf table 10',
} as const;

/** What a kernel may or may not have been built with. */
export type Feature = keyof typeof probes;

export const features = Object.keys(probes) as Feature[];

/** Whether the running kernel has the feature: tried, not looked up. */
export async function hasFeature(feature: Feature): Promise<boolean> {
  const script = `ip link add type veth && ip link add probe ${probes[feature]}`;
  const { code } = await run('unshare', ['--net', 'sh', '-c', script]);
  return code === 0;
}

/**
 * Says which features the suite that calls it is about. Without one of them the suite fails: it belongs into a file
 * "*.vm.test.ts", which only `make test-vm` runs, so that the lack is never taken for a pass.
 */
export function needs(...wanted: Feature[]): void {
  before(async () => {
    for (const feature of wanted) {
      if (!(await hasFeature(feature))) throw new Error(`this kernel lacks ${feature}: use make test-vm`);
    }
  });
}
