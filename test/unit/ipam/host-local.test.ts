import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Bench, newBench, refusalOf } from './support';

const dualStack = {
  ranges: [[{ subnet: '10.1.2.0/24' }, { subnet: '10.1.3.0/24' }], [{ subnet: 'fd00::/64', gateway: 'fd00::ff' }]],
};

describe('host-local', () => {
  let bench: Bench;
  afterEach(() => bench.remove());

  describe('ADD', () => {
    it("leaves exactly the reference's files", async () => {
      bench = newBench(dualStack);
      await bench.add();
      expect(bench.files()).to.deep.equal({
        '10.1.2.2': 'c1\r\neth0',
        'fd00::1': 'c1\r\neth0',
        'last_reserved_ip.0': '10.1.2.2',
        'last_reserved_ip.1': 'fd00::1',
      });
      expect(readdirSync(bench.dataDir)).to.deep.equal(['net']);
      expect(statSync(join(bench.folder, '10.1.2.2')).mode & 0o777).to.equal(0o644);
    });

    it('answers with addresses, gateways, routes and the name servers of resolvConf', async () => {
      const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.0.0.0/8', gw: '10.1.2.9', mtu: 1400, table: 7 }];
      bench = newBench({ ...dualStack, routes });
      mkdirSync(bench.dataDir);
      const resolvConf = join(bench.dataDir, 'resolv.conf');
      writeFileSync(resolvConf, 'nameserver 192.0.2.53\nsearch a b\n');
      expect(await bench.add({ ipam: { resolvConf } })).to.deep.equal({
        ips: [
          { address: '10.1.2.2/24', gateway: '10.1.2.1' },
          { address: 'fd00::1/64', gateway: 'fd00::ff' },
        ],
        routes,
        dns: { nameservers: ['192.0.2.53'], search: ['a', 'b'] },
      });
    });

    it('changes nothing when resolvConf cannot be read', async () => {
      bench = newBench({ subnet: '10.1.2.0/24', resolvConf: '/nonexistent/resolv.conf' });
      expect(await refusalOf(bench.add())).to.contain('failed to read resolvConf: ENOENT: no such file or directory');
      expect(bench.files()).to.deep.equal({});
    });

    it('changes nothing when resolvConf is no file of a sane size', async () => {
      bench = newBench();
      for (const resolvConf of ['/dev/zero', '/dev/tty', '/', '/proc/kallsyms']) {
        expect(await refusalOf(bench.add({ ipam: { resolvConf } }))).to.match(
          /^failed to read resolvConf: (ENXIO: .*|.* is not a regular file|.* has more than 65536 bytes)$/,
        );
        expect(bench.files()).to.deep.equal({});
      }
    });

    it('fails with code 5 when the data folder is a file', async () => {
      bench = newBench();
      writeFileSync(bench.dataDir, '');
      expect(await bench.add().catch((thrown) => thrown)).to.have.property('code', 5);
    });

    it('fails with code 5 where no folder can be made', async () => {
      bench = newBench();
      for (const dataDir of ['/proc/self/fd', '/proc/sys/x', '/dev/null/x']) {
        expect(await bench.add({ ipam: { dataDir } }).catch((thrown) => thrown)).to.have.property('code', 5);
      }
    });

    it('gives the next address each time, and not at once what was released', async () => {
      bench = newBench();
      const first = await bench.add();
      await bench.del();
      const second = await bench.add();
      expect([first.ips?.[0]?.address, second.ips?.[0]?.address]).to.deep.equal(['10.1.2.2/24', '10.1.2.3/24']);
    });

    it('refuses the same interface twice and takes another one of the container', async () => {
      bench = newBench();
      await bench.add();
      expect(await refusalOf(bench.add())).to.equal(
        'failed to allocate for range 0: 10.1.2.2 has been allocated to c1, duplicate allocation is not allowed',
      );
      expect((await bench.add({ ifname: 'net1' })).ips?.[0]?.address).to.equal('10.1.2.3/24');
    });

    it('leaves nothing when one range set is exhausted', async () => {
      bench = newBench({ ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: '10.9.0.0/30' }]] });
      await bench.add({ id: 'c0' });
      expect(await refusalOf(bench.add())).to.equal(
        'failed to allocate for range 1: no IP addresses available in range set: 10.9.0.1-10.9.0.2',
      );
      expect(Object.keys(bench.files())).to.deep.equal([
        '10.1.2.2',
        '10.9.0.2',
        'last_reserved_ip.0',
        'last_reserved_ip.1',
      ]);
    });

    it('keeps a network that would leave the data folder out', async () => {
      bench = newBench();
      for (const network of ['..', '.', '', '../../tmp', 'a/b']) {
        expect(await refusalOf(bench.add({ network })), network).to.contain('cannot be the name of a folder');
      }
      expect(bench.files()).to.deep.equal({});
    });

    it('gives each of many at once an address of its own', async () => {
      bench = newBench();
      const results = await Promise.all(Array.from({ length: 100 }, (_, i) => bench.add({ id: `c${i}` })));
      expect(new Set(results.map(({ ips }) => ips?.[0]?.address)).size).to.equal(100);
    });
  });

  describe('DEL', () => {
    it('releases what this interface holds and nothing else', async () => {
      bench = newBench(dualStack);
      for (const call of [{}, { ifname: 'net1' }, { id: 'c2' }]) await bench.add(call);
      await bench.del();
      expect(Object.keys(bench.files())).to.deep.equal([
        '10.1.2.3',
        '10.1.2.4',
        'fd00::2',
        'fd00::3',
        'last_reserved_ip.0',
        'last_reserved_ip.1',
      ]);
    });

    it('succeeds for a container that is unknown, twice, and without the folder', async () => {
      bench = newBench();
      await bench.del();
      expect(readdirSync(join(bench.dataDir, '..')), 'DEL makes no folder').to.deep.equal([]);
      await bench.add();
      await bench.del({ id: 'c9' });
      await bench.del();
      await bench.del();
      expect(Object.keys(bench.files())).to.deep.equal(['last_reserved_ip.0']);
    });

    it('releases the lease of an old release, which names the container alone, white space or not', async () => {
      bench = newBench();
      await bench.add({ id: 'c2' });
      writeFileSync(join(bench.folder, '10.1.2.77'), ' c1 \n');
      await bench.del();
      expect(Object.keys(bench.files())).to.deep.equal(['10.1.2.2', 'last_reserved_ip.0']);
    });

    it("leaves an old release's lease while the interface has one of its own", async () => {
      bench = newBench();
      await bench.add();
      writeFileSync(join(bench.folder, '10.1.2.77'), 'c1');
      await bench.del();
      expect(Object.keys(bench.files())).to.deep.equal(['10.1.2.77', 'last_reserved_ip.0']);
    });

    it('releases what it can find when the rest of the configuration is broken', async () => {
      bench = newBench();
      await bench.add();
      await bench.del({ ipam: { subnet: 7, ranges: 'x', gateway: [] }, args: 'FOO=1' });
      expect(Object.keys(bench.files())).to.deep.equal(['last_reserved_ip.0']);
      expect(bench.host.warnings).to.deep.equal([]);
    });

    it('warns and succeeds when the data folder cannot be made out', async () => {
      bench = newBench();
      writeFileSync(bench.dataDir, '');
      await bench.del({ ipam: { dataDir: 7 } });
      await bench.del({ ipam: { dataDir: bench.dataDir } });
      await bench.del({ network: '..' });
      expect(bench.host.warnings.join('\n')).to.match(/"ipam.dataDir" is no path.*\n.*\n.*no lease is released/);
    });
  });

  describe('CHECK', () => {
    const missing = 'host-local: Failed to find address added by container c1';

    it('passes after ADD and fails after DEL, or without the folder', async () => {
      bench = newBench();
      expect(await refusalOf(bench.check())).to.equal(missing);
      await bench.add();
      await bench.check();
      await bench.del();
      expect(await refusalOf(bench.check())).to.equal(missing);
    });

    it("passes with an old release's lease", async () => {
      bench = newBench();
      mkdirSync(bench.folder, { recursive: true });
      writeFileSync(join(bench.folder, '10.1.2.77'), 'c1');
      await bench.check();
    });

    it('fails when prevResult names an address that is leased to nobody or to somebody else', async () => {
      bench = newBench(dualStack);
      const prevResult = await bench.add();
      await bench.check({ prevResult });
      rmSync(join(bench.folder, 'fd00::1'));
      expect(await refusalOf(bench.check({ prevResult }))).to.equal(`${missing}; fd00::1 is not leased to it`);
      writeFileSync(join(bench.folder, 'fd00::1'), 'c2\r\neth0');
      expect(await refusalOf(bench.check({ prevResult }))).to.equal(`${missing}; fd00::1 is not leased to it`);
    });

    it("leaves out the addresses of other interfaces and of other plugins' ranges", async () => {
      bench = newBench();
      const { ips = [] } = await bench.add();
      const interfaces = [
        { name: 'eth0', sandbox: '/x' },
        { name: 'net1', sandbox: '/x' },
      ];
      const others = [
        { address: '10.1.2.99/24', interface: 1 },
        { address: '192.0.2.1/24', interface: 0 },
      ];
      await bench.check({
        prevResult: { interfaces, ips: [...ips.map((ip) => ({ ...ip, interface: 0 })), ...others] },
      });
    });
  });
});
