/** Values that a field of plain data has no use for, made anew each time: some can be looked at only once. */
export const strangers: Readonly<Record<string, () => unknown>> = {
  zero: () => 0,
  'a negative number': () => -1,
  'minus zero': () => -0,
  'a fraction': () => 1.5,
  'no number': () => Number.NaN,
  'an endless number': () => Number.POSITIVE_INFINITY,
  'a number of 60 bits': () => 2 ** 60,
  'the least number': () => Number.MIN_VALUE,
  'a bigint': () => 1n,
  'a flag': () => true,
  'an empty text': () => '',
  'a text': () => 'x',
  'a text with NUL': () => 'a\0b',
  'half a character': () => '\ud800',
  'a text of 70,000 bytes': () => 'x'.repeat(70_000),
  'a format': () => '%s%n%s',
  'a symbol': () => Symbol('x'),
  'a function': () => () => 1,
  'an empty list': () => [],
  'a list in a list': () => [[]],
  'a list with holes': () => new Array(5),
  'an empty object': () => ({}),
  'an object without prototype': () => Object.create(null),
  'an object of 10,000 keys': () => Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i])),
  'an object with a long key': () => ({ ['k'.repeat(100_000)]: 1 }),
  'a date': () => new Date(0),
  'a pattern': () => /x/,
  'a map': () => new Map([['a', 1]]),
  'a text as object': () => new String('x'),
  'a number as object': () => new Number(1),
  'a promise': () => Promise.resolve(1),
  bytes: () => Buffer.from('x'),
  'a cycle': () => {
    const cycle: Record<string, unknown> = {};
    cycle.again = [cycle];
    return cycle;
  },
  'a deep object': () => Array.from({ length: 5_000 }).reduce((inner: object) => ({ inner }), {}),
  'a getter that throws': () => Object.defineProperty({}, 'x', { enumerable: true, get: () => fail(new Error('no')) }),
  'a getter that throws nothing': () =>
    Object.defineProperty({}, 'x', { enumerable: true, get: () => fail(undefined) }),
  'a list whose element throws': () =>
    Object.defineProperty([1], 0, { enumerable: true, get: () => fail(new Error('no')) }),
  'a proxy without keys': () => new Proxy({}, { ownKeys: () => fail(new Error('no')) }),
  'a proxy of a list': () => new Proxy([1, 2], {}),
  'a proxy that is revoked': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'a proxy whose keys are its own': () =>
    new Proxy({ x: 1 }, { get: (_target, key) => (key === 'x' ? { x: 1 } : undefined) }),
};

/** As {@link strangers}, and large. */
export const giants: Readonly<Record<string, () => unknown>> = {
  'a text of a million bytes': () => 'ä'.repeat(500_000),
  'a list of 100,000 elements': () => new Array(100_000).fill({}),
  'a list of nothing, four thousand million times': () => new Array(2 ** 32 - 1),
};

function fail(error: unknown): never {
  throw error;
}
