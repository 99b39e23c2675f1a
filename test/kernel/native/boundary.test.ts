import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Native } from '../../../lib/kernel/contract';
import { KernelError } from '../../../lib/kernel/errors';
import { native } from '../../../lib/kernel/native';
import { output } from '../../support/run';
import { addonPath } from './support';

/** What the functions are when nobody has checked what they are given. */
type Unchecked = Record<keyof Native, (...args: unknown[]) => Promise<unknown>>;
const unchecked = () => native() as unknown as Unchecked;

async function faultOf(call: Promise<unknown>): Promise<KernelError> {
  const fault = await call.then(
    (answer) => expect.fail(`no fault, but ${JSON.stringify(answer)}`),
    (error) => error,
  );
  expect(fault).to.be.instanceOf(KernelError);
  return fault;
}

describe('the boundary of the addon', () => {
  it('exports the functions of the contract and nothing else', () => {
    const exported = require.cache[addonPath()]?.exports as object;
    const names = [
      'answer',
      'apply',
      'closeDoor',
      'dismiss',
      'forgetRecipes',
      'hasLeft',
      'leave',
      'linkGone',
      'lock',
      'makeNetns',
      'notify',
      'observe',
      'openDoor',
      'removeNetns',
      'replaying',
      'report',
      'setRecipe',
      'signal',
      'spawn',
      'tryLock',
      'unlock',
      'visit',
      'wait',
      'watch',
    ] satisfies (keyof Native)[];
    expect(Object.getOwnPropertyNames(exported).sort()).to.deep.equal(names);
    expect(Object.keys(native()).sort()).to.deep.equal(names);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.again = cyclic;
  const wrongArguments: [string, unknown[], RegExp][] = [
    ['nothing', [], /^where is missing$/],
    ['null', [null, null], /^where is missing$/],
    ['a number for an object', [5, []], /^where must be an object, not a number$/],
    ['a number for a path', [{ pod: 5 }, []], /^where\.pod must be a string, not a number$/],
    ['an unknown field', [{ port: 'x' }, []], /^where\.port is not a field of this object$/],
    ['a NUL in a path', [{ pod: '/run\0/x' }, []], /^where\.pod contains a NUL character$/],
    ['a path of 5,000 characters', [{ pod: '/'.repeat(5000) }, []], /^where\.pod has 5000 bytes; 4095 are allowed$/],
    ['an object for a list', [{}, {}], /^queries must be an array, not an object$/],
    ['a string in a list', [{}, ['link']], /^queries\[0\] must be an object, not a string$/],
    ['an object without its kind', [{}, [{}]], /^queries\[0\]\.query is missing$/],
    ['an unknown kind', [{}, [{ query: 'x', ns: 'host' }]], /^queries\[0\]\.query is none of the known ones: "x"$/],
    ['an unknown namespace', [{}, [{ query: 'links', ns: 'x' }]], /^queries\[0\]\.ns is none of the known ones: "x"$/],
    ['a name too long', [{}, [{ query: 'link', ns: 'host', name: 'x'.repeat(16) }]], /is no name of a link/],
    [
      'a name with a byte that the kernel takes for white space',
      [{}, [{ query: 'link', ns: 'host', name: 'à' }]],
      /is no name of a link/,
    ],
    ['a name with a slash', [{}, [{ query: 'link', ns: 'host', name: '../eth0' }]], /is no name of a link/],
    [
      'a sysctl outside',
      [{}, [{ query: 'sysctl', ns: 'host', key: 'net/../../../etc/passwd' }]],
      /is no name of a sysctl/,
    ],
    ['an absolute sysctl', [{}, [{ query: 'sysctl', ns: 'host', key: '/etc/passwd' }]], /is no name of a sysctl/],
    ['a misspelt field', [{}, [{ query: 'links', ns: 'host', nane: 1 }]], /^queries\[0\]\.nane is not a field/],
    ['a visit that nobody pays', [{ visit: 4711 }, []], /^where\.visit is none that is being paid$/],
    ['a visit and a path', [{ visit: 4711, pod: '/run/x' }, []], /^where\.visit is none that is being paid$/],
    // What JSON cannot tell is as if it was not there, or is no text of a call.
    ['a function', [{}, [() => 1]], /^queries\[0\] must be an object, not nothing$/],
    ['a symbol', [Symbol('x'), []], /^where is missing$/],
    ['a bigint', [{ pod: 1n }, []], /^the call is no JSON text: /],
    ['a buffer', [{ pod: Buffer.alloc(10) }, []], /^where\.pod must be a string, not an object$/],
    ['a cycle', [cyclic, []], /^the call is no JSON text: /],
    ['a huge string', [{ pod: 'x'.repeat(200_000) }, []], /^where\.pod has 200000 bytes; 4095 are allowed$/],
    ['a huge list', [{}, Array(2_000_000).fill(0)], /^queries\[0\] must be an object, not a number$/],
    ['what is nested deeply', [{}, JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`)], /nested too deeply$/],
    ['half a character', [{ pod: '\ud800' }, []], /^the call is no JSON text: /],
    [
      'a getter that throws',
      [
        {
          get pod() {
            throw new Error('no');
          },
        },
        [],
      ],
      /^the call is no JSON text: /,
    ],
  ];

  const raw = () => require.cache[addonPath()]?.exports as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const text of [
    undefined,
    null,
    5,
    {},
    '',
    '{',
    '[]',
    '5',
    'null',
    '{"where":{}',
    '\ud800',
    '{"where":{},"queries":[]}x',
  ]) {
    it(`refuses ${JSON.stringify(text)} for the text of a call`, async () => {
      const fault = await (raw().observe as (text: unknown) => Promise<unknown>)(text).catch((error) => error);
      expect(fault).to.include({ op: 'read the arguments', errno: '', code: 0 });
    });
  }

  const wrongArrays: [string, unknown[], RegExp][] = [
    ['a function', [() => 1], /cannot be copied/],
    ['a bigint', [{ netns: 1n }], /cannot be copied/],
    ['a buffer', [{ netns: Buffer.alloc(10) }], /cannot be copied: a buffer/],
    ['a cycle', [cyclic], /cannot be copied: they are nested too deeply/],
    ['a huge string', [{ netns: 'x'.repeat(200_000) }], /cannot be copied: a string is longer/],
    ['a huge list', [{ args: Array(2_000_000).fill(0) }], /cannot be copied/],
    ['a sparse list', [{ args: new Array(2 ** 32 - 1) }], /cannot be copied/],
    [
      'a proxy that throws',
      [
        new Proxy(
          {},
          {
            ownKeys() {
              throw new Error('no');
            },
          },
        ),
      ],
      /cannot be copied: a getter or a proxy/,
    ],
  ];
  for (const [what, args, message] of wrongArrays) {
    it(`refuses ${what} where it reads objects`, async () => {
      const { fault } = await faultOf(unchecked().spawn(...args));
      expect(fault).to.include({ op: 'read the arguments', errno: '', code: 0, extack: '' });
      expect(fault.message).to.match(message);
    });
  }

  for (const [what, args, message] of wrongArguments) {
    it(`refuses ${what} as an argument`, async () => {
      const fault = await faultOf(unchecked().observe(...args));
      expect(fault).to.include({ op: 'read the arguments', errno: '', code: 0, extack: '' });
      expect(fault.fault.message).to.match(message);
    });
  }

  const link = { op: 'link.add', ns: 'host', name: 'v', link: { kind: 'bridge' }, ifExists: 'fail' };
  const batch = { op: 'nft.batch', ns: 'host', family: 'inet', table: 't' };
  const flow = { protocol: 'udp', family: 'ip', port: 53 };
  const rule = (...exprs: unknown[]) => ({
    ...batch,
    ensure: { comment: '', chains: [], sets: [], rules: [{ chain: 'c', comment: 'r', exprs }] },
  });
  const wrongSteps: [unknown, RegExp][] = [
    [{}, /^steps\[0\]\.op is missing$/],
    [{ op: 'link.fly' }, /^steps\[0\]\.op is none of the known ones: "link\.fly"$/],
    [{ ...link, mtu: 2 ** 31 }, /^steps\[0\]\.mtu must be a whole number from 0 to 2147483647$/],
    [{ ...link, mtu: -1 }, /^steps\[0\]\.mtu must be a whole number/],
    [{ ...link, mtu: 1.5 }, /^steps\[0\]\.mtu must be a whole number/],
    [{ ...link, mtu: '1500' }, /^steps\[0\]\.mtu must be a number, not a string$/],
    [{ ...link, up: 1 }, /^steps\[0\]\.up must be a boolean, not a number$/],
    [{ ...link, mac: '0a:00:00:00:00' }, /^steps\[0\]\.mac is no MAC address: "0a:00:00:00:00"$/],
    [{ ...link, mac: '0a:00:00:00:00:0g' }, /^steps\[0\]\.mac is no MAC address/],
    [{ ...link, name: '' }, /^steps\[0\]\.name is no name of a link: ""$/],
    [{ ...link, ifExists: 'maybe' }, /^steps\[0\]\.ifExists is none of the known ones: "maybe"$/],
    [{ ...link, ifExists: undefined }, /^steps\[0\]\.ifExists is missing$/],
    [{ ...link, link: undefined }, /^steps\[0\]\.link is missing$/],
    [{ ...link, link: { kind: 'veth' } }, /^steps\[0\]\.link\.peer is missing$/],
    [{ ...link, link: { kind: 'veth', peer: [] } }, /^steps\[0\]\.link\.peer must be an object, not an array$/],
    [{ ...link, masterr: 'cni0' }, /^steps\[0\]\.masterr is not a field of this object$/],
    [{ op: 'addr.add', ns: 'host', link: 'v', address: '10.1.2.3', ifExists: 'fail' }, /is no address with a prefix/],
    [{ op: 'addr.add', ns: 'host', link: 'v', address: '10.1.2.3/33', ifExists: 'fail' }, /is no address with a/],
    [{ op: 'addr.add', ns: 'host', link: 'v', address: 'fd00::1/-1', ifExists: 'fail' }, /is no address with a/],
    [{ op: 'route.add', ns: 'host', link: 'v', dst: '0.0.0.0/0', gw: 'x', ifExists: 'fail' }, /gw is no IP address/],
    [{ op: 'link.set', ns: 'host', name: 'v', alias: 'x'.repeat(256) }, /alias has 256 bytes; 255 are allowed$/],
    [{ op: 'sysctl.set', ns: 'host', key: '', value: '1', ifMissing: 'keep' }, /key is no name of a sysctl/],
    [{ op: 'link.wait', ns: 'host', name: 'v', timeoutMs: 2 ** 40 }, /timeoutMs must be a whole number/],
    [{ ...batch, family: 'arp' }, /family is none of the known ones: "arp"$/],
    [{ ...batch, add: [{ set: 's', keys: ['x y'] }] }, /add\[0\]\.keys contains a key of no known type: "x y"$/],
    [{ ...batch, add: [{ set: 's', keys: [5] }] }, /add\[0\]\.keys\[0\] must be a string, not a number$/],
    [{ ...batch, add: [{ set: 's', keys: [], comment: 'x'.repeat(128) }] }, /comment has 128 bytes; 127 are allowed$/],
    [
      { op: 'conntrack.flush', ns: 'host', flows: [{ ...flow, port: 65_536 }] },
      /flows\[0\]\.port must be a whole number/,
    ],
    [{ op: 'conntrack.flush', ns: 'host', flows: [{ ...flow, ip: '::1' }] }, /ip is not of the flow's family: "::1"$/],
    [{ ...batch, ensure: { comment: '' } }, /ensure\.chains is missing$/],
    [{ ...batch, ensure: '{"comment":""}' }, /^steps\[0\]\.ensure\.chains is missing$/],
    [{ ...batch, ensure: '{"comment":"' }, /^steps\[0\]\.ensure is no JSON text: .*missing closing quote/],
    [{ ...batch, ensure: '5' }, /^steps\[0\]\.ensure must be an object, not a number$/],
    [{ ...batch, ensure: '['.repeat(100) }, /^steps\[0\]\.ensure is no JSON text: it is nested too deeply$/],
    [rule({ expr: 'jump' }), /rules\[0\]\.exprs\[0\]\.expr is none of the known ones: "jump"$/],
    [rule({ expr: 'cmp', sreg: 1, op: 'eq', data: 'xyz' }), /exprs\[0\]\.data/],
    [rule({ expr: 'cmp', sreg: 24, op: 'eq', data: '00' }), /exprs\[0\]\.sreg must be a whole number from 1 to 23$/],
    [rule({ expr: 'cmp', sreg: 5, op: 'eq', data: '00' }), /exprs\[0\]\.sreg must be 1 to 4 or 8 to 23$/],
    [rule({ expr: 'verdict', verdict: 'jump' }), /exprs\[0\]\.chain is missing$/],
    [rule({ expr: 'ct', key: 'proto-dst', dreg: 1 }), /exprs\[0\]\.direction is missing$/],
    [
      { ...batch, add: [{ set: 's', keys: [], data: '10.1.2.3' }] },
      /add\[0\]\.data is no address and port: "10\.1\.2\.3"$/,
    ],
    [
      { ...batch, add: [{ set: 's', keys: [], ifTaken: 'keep' }] },
      /add\[0\]\.ifTaken is none of the known ones: "keep"$/,
    ],
    [rule({ expr: 'cmp', sreg: 1, op: 'eq', data: '00'.repeat(17) }), /exprs\[0\]\.data has 34 bytes; 32 are allowed$/],
    [rule({ expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: 'ff', xor: '00' }), /mask and xor must have/],
    [rule(...Array(129).fill({ expr: 'counter' })), /exprs are more than 128$/],
  ];
  wrongSteps.forEach(([step, message], index) => {
    it(`refuses a step that is not as the contract has it (${index + 1}: ${message.source})`, async () => {
      // Should it be taken after all, there must be no namespace in which it is done.
      const fault = await faultOf(unchecked().apply({ host: '/run/nosuch' }, [step], 'stop'));
      expect(fault.fault).to.include({ op: 'read the arguments', errno: '', code: 0 });
      expect(fault.fault.message).to.match(message);
    });
  });

  it('refuses an unknown mode, and a lock that is not described', async () => {
    const mode = await faultOf(unchecked().apply({}, [], 'perhaps'));
    expect(mode.fault.message).to.equal('mode is none of the known ones: "perhaps"');
    const lock = await faultOf(unchecked().lock({ kind: 'ofd', path: '/run/nosuch/x', timeoutMs: 0, offset: -1 }));
    expect(lock.fault.message).to.match(/^request\.offset must be a whole number/);
    expect((await faultOf(unchecked().lock())).fault.message).to.equal('request is missing');
  });

  const wrongCalls: [keyof Native, unknown[], RegExp][] = [
    ['makeNetns', [], /^path is missing$/],
    ['makeNetns', ['netns/a'], /^path is not absolute$/],
    ['removeNetns', [''], /^path is not absolute$/],
    ['removeNetns', [5], /^path must be a string, not a number$/],
    ['spawn', [], /^program is missing$/],
    ['spawn', [{ args: ['true'], env: [] }], /^program\.netns is missing$/],
    ['spawn', [{ netns: '/run/nosuch', args: [], env: [] }], /^program\.args has not even the program's name$/],
    ['spawn', [{ netns: '/run/nosuch', args: ['a\0b'], env: [] }], /^program\.args\[0\] contains a NUL character$/],
    ['spawn', [{ netns: '/run/nosuch', args: ['true'], env: {} }], /^program\.env must be an array, not an object$/],
    ['spawn', [{ netns: '/run/nosuch', args: ['true'], env: [], cwd: '/' }], /^program\.cwd is not a field/],
    ['wait', [], /^pid is missing$/],
    ['wait', [0], /^pid must be a whole number from 1 to 2147483647$/],
    ['watch', [], /^what is missing$/],
    ['watch', [{ prefix: 5, links: [] }], /^what\.prefix must be a string, not a number$/],
    ['watch', [{ prefix: '', links: ['a/b'] }], /^what\.links contains no name of a link: "a\/b"$/],
    ['watch', [{ prefix: '', links: [], x: 1 }], /^what\.x is not a field of this object$/],
    ['linkGone', [], /^timeoutMs is missing$/],
    ['linkGone', [60_001], /^timeoutMs must be a whole number from 0 to 60000$/],
    ['notify', [], /^socket is missing$/],
    ['notify', ['/run/nosuch', 5], /^state must be a string, not a number$/],
  ];
  for (const [name, args, message] of wrongCalls) {
    it(`refuses ${name} with ${JSON.stringify(args)}`, async () => {
      const fault = await faultOf(unchecked()[name](...args));
      expect(fault.fault.op).to.equal('read the arguments');
      expect(fault.fault.message).to.match(message);
    });
  }

  describe('a namespace that cannot be entered', () => {
    const links = { query: 'links', ns: 'pod' } as const;
    const faultWith = (pod: string) => faultOf(native().observe({ pod }, [links]));

    it('is missing', async () => {
      const fault = await faultWith('/run/nosuch');
      expect(fault).to.include({ op: 'open network namespace /run/nosuch', errno: 'ENOENT' });
      expect(fault.message).to.equal('open network namespace /run/nosuch: ENOENT (No such file or directory)');
    });

    it('is something else, even a fifo that nobody writes to', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'trestle-netns-'));
      await output('mkfifo', [join(directory, 'fifo')]);
      // A device is not even opened, which for this one would fail with another errno.
      for (const path of ['/tmp', '/etc/hostname', '/dev/tty', '/proc/self/ns/mnt', join(directory, 'fifo')]) {
        const fault = await faultWith(path);
        expect(fault.fault, path).to.include({ errno: 'EINVAL', message: 'not a network namespace' });
      }
      rmSync(directory, { recursive: true });
    });

    it('is of no interest when nothing is to be done there', async () => {
      expect(
        await native().observe({ pod: '/run/nosuch' }, [{ query: 'link', ns: 'host', name: 'lo' }]),
      ).to.have.length(1);
      expect(await native().apply({ pod: '/run/nosuch' }, [], 'stop')).to.deep.equal({ outcomes: [], faults: [] });
      const fault = await faultOf(native().observe({}, [links]));
      expect(fault.fault.message).to.equal('where.pod is missing');
    });
  });
});
