import type { World } from './world';

/** What iptables-save and ip6tables-save print, which fail where they meet a rule that is not theirs; without counters. */
export async function savedTables(world: World): Promise<string> {
  const saved: string[] = [];
  for (const program of ['iptables-save', 'ip6tables-save']) {
    const { code, stdout, stderr } = await world.run(program, []);
    if (code !== 0 || /incompatible|not compatible|unsupported/i.test(stdout + stderr))
      throw new Error(`${program}: ${stdout}${stderr}`);
    saved.push(stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ''));
  }
  return saved.join('');
}

/** A port that the reference maps by its nftables backend (since 1.6): both families, for a container's addresses. */
export interface NftMapping {
  containerId: string;
  ips: readonly [string, string];
  hostPort: number;
  /** A mapping of this address of the host's, of each family. */
  hostIps?: readonly [string, string];
}

/** Commands for nft that make what the reference's nftables backend makes (plugins/meta/portmap/portmap_nftables.go). */
export function referenceNft(mappings: readonly NftMapping[]): string {
  return (['ip', 'ip6'] as const)
    .map((family, index) => {
      const rules = mappings.flatMap((mapping) => rulesOf(family, index as 0 | 1, mapping));
      return [`add table ${family} cni_hostport { comment "CNI portmap plugin"; }`, ...chains(family), ...rules].join(
        '\n',
      );
    })
    .join('\n');
}

function chains(family: string): string[] {
  const table = `${family} cni_hostport`;
  const jumps = ['hostip_hostports', 'hostports'].flatMap((chain) => [
    `add rule ${table} prerouting jump ${chain}`,
    `add rule ${table} output ${chain === 'hostports' ? 'fib daddr type local ' : ''}jump ${chain}`,
  ]);
  return [
    `add chain ${table} hostports`,
    `add chain ${table} hostip_hostports`,
    `add chain ${table} prerouting { type nat hook prerouting priority -100; }`,
    `add chain ${table} output { type nat hook output priority -100; }`,
    `add chain ${table} masquerading { type nat hook postrouting priority 100; }`,
    ...jumps,
  ];
}

function rulesOf(family: 'ip' | 'ip6', index: 0 | 1, { containerId, ips, hostPort, hostIps }: NftMapping): string[] {
  const ip = ips[index];
  const target = index === 0 ? `${ip}:80` : `[${ip}]:80`;
  const where = hostIps ? `hostip_hostports ${family} daddr ${hostIps[index]}` : 'hostports';
  return [
    `${where} tcp dport ${hostPort} dnat to ${target}`,
    `masquerading ${family} saddr ${ip} ${family} daddr ${ip} masquerade`,
    ...(index === 0 ? [`masquerading ip saddr 127.0.0.1 ip daddr ${ip} masquerade`] : []),
  ].map((rule) => `add rule ${family} cni_hostport ${rule} comment "${containerId}"`);
}
