import type { Attachment } from '../../cni/runtime/cache';
import type { NetworkFile } from '../../cni/runtime/files';
import type { Surroundings } from '../../process';
import { attachmentOf } from '../attachment';
import { type CommandCall, CommandError, flag, values } from '../command';
import { chooseNetwork, networksOf } from '../networks';
import { type CommandRuntime, runtimeOf } from '../runtime';
import { traceTo } from '../tracing';
import { runCommand, statusOf } from './command';
import { howToGoOn } from './kept';
import { attach, forget, makeScratch, removeScratch, type Scratch } from './scratch';
import { type Signals, watchSignals } from './signals';
import { sweep } from './sweep';

/** `trestle run`: attaches a scratch namespace to networks, runs the command there, and detaches it. Answers with the exit status. */
export async function runInNetworks(call: CommandCall): Promise<number> {
  const { around } = call;
  const signals = watchSignals(around);
  let lock: number | undefined;
  // The run is alive as long as a plugin of it is, even if we are killed.
  const programs = {
    apart: true,
    get holding() {
      return lock;
    },
  } as const;
  const runtime = stoppable(runtimeOf(around, { ...traceTo(around, flag(call, 'trace')), programs }), signals);
  const networks = chosenNetworks(runtime, values(call, 'network'));
  await sweep(runtime, () => signals.stopped !== undefined);
  if (signals.stopped !== undefined) return statusOf(signals.stopped);
  const scratch = await makeScratch(runtime, (taken) => {
    lock = taken;
  });
  return attachedTo(networks, { call, runtime, signals, scratch });
}

/** No further plugin is asked to ADD once a signal has come. */
function stoppable(runtime: CommandRuntime, signals: Signals): CommandRuntime {
  return {
    ...runtime,
    invoke: async (invocation) => {
      if (signals.stopped !== undefined && invocation.command === 'ADD') throw new CommandError('interrupted');
      return runtime.invoke(invocation);
    },
  };
}

/** Those of the given names in their order; all if no names are given. */
function chosenNetworks(runtime: CommandRuntime, names: readonly string[]): readonly NetworkFile[] {
  const networks = networksOf(runtime);
  return names.length === 0 ? networks : names.map((name) => chooseNetwork(networks, name, runtime));
}

interface Context {
  call: CommandCall;
  runtime: CommandRuntime;
  signals: Signals;
  scratch: Scratch;
}

/** Attaches, runs the command and detaches; without the command if that was stopped. */
async function attachedTo(networks: readonly NetworkFile[], context: Context): Promise<number> {
  const { call, runtime, signals, scratch } = context;
  const { netns, attachments } = scratch.record;
  let isKept = false;
  try {
    const results = await attachAll(networks, context);
    if (signals.stopped !== undefined) return statusOf(signals.stopped);
    if (flag(call, 'json')) call.around.err(`${JSON.stringify({ netns, attachments: results })}\n`);
    const status = await runCommand(runtime.platform, netns, call.command, signals);
    isKept = flag(call, 'keep');
    return status;
  } catch (error) {
    if (signals.stopped === undefined) throw error;
    return statusOf(signals.stopped);
  } finally {
    if (isKept) {
      forget(runtime.platform, scratch);
      call.around.err(howToGoOn(netns, attachments));
    } else {
      await removeScratch(runtime, scratch);
    }
  }
}

async function attachAll(networks: readonly NetworkFile[], { call, runtime, signals, scratch }: Context) {
  const results: object[] = [];
  for (const [i, ifname] of interfaceNames(networks).entries()) {
    if (signals.stopped !== undefined) break;
    const network = networks[i] as NetworkFile;
    const attachment = attachmentIn(scratch, call.around, ifname);
    const result = await attach(runtime, scratch, network, attachment);
    results.push({ network: network.name, containerId: attachment.containerId, ifname, result });
  }
  return results;
}

function attachmentIn({ record }: Scratch, around: Surroundings, ifname: string): Attachment {
  return { ...attachmentOf(around, record.netns), ifname };
}

/** eth0, eth1, …; lo, which is there already, is not counted. */
function interfaceNames(networks: readonly NetworkFile[]): string[] {
  let next = 0;
  return networks.map(({ plugins }) => (plugins[0]?.type === 'loopback' ? 'lo' : `eth${next++}`));
}
