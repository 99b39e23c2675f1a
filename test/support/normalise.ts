/*
 * Turns what `ip`, `bridge` and `nft` print into text that is equal whenever the state is equal. IPv6 link-local
 * addresses and their routes appear some time after a link gets its carrier, so they are left out, as is the carrier;
 * so are 127.0.0.0/8 and a queue discipline that queues nothing, which stay once a link was up: its flags say whether it is.
 */

// biome-ignore lint/suspicious/noExplicitAny: the tools' JSON, whose shape depends on their version
type Json = any;

const VOLATILE_LINK_KEYS =
  /^(ifindex|link_index|link_netnsid|operstate|addr_info|broadcast|(min|max)_mtu|num_[rt]x_queues|(gso|gro|tso)_.*|.*_timer|(root|bridge|designated)_.*|id|no|state|topology_change.*|config_pending|inet6_addr_gen_mode)$/;
const CARRIER_FLAGS = new Set(['NO-CARRIER', 'LOWER_UP', 'linkdown', 'dead']);
const SOFT_ADDRESS_KEYS = new Set(['label', 'tentative', 'valid_life_time', 'preferred_life_time', 'family']);

/** By name, from `ip -json -details address`. */
export function links(list: Json[]): Record<string, Json> {
  return Object.fromEntries(list.map((link) => [link.ifname, withoutVolatile(link)]));
}

function withoutVolatile(value: Json): Json {
  if (Array.isArray(value)) {
    return value.filter((flag) => !CARRIER_FLAGS.has(flag)).map(withoutVolatile);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const kept = Object.entries(value).filter(
    ([key, inner]) => !VOLATILE_LINK_KEYS.test(key) && !isIdleQdisc(key, inner),
  );
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutVolatile(inner)]));
}

function isIdleQdisc(key: string, value: unknown): boolean {
  return key === 'qdisc' && (value === 'noop' || value === 'noqueue');
}

/** "eth0 10.1.2.3/24 scope global", from the same. */
export function addresses(list: Json[]): string[] {
  return list.flatMap((link) =>
    link.addr_info
      .filter((address: Json) => !appearsByItself(address.local))
      .map(({ local, prefixlen, ...rest }: Json) => {
        const details = Object.entries(rest).filter(([key]) => !SOFT_ADDRESS_KEYS.has(key));
        return words([`${link.ifname} ${local}/${prefixlen}`, ...details.flat()]);
      }),
  );
}

/** "unicast 10.1.0.0/24 dev cni0 table main protocol kernel scope link", from `ip -json -details route`. */
export function routes(list: Json[]): string[] {
  return list
    .filter(({ dst }) => !appearsByItself(dst))
    .map(({ type, dst, flags, ...rest }) =>
      words([type, dst, ...Object.entries(rest).flat(), ...flags.filter((flag: string) => !CARRIER_FLAGS.has(flag))]),
    );
}

/** "dst 10.1.2.3 dev eth0 lladdr …": rules, neighbours and VLANs, each key with its value. */
export function lines(list: Json[]): string[] {
  return list.map((item) => words(Object.entries(item).flat()));
}

/** From `nft --json list ruleset`, without handles and counters. */
export function nft(ruleset: { nftables: Json[] }): string[] {
  return ruleset.nftables.flatMap((entry) => {
    const [kind = '', object] = Object.entries<Json>(entry)[0] ?? [];
    if (kind === 'metainfo') {
      return [];
    }
    const { elem = [], ...rest } = object;
    const elements = elem.map(
      (one: Json) => `element of ${rest.family} ${rest.table} ${rest.name}: ${word(settled(one))}`,
    );
    return [`${kind} ${word(settled(rest))}`, ...elements];
  });
}

/** Without the times at which an attachment record was written, and which of many calls has written it. */
export function file(text: string): string {
  if (!text.startsWith('{"version":1,')) return text;
  return text.replaceAll(/"noted":\d+/g, '"noted":…').replaceAll(/,"token":"[0-9a-f]{32}"/g, '');
}

function settled(value: Json): Json {
  return JSON.parse(JSON.stringify(value), (key, inner) =>
    ['handle', 'packets', 'bytes', 'expires'].includes(key) ? undefined : inner,
  );
}

function appearsByItself(address: string): boolean {
  return /^(fe80:|ff00::\/8$|127\.)/.test(address);
}

function words(values: unknown[]): string {
  return values.map(word).join(' ');
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
