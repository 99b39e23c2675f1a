import * as v from 'valibot';
import { netConfEntries } from '../cni/config';
import type { Query, Step } from '../kernel/contract';
import { definePlugin } from '../plugin/define';

/** Whatever CNI_IFNAME says: this plugin is about the one loopback device that a namespace has. */
const name = 'lo';

const up = (value: boolean): Step => ({ op: 'link.set', ns: 'pod', name, up: value });

/** `loopback`: brings the pod's lo up. It needs no network name and keeps no record, since lo goes with its namespace. */
export const loopback = definePlugin({
  type: 'loopback',
  about: "brings the pod's own loopback device up",
  config: v.object(netConfEntries),
  recorded: false,
  nameless: true,
  facts: () =>
    ({
      addrs: { query: 'addrs', ns: 'pod', link: name },
      ipv6Disabled: { query: 'sysctl', ns: 'pod', key: `net/ipv6/conf/${name}/disable_ipv6` },
    }) as const satisfies Record<string, Query>,

  add: ({ request, facts }) => ({
    steps: [up(true)],
    result: () =>
      request.prevResult ?? {
        interfaces: [{ name, mac: '00:00:00:00:00:00', sandbox: request.netns }],
        // The kernel assigns these itself when lo goes up; without IPv6 there is no such sysctl, or it is set.
        ips: ['127.0.0.1/8', ...(facts.ipv6Disabled === '0' ? ['::1/128'] : [])].map((address) => ({
          address,
          interface: 0,
        })),
      },
  }),

  check: ({ facts }) =>
    facts.addrs.some(({ address }) => address.startsWith('127.')) ? [] : [`${name} in the pod has no IPv4 address`],

  del: ({ facts }) => (facts.addrs.length > 0 ? [up(false)] : []),
});
