import { expect } from 'chai';
import type { Request } from '../../../lib/cni/request';
import type { AttachmentRecord } from '../../../lib/plugin/records';
import { asDel } from '../../../lib/plugin/teardown';

const record = {
  containerId: 'c1',
  ifname: 'eth0',
  netns: '/run/netns/a',
  config: { name: 'net', key: 'of ADD' },
} as unknown as AttachmentRecord;
const requested = (command: string, config: object) =>
  ({ command, config, containerId: '', ifname: '', netns: '' }) as unknown as Request;
const delegated = (request: Request) => JSON.parse(asDel(request, record).stdin.toString());

describe("the DEL of an earlier ADD's delegate", () => {
  it("is about the record's container, whoever asks", () => {
    const { command, containerId, ifname, netns } = asDel(requested('GC', {}), record);
    expect({ command, containerId, ifname, netns }).to.deep.equal({
      command: 'DEL',
      containerId: 'c1',
      ifname: 'eth0',
      netns: '/run/netns/a',
    });
  });

  it('has the configuration of the ADD, and the prevResult of a DEL whatever its case', () => {
    const PrevResult = { ips: [] };
    expect(delegated(requested('DEL', { key: 'of DEL', PrevResult }))).to.deep.equal({
      ...record.config,
      prevResult: PrevResult,
    });
    expect(delegated(requested('ADD', { PrevResult }))).to.deep.equal(record.config);
  });
});
