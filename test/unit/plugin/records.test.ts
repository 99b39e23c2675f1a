import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type AttachmentRecord,
  amendRecord,
  discardUnfinished,
  isAttached,
  listRecords,
  listUnfinished,
  readRecord,
  recordName,
  removeRecord,
  writeRecord,
} from '../../../lib/plugin/records';

const key = { network: 'net', containerId: 'c1', ifname: 'eth0' };
const record: AttachmentRecord = {
  ...key,
  version: 1,
  bootId: 'boot',
  state: 'incomplete',
  noted: 1,
  type: 'bridge',
  netns: '/run/netns/a',
  ipam: 'host-local',
  config: { name: 'net' },
  links: [],
  elements: [],
};

describe('attachment records', () => {
  let store: { stateDir: string; bootId: string };

  beforeEach(() => {
    store = { stateDir: mkdtempSync(join(tmpdir(), 'records-')), bootId: 'boot' };
  });
  afterEach(() => rmSync(store.stateDir, { recursive: true }));

  it('are read back as they were written, and gone once removed', () => {
    writeRecord(store, record);
    expect(readRecord(store, key, 'bridge')).to.deep.equal(record);
    removeRecord(store, key, 'bridge');
    expect(readRecord(store, key, 'bridge')).to.equal(undefined);
    expect(readdirSync(join(store.stateDir, 'attachments'))).to.deep.equal([]);
  });

  it('are one per plugin type', () => {
    writeRecord(store, record);
    expect(readRecord(store, key, 'ptp')).to.equal(undefined);
    expect(isAttached(store, key, ['ptp', 'bridge'])).to.equal(true);
    expect(isAttached(store, { ...key, ifname: 'eth1' }, ['ptp', 'bridge'])).to.equal(false);
  });

  it('of another boot are void', () => {
    writeRecord(store, record);
    expect(readRecord({ ...store, bootId: 'next' }, key, 'bridge')).to.equal(undefined);
    expect(listRecords({ ...store, bootId: 'next' })).to.deep.equal([]);
  });

  const name = recordName(key, 'bridge');
  const text = (): string => readFileSync(join(store.stateDir, 'attachments', name), 'utf8');
  const rewrite = (changed: string): void => writeFileSync(join(store.stateDir, 'attachments', name), changed);

  it('are what they were at first and what has been noted since, whoever notes it', () => {
    writeRecord(store, record);
    amendRecord(store, record, { netns: '/run/netns/b', links: [{ ns: 'host', name: 'veth1' }] });
    amendRecord(store, record, { state: 'complete' });
    const whole = { ...record, netns: '/run/netns/b', links: [{ ns: 'host', name: 'veth1' }] };
    expect(readRecord(store, key, 'bridge')).to.deep.equal({ ...whole, state: 'complete' });
    amendRecord(store, record, { state: 'incomplete' });
    expect(readRecord(store, key, 'bridge')).to.deep.equal({ ...whole, state: 'incomplete' });
  });

  it('are, up to any byte of what is noted, what they were before it', () => {
    writeRecord(store, record);
    const first = text().length;
    amendRecord(store, record, { state: 'complete' });
    const whole = text();
    for (let length = first; length <= whole.length; length++) {
      rewrite(whole.slice(0, length));
      const state = length < whole.length - 1 ? 'incomplete' : 'complete';
      expect(readRecord(store, key, 'bridge'), `${length} bytes`).to.deep.equal({ ...record, state });
      amendRecord(store, record, { ipam: 'static' });
      expect(readRecord(store, key, 'bridge')?.ipam, 'what comes behind half a line counts').to.equal('static');
    }
  });

  it('whose first line was not finished are none, are found by name, and can be discarded', () => {
    writeRecord(store, record);
    const whole = text();
    for (let length = 0; length < whole.length - 1; length++) {
      rewrite(whole.slice(0, length));
      expect(readRecord(store, key, 'bridge'), `${length} bytes`).to.equal(undefined);
      expect(listUnfinished(store), `${length} bytes`).to.deep.equal([name]);
    }
    discardUnfinished(store, name);
    expect(readdirSync(join(store.stateDir, 'attachments'))).to.deep.equal([]);
    writeRecord(store, record);
    expect(listUnfinished(store)).to.deep.equal([]);
    discardUnfinished(store, name);
    expect(text()).to.equal(whole);
  });

  it('that are gone are not made by what is noted', () => {
    writeRecord(store, record);
    removeRecord(store, key, 'bridge');
    expect(() => amendRecord(store, record, { state: 'complete' })).to.throw('ENOENT');
    expect(readdirSync(join(store.stateDir, 'attachments'))).to.deep.equal([]);
  });

  it('take the place of void ones', () => {
    writeRecord(store, { ...record, bootId: 'former', netns: '/run/netns/former' });
    writeRecord(store, record);
    expect(readRecord(store, key, 'bridge')).to.deep.equal(record);
  });

  it('that are damaged count as none', () => {
    writeRecord(store, record);
    const [name = ''] = readdirSync(join(store.stateDir, 'attachments'));
    for (const text of ['', 'null', '{', '[]', '{"version":2}']) {
      writeFileSync(join(store.stateDir, 'attachments', name), text);
      expect(readRecord(store, key, 'bridge'), text).to.equal(undefined);
      expect(listRecords(store), text).to.deep.equal([]);
    }
  });

  it('that cannot be read are told to whoever wants to know, and end the listing for all others', () => {
    writeRecord(store, record);
    for (const end of '2z') mkdirSync(join(store.stateDir, 'attachments', `${end}.bridge.json`));
    const told: string[] = [];
    expect(listRecords(store, ({ message }) => told.push(message))).to.have.length(1);
    expect(told).to.deep.equal(Array(2).fill('EISDIR: illegal operation on a directory, read'));
    expect(() => listRecords(store)).to.throw(told[0]);
  });

  it('are none where nothing was ever attached', () => {
    expect(listRecords(store)).to.deep.equal([]);
  });
});
