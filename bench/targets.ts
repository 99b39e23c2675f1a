import { CROWD } from './attaching';
import { BARE_ENGINE } from './cases';
import type { ContenderName } from './contenders';
import { quantile, type Samples } from './report';

export interface Target {
  what: string;
  /** What was measured, and what it may be at most. */
  value: number;
  limit: number;
  /** What would be better still. */
  aim?: number;
  unit: 'ms' | '×';
}

/** A call of a contender: what is compared. */
interface Timed {
  name: string;
  contender: ContenderName;
  what: string;
  /** 0.5, the median, when absent. */
  part?: number;
}

const bridgeAdd = { name: 'bridge', contender: 'warm', what: 'ADD' } as const;
const masqAdd = { ...bridgeAdd, name: 'bridge, ipMasq' };
const crowd = { ...bridgeAdd, name: `bridge, ipMasq, ${CROWD} at once:` };
const chain = { ...bridgeAdd, name: 'bridge, ipMasq, portmap with 2 ports' };
const host = (leases: string) => ({ name: `host-local, ${leases} leases`, contender: 'cold' }) as const;

/** The targets that these samples can tell about. */
export function targets(all: readonly Samples[]): Target[] {
  const value = ({ name, contender, what, part = 0.5 }: Timed): number => {
    const samples = all.find((one) => one.name === name && one.contender === contender && one.what === what);
    return quantile(samples?.ms ?? [], part);
  };
  const ratio = (one: Timed, other: Timed, bounds: Pick<Target, 'limit' | 'aim'>): Target => ({
    what: `${label(one)} against ${one.contender !== other.contender ? `the ${other.contender}` : label(other)}`,
    value: value(one) / value(other),
    unit: '×',
    ...bounds,
  });
  const againstReference = (one: Timed, limit: number, aim?: number) =>
    ratio(one, { ...one, contender: 'reference' }, aim === undefined ? { limit } : { limit, aim });
  const ofBothCalls = (target: (what: string) => Target) => ['ADD', 'DEL'].map(target);
  const bare: Timed = { name: BARE_ENGINE, contender: 'cold', what: 'start' };
  const cold: Timed = { ...bridgeAdd, contender: 'cold' };
  const departing: Timed = { ...bridgeAdd, name: `bridge, while ${CROWD} others leave:`, part: 0.9 };

  const found: Target[] = [
    againstReference(bridgeAdd, 0.3, 0.2),
    againstReference(masqAdd, 0.15, 0.1),
    ratio(bridgeAdd, { ...bridgeAdd, contender: 'floor' }, { limit: 2, aim: 1.5 }),
    againstReference({ ...masqAdd, what: 'DEL' }, 0.35),
    againstReference({ ...crowd, what: 'ADDs' }, 0.25),
    againstReference({ ...crowd, what: 'DELs' }, 0.12),
    againstReference(chain, 0.15),
    againstReference({ ...chain, what: 'DEL' }, 0.35),
    ratio(departing, { ...bridgeAdd, part: 0.9 }, { limit: 2 }),
    { what: `${label(cold)} above ${BARE_ENGINE}`, value: value(cold) - value(bare), limit: 12, unit: 'ms' },
    ...ofBothCalls((what) => againstReference({ ...masqAdd, contender: 'cold', what }, 1.3)),
    ...ofBothCalls((what) => ratio({ ...host('50,000'), what }, { ...host('0'), what }, { limit: 1.2 })),
  ];
  return found.filter(({ value }) => !Number.isNaN(value));
}

/** "warm bridge ADD" */
const label = ({ contender, name, what, part }: Timed): string =>
  `${contender} ${name} ${what}${part === undefined ? '' : ` (p${part * 100})`}`;

export function verdict({ what, value, limit, aim, unit }: Target): string {
  const wanted = aim === undefined ? '' : `, better ${aim}`;
  return `${value <= limit ? 'PASS' : 'MISS'}  ${what}: ${value.toFixed(2)} ${unit} (at most ${limit}${wanted} ${unit})`;
}
