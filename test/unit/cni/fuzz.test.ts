import { expect } from 'chai';
import fc from 'fast-check';
import { printResult } from '../../../lib/cni/convert';
import { CniError, errorReport } from '../../../lib/cni/errors';
import { parseRequest, type RawRequest } from '../../../lib/cni/request';
import { errorOf, raw } from './support';

const commands = fc.constantFrom('ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION');
const names = fc.constantFrom('CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS', 'CNI_PATH');
const anyText = fc.string({ unit: 'binary' });
const anyEnvironment = fc
  .record({ CNI_COMMAND: commands })
  .chain((command) => fc.dictionary(names, anyText, { maxKeys: 2 }).map((env) => ({ ...command, ...env })));

/** Documents that get past the first checks: the right keys, with anything under them. */
const fields = [
  'interfaces',
  'ips',
  'routes',
  'dns',
  'ip4',
  'ip6',
  'address',
  'gateway',
  'interface',
  'dst',
  'gw',
  'name',
];
const anyPart: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  part: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom('10.1.2.3/24', 'fd00::1/64', '10.1.2.1', '::', '', 0, 1, -1, 1.5, 2 ** 60, true, null, '__proto__'),
    anyText,
    fc.array(tie('part'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields, '__proto__', 'IPs'), tie('part'), { maxKeys: 4 }),
  ),
})).part;
const anyVersion = fc.constantFrom('0.1.0', '0.2.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0', '', '9', 7, null);
const anyConfig = fc.record(
  {
    cniVersion: anyVersion,
    name: fc.constantFrom('net', 'n', '', '../x', 5),
    prevResult: anyPart,
    'cni.dev/valid-attachments': anyPart,
  },
  { requiredKeys: [] },
);

/** What the protocol layer makes of a request: never anything but a request or an error that can be reported. */
function survives(request: RawRequest): void {
  try {
    const parsed = parseRequest(request);
    if (parsed.command === 'ADD' && parsed.prevResult && parsed.cniVersion === '1.1.0') {
      printResult(parsed.prevResult, parsed.cniVersion);
    }
  } catch (error) {
    expect(error).to.be.instanceOf(CniError);
    expect(JSON.parse(errorReport(error)).code).to.be.oneOf([1, 4, 6, 7]);
  }
}

describe('a request of any kind', () => {
  it('is refused with code 6 when its configuration is cut off, at whatever byte', async () => {
    const ranges = [[{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.9' }], [{ subnet: 'fd00::/64' }]];
    const config = {
      cniVersion: '1.1.0',
      name: 'net',
      type: 'brücke',
      mtu: 1400,
      ipMasq: true,
      ipam: { type: 'host-local', ranges },
    };
    const whole = Buffer.from(JSON.stringify(config));
    for (let length = 0; length < whole.length; length += 1) {
      expect((await errorOf(() => parseRequest(raw({}, whole.subarray(0, length))))).code, `${length}`).to.equal(6);
    }
    expect(parseRequest(raw({}, whole))).to.include({ name: 'net' });
  });

  it('is taken or refused when its configuration is any bytes', () => {
    const likely = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', 'u0000', ':', ',', '1', 'name', 'net', ' '));
    const bytes = fc.oneof(
      fc.uint8Array(),
      likely.map((parts) => Buffer.from(parts.join(''))),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(commands, bytes, (command, stdin) => survives(raw({ CNI_COMMAND: command }, Buffer.from(stdin)))),
      { numRuns: 2000 },
    );
  });

  it('is taken or refused when its documents are of any shape', () => {
    fc.assert(
      fc.property(commands, anyConfig, (command, config) => survives(raw({ CNI_COMMAND: command }, config))),
      { numRuns: 3000 },
    );
  });

  it('is taken or refused whatever its environment says', () => {
    fc.assert(
      fc.property(anyEnvironment, (env) => survives(raw(env))),
      { numRuns: 2000 },
    );
  });
});
