import { basename } from 'node:path';
import type { RunRecord } from './records';

/** How to look into a namespace that was kept, and how to remove it. */
export function howToGoOn(netns: string, attachments: RunRecord['attachments']): string {
  const name = basename(netns);
  const removal = [...attachments]
    .reverse()
    // One without a name is loopback's, which goes with the namespace.
    .filter(({ network }) => network.name !== '')
    .map(({ network, attachment: { ifname } }) => `CNI_IFNAME=${ifname} trestle del ${network.name} ${name}`);
  return [
    `kept ${netns}; to look into it:`,
    `  ip netns exec ${name} ip addr`,
    'to remove it:',
    ...[...removal, `ip netns delete ${name}`].map((line) => `  ${line}`),
    '',
  ].join('\n');
}
