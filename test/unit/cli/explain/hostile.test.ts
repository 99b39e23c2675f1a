import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { explainPlugins } from '../../../../lib/cli/explain/explain';
import { explanationText } from '../../../../lib/cli/explain/text';
import { warningsFor } from '../../../../lib/cli/explain/warnings';
import { paintFor } from '../../../../lib/cli/paint';
import { loadFile } from '../../../../lib/cni/runtime/files';
import { hostLocalConfig } from '../../../../lib/ipam/host-local/config';
import { bridgeSchema } from '../../../../lib/plugins/bridge/config';
import { monsters, mutation } from '../../../fuzz/mutations';
import { fieldsOf, type Shape, spoilt, toJson } from '../../../fuzz/schema';
import { linkFact } from '../../facts';
import { madeUpWorld } from './made-up';

const attachment = { containerId: 'example', netns: '/run/netns/x', ifname: 'eth0', args: [], capabilityArgs: {} };
const host = {
  links: [{ link: linkFact({ name: 'cni0', kind: 'bridge' }), addrs: [], routes: [] }],
  bridgeCallsIptables: '1',
};
const base = { cniVersion: '1.0.0', name: 'net', type: 'bridge', isGateway: true, capabilities: { mac: true } };
const configs = [
  { ...base, ip: '10.9.0.2/24' },
  { ...base, ipam: { type: 'host-local', dataDir: '/nowhere', ranges: [[{ subnet: '10.1.2.0/24' }]] } },
  {
    ...base,
    ipam: { type: 'static', addresses: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }] },
    trestle: { a: 1 },
  },
];

/** What only a mistake in our own code would say. */
const slips = /undefined|not a function|not iterable|Cannot |Invalid count|out of range|stack size/;

describe('a hostile configuration', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-hostile-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Explains a file as the command does. */
  const explained = async (name: string, content: string | Buffer): Promise<string> => {
    const file = join(folder, name);
    writeFileSync(file, content);
    const network = loadFile(file);
    if ('reason' in network) return network.reason;
    const plugins = madeUpWorld({}, ['/bin']);
    const told = await explainPlugins(plugins, network, { attachment, hasPod: false });
    const warnings = warningsFor(plugins, network, host);
    const about = { file, network: network.name, cniVersion: network.cniVersion, attachment };
    const explanation = { ...about, ...told, warnings };
    return `${told.refusal?.msg ?? ''} ${explanationText(explanation, paintFor(false, {}))} ${JSON.stringify(explanation)}`;
  };

  const expectPlain = async (content: string | Buffer, name = '10-net.conf'): Promise<void> => {
    const text = await explained(name, content);
    expect(text.match(slips)?.[0], `${text.slice(0, 500)} of ${content.toString().slice(0, 500)}`).to.equal(undefined);
  };

  it('is explained or refused, whatever has become of its text', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...configs), fc.boolean(), mutation, async (config, isList, mutate) => {
        const { cniVersion, name, ...plugin } = config;
        const whole = isList ? { cniVersion, name, plugins: [plugin] } : config;
        await expectPlain(mutate(toJson(whole)), `10-net.conf${isList ? 'list' : ''}`);
      }),
      { numRuns: 200 },
    ));

  for (const shape of [bridgeSchema, hostLocalConfig] as unknown as Shape[]) {
    const fields = fieldsOf(shape);
    it(`is explained or refused, with a wrong value in one of ${fields.length} fields`, async () => {
      for (const { path, wrong } of fields) {
        for (const value of wrong) await expectPlain(toJson({ ...base, ...(spoilt(shape, path, value) as object) }));
      }
    });
  }

  for (const [title, monster] of Object.entries(monsters)) {
    it(`is explained or refused as ${title}`, () => expectPlain(monster()));
  }
});
