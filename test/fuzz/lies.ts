import fc from 'fast-check';
import { hostileText } from './hostile';
import type { Scene } from './scene';

type Link = Record<string, unknown>;

/**
 * Results that claim what is not so: links of others as the pod's own, with their true MACs, interfaces that do not
 * exist, addresses of nobody.
 */
export function aLie(scene: Scene): fc.Arbitrary<unknown> {
  const truth = scene.victimResult;
  const links: fc.Arbitrary<Link> = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Link>(...truth.interfaces, ...truth.interfaces.map(claimed)) },
    fc.constantFrom<Link>(...['br0', 'br9', 'foreign0', 'foreign1', 'lo', 'eth0', 'all'].map((name) => ({ name }))),
    fc.record(
      { name: hostileText, mac: macs, sandbox: hostileText, mtu: fc.constantFrom(0, -1, 1e9) },
      { requiredKeys: ['name'] },
    ),
  );
  const ips = fc.record(
    {
      address: fc.constantFrom(
        ...truth.ips.map(({ address }) => address),
        '0.0.0.0/0',
        '255.255.255.255/32',
        '::/0',
        '10.9.0.2/24',
        'x',
        '',
      ),
      gateway: fc.constantFrom('0.0.0.0', '10.1.2.1', '::', 'ff02::1', '', 'x'),
      interface: fc.constantFrom(0, 1, 2, -1, 99, 2 ** 53, 0.5),
    },
    { requiredKeys: ['address'] },
  );
  const routes = fc.record(
    {
      dst: fc.constantFrom('0.0.0.0/0', '::/0', '10.1.2.0/24', 'x', '1.2.3.4/33'),
      gw: fc.constantFrom('10.1.2.1', '', 'x'),
    },
    { requiredKeys: ['dst'] },
  );
  const result = fc.record(
    {
      cniVersion: fc.constantFrom('1.0.0', '0.4.0', '0.2.0', '', '9'),
      interfaces: fc.array(links, { maxLength: 4 }),
      ips: fc.array(ips, { maxLength: 3 }),
      routes: fc.array(routes, { maxLength: 2 }),
      dns: fc.constantFrom<unknown>({}, { nameservers: ['x'] }, { nameservers: 5 }),
    },
    { requiredKeys: [] },
  );
  return fc.oneof(
    { weight: 5, arbitrary: result },
    { weight: 2, arbitrary: fc.constant<unknown>(truth) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>([], 5, 'x', {}, { interfaces: {} }, { ips: [null] }) },
  );
}

const macs = fc.constantFrom('', 'x', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:01');

/** As if the victim's interface were the pod's of this request. */
function claimed({ sandbox, ...link }: Link): Link {
  return sandbox === undefined ? link : { ...link, sandbox: '/run/netns/fuzz' };
}
