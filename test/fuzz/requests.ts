import fc from 'fast-check';
import { plugins } from '../../lib/plugins';
import { argTexts, badFiles, badNamespaces, dataDirs, hostileText, ipamTypes, paths, withoutNul } from './hostile';
import { aLie } from './lies';
import { longLists, type Mutation, monsters, mutation } from './mutations';
import type { Scene } from './scene';
import { type Shape, toJson, validValue } from './schema';

/** A whole request, as a runtime could make it: what `handle` is given, and what a program is started with. */
export interface FuzzRequest {
  type: string;
  env: Record<string, string>;
  stdin: Buffer;
}

type Config = Record<string, unknown>;

const commands = fc.oneof(
  { weight: 6, arbitrary: fc.constant('ADD') },
  { weight: 4, arbitrary: fc.constant('DEL') },
  { weight: 2, arbitrary: fc.constant('CHECK') },
  { weight: 4, arbitrary: fc.constantFrom('GC', 'STATUS', 'VERSION', 'add', '') },
);

const types = fc.oneof({ weight: 5, arbitrary: fc.constant('bridge') }, fc.constantFrom(...plugins.keys()));

const shapeOf = (type: string): Shape => plugins.get(type)?.config as unknown as Shape;

/** Mostly as it has to be, so that more than the first check is reached. */
function mostly<T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>, weight = 5): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

const versions = mostly(
  fc.constantFrom('0.4.0', '1.0.0', '1.1.0'),
  fc.constantFrom('0.1.0', '0.2.0', '0.3.1', '', '9', '1.0', '__proto__', '1.0.0\n'),
);

/** `ipam` as the schema of one of our own has it, or hostile in one key. */
const ipam: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('10.9.0.0/24', 'fd00:9::/64', '0.0.0.0/0', '10.9.0.0/30').map(rangeOf) },
  { weight: 2, arbitrary: ipamOf('host-local') },
  { weight: 2, arbitrary: ipamOf('static') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...badFiles).map((resolvConf) => ({ ...rangeOf('10.9.0.0/24'), resolvConf })),
  },
  { weight: 2, arbitrary: fc.constantFrom(...dataDirs).map((dataDir) => ({ ...rangeOf('10.9.0.0/24'), dataDir })) },
  { weight: 3, arbitrary: fc.constantFrom(...ipamTypes).map((type) => ({ ...rangeOf('10.9.0.0/24'), type })) },
  { weight: 1, arbitrary: absurdAddress().map((address) => ({ type: 'static', addresses: [{ address }] })) },
);

function rangeOf(subnet: string): Config {
  return { type: 'host-local', subnet };
}

function ipamOf(type: string): fc.Arbitrary<Config> {
  const inner = shapeOf(type).entries?.ipam as Shape;
  return validValue(inner).map((value) => ({ ...(value as Config), type }));
}

function absurdAddress(): fc.Arbitrary<string> {
  const address = fc.constantFrom(
    '0.0.0.0',
    '255.255.255.255',
    '127.0.0.1',
    '224.0.0.1',
    '169.254.1.1',
    '10.9.0.3',
    '::',
    '::1',
    'ff02::1',
    'fe80::1',
    '::ffff:10.9.0.3',
    'fd00:9::3',
  );
  return fc.tuple(address, fc.constantFrom(0, 1, 8, 24, 31, 32, 64, 127, 128)).map((parts) => parts.join('/'));
}

/** Files that a plugin writes to if the configuration says so: a trace must not be one that blocks. */
const trace = fc
  .constantFrom('/run/fuzz/fifo', '/dev/full', '/run/fuzz', '/run/fuzz/loop', 'relative')
  .map((path) => ({ trace: path }));

/** A configuration that is right as far as types go, for a bridge of its own: the victim's may change if it is told to. */
function configOf(scene: Scene, type: string, command: string): fc.Arbitrary<Config> {
  const bridges = command === 'ADD' ? ['fz0', 'fz1', 'br9', 'foreign0'] : ['fz0', 'br0', 'br9', 'foreign0'];
  const named = fc.record({
    cniVersion: versions,
    name: mostly(fc.constantFrom('net', 'n'), hostileText),
    type: fc.constant(type),
  });
  const own = fc.record(
    {
      bridge: fc.constantFrom(...bridges),
      ipam,
      trestle: trace,
      prevResult: aLie(scene),
      'cni.dev/valid-attachments': attachments,
    },
    { requiredKeys: ['bridge', 'ipam'] },
  );
  return fc
    .tuple(validValue(shapeOf(type)), named, own)
    .map(([any, ...others]) => Object.assign({}, sparse(any as Config), ...others));
}

