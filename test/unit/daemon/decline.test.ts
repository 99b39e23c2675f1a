import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { newConfigurations } from '../../../lib/daemon/configurations';
import { reasonToDecline } from '../../../lib/daemon/decline';
import type { LaunchedRequest, Place } from '../../../lib/daemon/request';
import type { Platform } from '../../../lib/plugin/platform';
import { type AttachmentRecord, writeRecord } from '../../../lib/plugin/records';
import { plugins } from '../../../lib/plugins';

const place: Place = { mnt: '4:1', pid: '4:2', user: '4:3', net: '4:4', root: '26:2' };
const self = { build: '0.1.0-abc', place };

const config = (over: object = {}) => ({ cniVersion: '1.0.0', name: 'net', type: 'bridge', ...over });

const decode = newConfigurations();

function request(over: Partial<LaunchedRequest> = {}, sent: unknown = config()): LaunchedRequest {
  const stdin = Buffer.from(typeof sent === 'string' ? sent : JSON.stringify(sent));
  return {
    build: '0.1.0-abc',
    type: 'bridge',
    began: 0,
    token: '0'.repeat(32),
    place,
    env: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/run/netns/a' },
    netns: '/proc/1/fd/3',
    stdin,
    config: decode(stdin),
    ...over,
  };
}

describe('The daemon', () => {
  let platform: Platform;
  beforeEach(() => {
    const stateDir = mkdtempSync(join(tmpdir(), 'trestle-decline-'));
    platform = { plugins, stateDir, bootId: 'boot' } as Platform;
  });
  afterEach(() => rmSync(platform.stateDir, { recursive: true }));

  const reason = (over?: Partial<LaunchedRequest>, sent?: unknown) =>
    reasonToDecline(request(over, sent), self, platform);
  const record = (over: Partial<AttachmentRecord>): void =>
    writeRecord(platform, {
      version: 1,
      bootId: 'boot',
      state: 'complete',
      noted: 1,
      type: 'bridge',
      network: 'net',
      containerId: 'c1',
      ifname: 'eth0',
      netns: '',
      ipam: '',
      config: {},
      links: [],
      elements: [],
      ...over,
    });

  it('takes what its own plugins can do', () => {
    expect(reason()).to.equal(undefined);
    expect(reason({}, config({ ipam: { type: 'host-local' } }))).to.equal(undefined);
    expect(reason({ type: 'host-local' }, config({ ipam: { type: 'host-local' } }))).to.equal(undefined);
    expect(reason({ type: 'loopback' }, config({ type: 'loopback' }))).to.equal(undefined);
  });

  it('takes what cannot be decoded: nobody else could do more than refuse it', () => {
    for (const text of ['', '{', '[]', '{"ipam": 5}', '{"name": 5}'])
      expect(reason({}, text), text).to.equal(undefined);
  });

  it('leaves those of another build alone, and of another place', () => {
    expect(reason({ build: '0.1.0-abd' })).to.equal('build');
    for (const kind of ['mnt', 'pid', 'user', 'net'] as const)
      expect(reason({ place: { ...place, [kind]: '4:9' } })).to.equal(`namespace ${kind}`);
    expect(reason({ place: { ...place, root: '26:3' } })).to.equal('root folder');
  });

  it('leaves plugins alone that it does not have', () => {
    expect(reason({ type: 'tuning' })).to.equal('plugin');
  });

  it("leaves alone what needs somebody else's IPAM, however its key is written", () => {
    expect(reason({}, config({ ipam: { type: 'dhcp' } }))).to.equal('delegate');
    expect(reason({}, config({ IPAM: { Type: 'dhcp' } }))).to.equal('delegate');
    expect(reason({}, config({ ipam: { type: 'bridge' } }))).to.equal('delegate');
  });

  it('leaves alone what an earlier ADD did with one', () => {
    record({ ipam: 'dhcp' });
    const DEL = { ...request().env, CNI_COMMAND: 'DEL' };
    expect(reason({ env: DEL })).to.equal('delegate');
    expect(reason({ env: { ...DEL, CNI_IFNAME: 'eth1' } })).to.equal(undefined);
    expect(reason({ env: DEL }, config({ name: 'other' }))).to.equal(undefined);
  });

  it('lets an ADD find that out when it has the lock: it asks nobody before', () => {
    record({ ipam: 'dhcp' });
    expect(reason()).to.equal(undefined);
  });

  it('leaves a GC alone that could have to remove such an attachment', () => {
    const GC = { CNI_COMMAND: 'GC', CNI_PATH: '/x' };
    record({ ipam: 'host-local' });
    expect(reason({ env: GC })).to.equal(undefined);
    record({ ipam: 'dhcp', containerId: 'c2' });
    expect(reason({ env: GC })).to.equal('delegate');
    expect(reason({ env: GC }, config({ name: 'other' }))).to.equal(undefined);
  });

  it('does not open by itself what would be something else for it', () => {
    const without = (CNI_NETNS: string) => {
      const { netns: _, ...rest } = request();
      return reasonToDecline({ ...rest, env: { ...rest.env, CNI_NETNS } }, self, platform);
    };
    for (const path of ['/proc/self/ns/net', '/proc/thread-self/ns/net', '/dev/fd/4', 'netns/a'])
      expect(without(path), path).to.equal('netns path');
    for (const path of ['/run/netns/gone', '']) expect(without(path), path).to.equal(undefined);
  });
});
