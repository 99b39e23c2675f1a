import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { explainPlugins, withRecorded } from '../../../../lib/cli/explain/explain';
import type { PluginStory } from '../../../../lib/cli/explain/story';
import { type AttachmentRecord, writeRecord } from '../../../../lib/plugin/records';
import { linkFact } from '../../facts';
import { madeUpWorld, withNetwork } from './made-up';

const attachment = { containerId: 'c1', netns: '/run/netns/blue', ifname: 'eth0', args: [], capabilityArgs: {} };
const subject = { attachment, hasPod: true };
const mac = '02:00:00:00:00:07';

describe('an explanation of an ADD whose container has a record', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-debris-'));
    mkdirSync(join(folder, 'leases/net'), { recursive: true });
    writeFileSync(join(folder, 'leases/net/10.1.2.2'), 'c1\r\neth0');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const explained = (state: AttachmentRecord['state']) => {
    const ipam = { type: 'host-local', dataDir: join(folder, 'leases'), subnet: '10.1.2.0/24' };
    const config = { cniVersion: '1.0.0', name: 'net', type: 'bridge', ipam };
    const world = madeUpWorld({ 'link host veth0': linkFact({ name: 'veth0', mac }) });
    const platform = { ...world.platform, stateDir: folder };
    writeRecord(platform, {
      version: 1,
      bootId: 'boot',
      state,
      noted: 0,
      type: 'bridge',
      network: 'net',
      containerId: 'c1',
      ifname: 'eth0',
      netns: attachment.netns,
      ipam: 'host-local',
      config,
      links: [{ ns: 'host', name: 'veth0', mac }],
      elements: [],
    });
    return withNetwork({ '10-net.conf': config }, async (network) => {
      const told = await explainPlugins({ ...world, platform }, network, subject);
      return { ...told, plugins: withRecorded({ ...world, platform }, network, subject, told.plugins) };
    });
  };
  const words = (actions: PluginStory['add'] = []) => actions.map((action) => action.words);

  it('of one that was killed begins with what it clears, and gives its address again', async () => {
    const { plugins } = await explained('incomplete');
    expect(words(plugins[0]?.add).slice(0, 4)).to.deep.equal([
      `clear what an ADD that was killed has left: delete link veth0 if its MAC is ${mac}`,
      'clear what an ADD that was killed has left: host-local releases what it gave',
      `note the attachment in ${folder}/attachments`,
      'host-local gives 10.1.2.2/24 (gateway 10.1.2.1)',
    ]);
    expect(words(plugins[0]?.del)[0], 'the DEL is of what the ADD makes').to.match(/^delete link veth\w{11} /);
  });

  it('of one that is attached is the refusal, and the DEL of what is on record', async () => {
    const { plugins, refusal } = await explained('complete');
    expect(refusal?.code).to.equal(100);
    expect(plugins[0]?.add).to.deep.equal([]);
    expect(words(plugins[0]?.del)).to.deep.equal([
      `delete link veth0 if its MAC is ${mac}`,
      'host-local releases what it gave',
      `remove the note in ${folder}/attachments`,
    ]);
  });
});
