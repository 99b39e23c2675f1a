import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type CachedAttachment,
  listCache,
  readCache,
  removeCache,
  writeCache,
} from '../../../../lib/cni/runtime/cache';

const attachment: CachedAttachment = {
  network: 'mynet',
  containerId: 'pod1',
  netns: '/run/netns/pod1',
  ifname: 'eth0',
  args: [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAME', 'web'],
  ],
  capabilityArgs: { ips: ['10.1.2.3/24'] },
  config: Buffer.from('{"name":"mynet"}'),
  result: { cniVersion: '1.0.0', ips: [{ address: '10.1.2.3/24' }] },
};

describe('The cache of results', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-cache-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const file = 'results/mynet-pod1-eth0';

  it('is as libcni has it', () => {
    writeCache(folder, attachment);
    expect(JSON.parse(readFileSync(join(folder, file), 'utf8'))).to.deep.equal({
      kind: 'cniCacheV1',
      containerId: 'pod1',
      config: 'eyJuYW1lIjoibXluZXQifQ==',
      ifName: 'eth0',
      networkName: 'mynet',
      netns: '/run/netns/pod1',
      cniArgs: attachment.args,
      capabilityArgs: attachment.capabilityArgs,
      result: attachment.result,
    });
    expect(statSync(join(folder, file)).mode & 0o777, 'its mode').to.equal(0o600);
    expect(readdirSync(folder), 'beside it').to.deep.equal(['results']);
  });

  it('leaves out what is empty, as libcni does', () => {
    const { result: _, ...bare } = attachment;
    writeCache(folder, { ...bare, args: [], capabilityArgs: {}, netns: '' });
    const keys = Object.keys(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    expect(keys).to.deep.equal(['kind', 'containerId', 'config', 'ifName', 'networkName']);
  });

  it('gives back what was put in, until it is taken out', () => {
    expect(readCache(folder, attachment)).to.equal(undefined);
    writeCache(folder, attachment);
    expect(readCache(folder, attachment)).to.deep.equal(attachment);
    removeCache(folder, attachment);
    expect(readCache(folder, attachment)).to.equal(undefined);
    removeCache(folder, attachment);
  });

  it('lists what can be understood', () => {
    expect(listCache(folder)).to.deep.equal([]);
    writeCache(folder, { ...attachment, ifname: 'eth1' });
    writeCache(folder, attachment);
    const own = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const garbage = {
      half: '{"kind":"cniCacheV1","contai',
      null: 'null',
      old: '{"cniVersion":"0.3.1"}',
      empty: '',
      'mynet-pod1-eth2': JSON.stringify({ ...own, ifName: 'eth2', cniArgs: 'K=v' }),
      'mynet-pod1-eth3': JSON.stringify({ ...own, ifName: 'eth3', config: 7 }),
      'mynet-pod1-eth4': JSON.stringify({ ...own, ifName: 'eth4', result: [7, 'x'].join() }),
      "another one's": JSON.stringify(own),
      'a way out': JSON.stringify({ ...own, ifName: '../../../etc/passwd' }),
    };
    for (const [name, text] of Object.entries(garbage)) writeFileSync(join(folder, 'results', name), text);
    mkdirSync(join(folder, 'results/folder'));
    const nulls = {
      ...own,
      ifName: 'eth5',
      config: null,
      netns: null,
      cniArgs: null,
      capabilityArgs: null,
      result: null,
    };
    writeFileSync(join(folder, 'results/mynet-pod1-eth5'), JSON.stringify(nulls));
    expect(listCache(folder).map(({ ifname }) => ifname)).to.deep.equal(['eth0', 'eth1', 'eth5']);
  });
});
