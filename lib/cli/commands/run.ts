import { attachmentEnvironment } from '../attachment';
import type { Command } from '../command';
import { runInNetworks } from '../run/in-networks';
import { traceOption } from '../tracing';

/** It names the interfaces itself. */
const { CNI_IFNAME: _, ...environment } = attachmentEnvironment;

export const run: Command = {
  name: 'run',
  summary: 'run a command in a network namespace of its own, attached to the networks',
  takesCommand: true,
  options: {
    network: { value: 'NAME', multiple: true, about: 'attach to this network only; several in the order given' },
    trace: traceOption,
    keep: { about: 'leave the namespace and its attachments, and say how to remove them' },
    json: { about: "the results of the ADDs as one line of JSON on stderr, since stdout is the command's" },
  },
  environment,
  about: `
Makes a new network namespace, attaches it to every network of NETCONFPATH in the order of the files' names (eth0, eth1,
…; a network of the plugin loopback as lo), runs COMMAND in it with this terminal, and detaches and removes everything
at the end, whatever the command's fate. What a run that was killed has left, the next run cleans up.

The exit status is the command's: 128 and the signal's number if it died of one, 127 if there is no such command, 126 if
it cannot be executed. It is 1 if the networks could not be attached; then nothing stays attached.

Ctrl-C and other signals before COMMAND runs stop after the current plugin; SIGTERM and SIGHUP while it runs are passed
on to it; while networks are being detached signals are ignored.`,
  examples: [
    ['trestle run -- ip addr', 'see the interfaces that a pod would get'],
    ['trestle run -- bash', 'look around'],
    ['trestle run --network mynet --trace -- ping -c 1 10.22.0.1', 'one network only, and every step that is done'],
    ['trestle run --keep -- true', 'a namespace to look at with ip netns exec'],
  ],
  run: runInNetworks,
};
