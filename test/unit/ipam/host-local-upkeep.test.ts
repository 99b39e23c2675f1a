import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Bench, newBench, refusalOf } from './support';

describe('host-local, over time', () => {
  let bench: Bench;
  afterEach(() => bench.remove());

  describe('GC', () => {
    beforeEach(async () => {
      bench = newBench();
      for (const id of ['c1', 'c2', 'c3']) await bench.add({ id });
      await bench.add({ id: 'c1', ifname: 'net1' });
      writeFileSync(join(bench.folder, '10.1.2.77'), 'c2');
      writeFileSync(join(bench.folder, '10.1.2.78'), 'c9');
    });
    const leases = (): string[] => Object.keys(bench.files()).filter((name) => !name.startsWith('last'));

    it('does nothing without a list', async () => {
      await bench.gc();
      expect(leases()).to.have.length(6);
    });

    it('releases everything with an empty list', async () => {
      await bench.gc({ valid: [] });
      expect(leases()).to.deep.equal([]);
    });

    it('keeps what is valid, by container and interface, and by container alone where the file names no interface', async () => {
      await bench.gc({
        valid: [
          { containerId: 'c1', ifname: 'eth0' },
          { containerId: 'c2', ifname: 'net7' },
        ],
      });
      expect(leases()).to.deep.equal(['10.1.2.2', '10.1.2.77']);
    });

    it('keeps what somebody is working on', async () => {
      bench.host.busy.add('net c3 eth0');
      await bench.gc({ valid: [] });
      expect(leases()).to.deep.equal(['10.1.2.4']);
    });

    it('keeps what is on record: it was added after the list was made, or could not be removed', async () => {
      bench.host.attached.add('net c3 eth0');
      await bench.gc({ valid: [] });
      expect(leases()).to.have.length(1);
    });

    it('keeps what was leased since it began: the list cannot know of that', async () => {
      utimesSync(join(bench.folder, '10.1.2.3'), 1, 1);
      bench.host.began = Date.now() - 60_000;
      await bench.gc({ valid: [] });
      expect(leases()).to.have.length(5).and.not.to.include('10.1.2.3');
    });

    it('leaves files that are no leases', async () => {
      writeFileSync(join(bench.folder, 'notes.txt'), 'c1\r\neth0');
      writeFileSync(join(bench.folder, '10.1.2.99'), 'kept by hand for the printer');
      await bench.gc({ valid: [] });
      expect(leases()).to.deep.equal(['10.1.2.99', 'notes.txt']);
    });
  });

  describe('STATUS', () => {
    it('passes before the first ADD, without making a folder', async () => {
      bench = newBench();
      await bench.status();
      expect(readdirSync(join(bench.dataDir, '..'))).to.deep.equal([]);
    });

    it('fails with code 50 when the data folder cannot be one', async () => {
      bench = newBench();
      writeFileSync(bench.dataDir, '');
      const error = await bench.status().catch((thrown) => thrown);
      expect(error).to.have.property('code', 50);
      expect(error.message).to.contain('leases cannot be written');
    });

    it('fails with code 7 when the configuration is wrong', async () => {
      bench = newBench({ subnet: '10.1.2.0/31' });
      expect(await bench.status().catch((thrown) => thrown)).to.have.property('code', 7);
    });

    it('tells an exhausted pool only when it is asked for', async () => {
      bench = newBench({ subnet: '10.1.2.0/30' });
      await bench.status({ ipam: { statusOnExhaustion: true } });
      await bench.add();
      await bench.status();
      expect(await bench.status({ ipam: { statusOnExhaustion: true } }).catch((thrown) => thrown)).to.include({
        code: 50,
        msg: 'no IP addresses available in range set: 10.1.2.1-10.1.2.2',
      });
    });
  });

  describe('after the machine was started again', () => {
    const hour = 3_600_000;
    beforeEach(() => {
      bench = newBench({ subnet: '10.1.2.0/29' });
      bench.host.bootTime = Date.now() - hour;
    });

    async function addBefore(time: number, id: string): Promise<void> {
      const address = (await bench.add({ id })).ips?.[0]?.address.replace(/\/.*/, '') ?? '';
      utimesSync(join(bench.folder, address), time / 1000, time / 1000);
    }

    it('gives a container its former address', async () => {
      await addBefore(bench.host.bootTime - hour, 'c1');
      await addBefore(bench.host.bootTime - hour, 'c2');
      expect((await bench.add()).ips?.[0]?.address).to.equal('10.1.2.2/29');
      expect(await refusalOf(bench.add()), 'now it is a lease of this boot').to.contain('duplicate allocation');
    });

    it("gives a stranger a former container's address once there is no other", async () => {
      for (const id of ['old1', 'old2', 'old3']) await addBefore(bench.host.bootTime - hour, id);
      for (const id of ['new1', 'new2']) await bench.add({ id });
      bench.host.attached.add('net old1 eth0');
      bench.host.busy.add('net old2 eth0');
      expect((await bench.add({ id: 'new3' })).ips?.[0]?.address).to.equal('10.1.2.4/29');
      expect(await refusalOf(bench.add({ id: 'new4' }))).to.contain('no IP addresses available');
      await bench.del({ id: 'old3' });
      expect(bench.files()['10.1.2.4'], 'a late DEL of the former holder').to.equal('new3\r\neth0');
    });

    it('does not take a lease for old that was written about when the machine started', async () => {
      for (const id of ['c1', 'c2', 'c3', 'c4', 'c5']) await addBefore(bench.host.bootTime - 5_000, id);
      expect(await refusalOf(bench.add({ id: 'c6' }))).to.contain('no IP addresses available');
    });
  });
});