/** Of all the keys that a schema knows a handful at a time: two that contradict each other are soon together. */
function sparse(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter((_, i, all) => i % 5 === all.length % 5));
}

const attachments = fc.oneof(
  fc.constantFrom<unknown>(
    [],
    null,
    {},
    5,
    'x',
    [5],
    [{}],
    [{ containerID: 'a' }],
    [{ containerID: '../x', ifname: '/' }],
  ),
  fc.array(fc.record({ containerID: hostileText, ifname: hostileText }), { maxLength: 3 }),
);

const orHostile = (right: string, ...texts: string[]): fc.Arbitrary<string> =>
  mostly(fc.constant(right), texts.length > 0 ? fc.constantFrom(...texts) : hostileText, 8);

function environment(scene: Scene, command: string): fc.Arbitrary<Record<string, string>> {
  return fc
    .record(
      {
        CNI_COMMAND: fc.constant(command),
        CNI_CONTAINERID: orHostile('fuzz'),
        CNI_NETNS: fc.oneof(
          { weight: 8, arbitrary: fc.constant(scene.pod.path) },
          { weight: 3, arbitrary: fc.constantFrom(...badNamespaces) },
          fc.constant(scene.victim.path),
        ),
        CNI_IFNAME: orHostile('eth0'),
        CNI_PATH: orHostile('/run/fuzz/plugins', ...paths),
        CNI_ARGS: orHostile('', ...argTexts),
        CNI_NETNS_OVERRIDE: fc.constantFrom('0', 'x', 'false'),
      },
      { requiredKeys: ['CNI_COMMAND'] },
    )
    .map((env) => withoutMost(env));
}

/** Absent variables are one case among many, not half of all. */
function withoutMost(env: Partial<Record<string, string>>): Record<string, string> {
  const usual = { CNI_CONTAINERID: 'fuzz', CNI_IFNAME: 'eth0', CNI_PATH: '/run/fuzz/plugins' };
  const rest = Object.entries(env).map(([name, text = '']) => [name, withoutNul(text)]);
  return { ...(rest.length > 3 ? usual : {}), ...Object.fromEntries(rest) };
}

/** Any request that could do harm. Most have one thing wrong, and many have nothing wrong at all. */
export function aRequest(scene: Scene): fc.Arbitrary<FuzzRequest> {
  const usual = fc
    .tuple(types, commands)
    .chain(([type, command]) =>
      fc
        .tuple(environment(scene, command), configOf(scene, type, command), mutation)
        .map(([env, config, mutate]) => request(type, env, toJson(config), mutate)),
    );
  const monster = fc
    .tuple(types, commands, fc.constantFrom(...Object.entries({ ...monsters, ...longLists })))
    .map(([type, command, [what, text]]) => request(type, plainEnvironment(scene, command), text(), undefined, what));
  return fc.oneof({ weight: 80, arbitrary: usual }, { weight: 1, arbitrary: monster });
}

/** What a runtime sends when nothing is wrong. */
export function plainEnvironment(scene: Scene, command = 'ADD'): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'fuzz',
    CNI_NETNS: scene.pod.path,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/run/fuzz/plugins',
  };
}

/** Loopback has nothing but its namespace, and may do what it likes with that of a pod: that is never the victim's. */
export function request(
  type: string,
  env: Record<string, string>,
  text: string,
  mutate: Mutation = Buffer.from,
  what?: string,
): FuzzRequest {
  const netns = type === 'loopback' ? env.CNI_NETNS?.replace('victim', 'fuzz') : env.CNI_NETNS;
  const stdin = mutate(text);
  return {
    type,
    env: netns === undefined ? env : { ...env, CNI_NETNS: netns },
    stdin,
    // For fast-check's report: a counterexample of a megabyte helps nobody.
    [fc.toStringMethod]: () => JSON.stringify({ type, env: shortened(env), stdin: what ?? shown(stdin) }, null, 2),
  } as FuzzRequest;
}

const shown = (bytes: Buffer): string =>
  `${bytes.toString('latin1', 0, 3_000)}${bytes.length > 3_000 ? `… (${bytes.length} bytes)` : ''}`;

function shortened(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, text]) => [name, text.length > 300 ? `${text.slice(0, 300)}…` : text]),
  );
}
