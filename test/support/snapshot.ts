/** One network namespace, as plain text: what changes by itself (indexes, counters, timers, carrier) is left out. */
export interface NetnsState {
  /** By name. */
  // biome-ignore lint/suspicious/noExplicitAny: `ip -json`'s own shape
  links: Record<string, any>;
  addresses: string[];
  routes: string[];
  rules: string[];
  /** Permanent and proxy entries; the others come and go with traffic. */
  neighbours: string[];
  /** VLANs of bridge ports. */
  vlans: string[];
  /** Tables, chains, rules, sets, and one line for each element of a set. */
  nft: string[];
  /** By path below /proc/sys: forwarding, and the settings of every interface. */
  sysctls: Record<string, string>;
}

/** Everything a plugin could leave behind in a world. */
export interface Snapshot {
  /** "host", and the others by their names. */
  namespaces: Record<string, NetnsState>;
  /** Contents by path, of all of /run and /var/lib; a directory's name ends with "/". */
  files: Record<string, string>;
  /** Locks that are held on these files. */
  locks: string[];
  /** Command lines of the processes in its namespaces. */
  processes: string[];
}

/** The differences between two snapshots, one line for each; an empty list when there is none. */
export function diff(before: Snapshot, after: Snapshot): string[] {
  return differences('', before, after);
}

function differences(path: string, before: unknown, after: unknown): string[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    return [
      ...surplus(before, after).map((item) => `${path}: removed ${text(item)}`),
      ...surplus(after, before).map((item) => `${path}: added ${text(item)}`),
    ];
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(path === '' ? key : `${path} ${key}`, before[key], after[key]));
  }
  if (before === undefined) {
    return [`${path}: added ${text(after)}`];
  }
  if (after === undefined) {
    return [`${path}: removed ${text(before)}`];
  }
  return Object.is(before, after) ? [] : [`${path}: ${text(before)} became ${text(after)}`];
}

/** What of `items` the list `others` does not have, or has less often. */
function surplus(items: unknown[], others: unknown[]): unknown[] {
  const rest = others.map(text);
  return items.filter((item) => {
    const found = rest.indexOf(text(item));
    if (found >= 0) {
      rest.splice(found, 1);
    }
    return found < 0;
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}
