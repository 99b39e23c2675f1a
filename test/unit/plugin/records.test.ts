import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type AttachmentRecord,
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

  it('that are half written are found by name, and can be discarded', () => {
    writeRecord(store, record);
    const [name = ''] = readdirSync(join(store.stateDir, 'attachments'));
    writeFileSync(join(store.stateDir, 'attachments', `${name}.tmp`), '{');
    expect(listRecords(store)).to.have.length(1);
    expect(listUnfinished(store)).to.deep.equal([recordName(key, 'bridge')]);
    discardUnfinished(store, name);
    expect(readdirSync(join(store.stateDir, 'attachments'))).to.deep.equal([name]);
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
