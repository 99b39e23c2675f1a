import type { Result } from '../../cni/result';
import type { Step } from '../../kernel/contract';
import { describe } from '../../kernel/describe';
import type { Lease, Preview, Removal } from '../../plugin/preview';
import type { Action } from './story';

/** What an ADD would do, in the order in which it does it. */
export function addActions({ debris, lease, shared, steps, recorded }: Preview, folder: string): Action[] {
  return [
    ...(debris ? delActions(debris, { recorded: false, folder }).map(asCleared) : []),
    ...(recorded ? [file(`note the attachment in ${folder}`)] : []),
    ...(lease ? [given(lease)] : []),
    ...shared.map((step): Action => ({ ...stepAction(step), shared: true })),
    ...steps.map(stepAction),
  ];
}

/** What a DEL would do. `lease`: what it is about to release, where that is known. */
export function delActions(
  { steps, ipam }: Removal,
  { recorded, folder, lease }: { recorded: boolean; folder: string; lease?: Lease | undefined },
): Action[] {
  return [
    ...steps.map(stepAction),
    ...(ipam === '' ? [] : [released(ipam, lease)]),
    ...(recorded ? [file(`remove the note in ${folder}`)] : []),
  ];
}

/** What an IPAM plugin gives, with where it comes from. */
export function given({ type, result, placeholder }: Lease): Action {
  const addresses = addressesOf(result);
  const gateways = (result.ips ?? []).flatMap(({ gateway }) => gateway ?? []);
  const what = `${addresses.join(', ')}${gateways.length > 0 ? ` (gateway ${gateways.join(', ')})` : ''}`;
  return placeholder
    ? {
        kind: 'ipam',
        words: `${type} gives an address; it is not part of Trestle and cannot be asked which: ${what} stands for it`,
        addresses,
        placeholder,
      }
    : { kind: 'ipam', words: `${type} gives ${what}`, addresses };
}

function released(type: string, lease: Lease | undefined): Action {
  const known = lease?.type === type && !lease.placeholder ? addressesOf(lease.result) : [];
  const words = `${type} releases ${known.length > 0 ? known.join(', ') : 'what it gave'}`;
  return { kind: 'ipam', words, ...(known.length > 0 && { addresses: known }) };
}

function addressesOf({ ips = [] }: Result): string[] {
  return ips.map(({ address }) => address);
}

const file = (words: string): Action => ({ kind: 'file', words });

function stepAction(step: Step): Action & { kind: 'step' } {
  return { kind: 'step', ns: step.ns, words: describe(step), step };
}

function asCleared(action: Action): Action {
  return { ...action, words: `clear what an ADD that was killed has left: ${action.words}` };
}
