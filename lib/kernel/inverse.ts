import type { ConntrackFlow, ConntrackFlush, Outcome, Step } from './contract';

/**
 * The step that undoes `step`, or undefined when nothing needs undoing: what was only kept stays, a route or a VLAN
 * goes with its link, and waiting changed nothing. A link is removed by the ifindex that this run created, never by name alone.
 */
export function inverse(step: Step, outcome: Outcome): Step | undefined {
  if (outcome.did === 'kept') return undefined;
  switch (step.op) {
    case 'link.add':
      return {
        op: 'link.delete',
        ns: step.ns,
        name: step.name,
        ifMissing: 'keep',
        ...(outcome.ifindex === undefined ? {} : { ifindex: outcome.ifindex }),
      };
    case 'link.set': {
      const { value: _, ...before } = outcome.previous ?? {};
      return { op: 'link.set', ns: step.ns, name: step.name, ...before };
    }
    case 'addr.add':
      return { op: 'addr.delete', ns: step.ns, link: step.link, address: step.address, ifMissing: 'keep' };
    case 'addr.delete':
      return { op: 'addr.add', ns: step.ns, link: step.link, address: step.address, nodad: true, ifExists: 'keep' };
    case 'sysctl.set': {
      const value = outcome.previous?.value;
      return value === undefined
        ? undefined
        : { op: 'sysctl.set', ns: step.ns, key: step.key, value, ifMissing: 'keep' };
    }
    case 'nft.batch':
      return undoBatch(step, outcome);
    case 'route.add':
    case 'bridge.vlan.add':
    case 'bridge.vlan.delete':
    case 'link.delete':
    case 'link.wait':
    case 'link.announce':
    case 'conntrack.flush':
      return undefined;
    default:
      return step satisfies never;
  }
}

/** Tables, chains, sets and rules are shared by every pod of a network and stay; this pod's elements go. */
function undoBatch(step: Step & { op: 'nft.batch' }, outcome: Outcome): Step | undefined {
  if (outcome.added === undefined || outcome.added.length === 0) return undefined;
  return { op: 'nft.batch', ns: step.ns, family: step.family, table: step.table, remove: outcome.added };
}

/** An ADD ends what somebody else answers, its undoing and a removal what the pod did. */
export function reversedFlow({ notAnsweredBy, ...flow }: ConntrackFlow): ConntrackFlow {
  return { ...flow, ...(notAnsweredBy !== undefined && { answeredBy: notAnsweredBy }) };
}

/**
 * The undoing of a run that got as far as `outcomes`: last first. Connections are ended at the end, and even if none was
 * before: those that began since then would go on as they are.
 */
export function rollback(steps: readonly Step[], outcomes: readonly (Outcome | null)[]): Step[] {
  const undone = steps
    .map((step, i) => {
      const outcome = outcomes[i];
      return outcome ? inverse(step, outcome) : undefined;
    })
    .filter((step) => step !== undefined)
    .reverse();
  const flushes = steps.flatMap((step, i): ConntrackFlush[] =>
    step.op === 'conntrack.flush' && outcomes[i] ? [{ ...step, flows: step.flows.map(reversedFlow) }] : [],
  );
  return [...undone, ...flushes];
}
