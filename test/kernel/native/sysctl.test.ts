import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Applied, Ns, SysctlSet } from '../../../lib/kernel/contract';
import { runScript, useNamespaces } from './support';

const key = 'net/ipv4/conf/lo/arp_notify';
const set = (ns: Ns, value: string, more: Partial<SysctlSet> = {}): SysctlSet => ({
  op: 'sysctl.set',
  ns,
  key,
  value,
  ifMissing: 'fail',
  ...more,
});

describe('sysctls', () => {
  const ns = useNamespaces();
  const read = async (where: Ns) => (await ns.run(where, 'cat', `/proc/sys/${key}`)).trim();

  it('are written in the namespace that the step names, and in no other', async () => {
    const machine = readFileSync(`/proc/sys/${key}`, 'utf8');
    const outcomes = await ns.apply(set('pod', '1'), set('host', '0'));
    expect(outcomes.map(({ did }) => did)).to.deep.equal(['changed', 'kept']);
    expect(outcomes[0]?.previous).to.deep.equal({ value: '0' });
    expect([await read('host'), await read('pod')]).to.deep.equal(['0', '1']);
    await ns.apply(set('host', '2'));
    expect([await read('host'), await read('pod')]).to.deep.equal(['2', '1']);
    expect(readFileSync(`/proc/sys/${key}`, 'utf8')).to.equal(machine);
  });

  it('of the own namespace are reached without passing by the folders of all others, and those of pods by their path', async () => {
    const steps = JSON.stringify([set('pod', '1'), set('host', '2'), set('pod', '0'), set('host', '1')]);
    const script = `
      const [addon, pod, steps] = process.argv.slice(1);
      const { apply } = load(addon);
      apply({ pod }, JSON.parse(steps), 'stop').then(({ outcomes }) =>
        console.log(outcomes.map(({ previous }) => previous.value).join(' ')));
    `;
    const folder = mkdtempSync(join(tmpdir(), 'sysctl-'));
    const calls = join(folder, 'calls');
    const traced = ['strace', '-f', '-qq', '-e', 'trace=openat', '-o', calls, 'env'];
    const { stdout } = await runScript(
      script,
      [ns.where.pod, steps],
      ['nsenter', `--net=${ns.where.host}`, '--', ...traced],
    );
    const opened = [...readFileSync(calls, 'utf8').matchAll(/openat\((\w+), "([^"]*arp_notify)"/g)];
    rmSync(folder, { recursive: true });
    expect(stdout).to.equal('0 0 1 2\n');
    const [byPath, byFolder] = [`AT_FDCWD /proc/sys/${key}`, 'descriptor conf/lo/arp_notify'];
    expect(opened.map(([, at = '', path]) => `${at.replace(/^\d+$/, 'descriptor')} ${path}`)).to.deep.equal([
      byPath,
      byFolder,
      byPath,
      byFolder,
    ]);
  });

  it('are left alone when the value is right but for the blanks', async () => {
    await ns.run('pod', 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=10000 20000');
    const [kept] = await ns.apply(set('pod', '10000 20000', { key: 'net/ipv4/ip_local_port_range' }));
    expect(kept?.did).to.equal('kept');
    const [changed] = await ns.apply(set('pod', '10000 20001', { key: 'net/ipv4/ip_local_port_range' }));
    expect(changed?.previous).to.deep.equal({ value: '10000\t20000' });
  });

  it('that do not exist are kept or failed', async () => {
    const [kept] = await ns.apply(set('pod', '1', { key: 'net/ipv4/conf/eth7/arp_notify', ifMissing: 'keep' }));
    expect(kept?.did).to.equal('kept');
    const { faults } = await ns.attempt(set('pod', '1', { key: 'net/ipv4/conf/eth7/arp_notify' }));
    expect(faults[0]).to.include({
      op: 'set sysctl net/ipv4/conf/eth7/arp_notify to 1 in the pod',
      errno: 'ENOENT',
    });
  });

  it('that are read-only are kept when the value is right, or when the step says so', async () => {
    const steps = [
      set('host', '0'),
      set('host', '1', { ifReadOnly: 'keep' }),
      set('host', '1'),
      set('host', '1', { ifReadOnly: 'fail' }),
    ];
    const script = `
      const [addon, steps] = process.argv.slice(1);
      load(addon).apply({}, JSON.parse(steps), 'continue').then((applied) => console.log(JSON.stringify(applied)));
    `;
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$@"';
    const wrapper = ['unshare', '--net', '--mount', 'sh', '-c', readOnly, 'sh'];
    const { outcomes, faults } = JSON.parse(
      (await runScript(script, [JSON.stringify(steps)], wrapper)).stdout,
    ) as Applied;
    expect(outcomes.map((outcome) => outcome?.did)).to.deep.equal(['kept', 'kept', undefined, undefined]);
    expect(faults.map(({ errno }) => errno)).to.deep.equal(['EROFS', 'EROFS']);
  });

  it('that the kernel refuses say so', async () => {
    const { faults } = await ns.attempt(set('pod', 'many'));
    expect(faults[0]).to.include({ op: `set sysctl ${key} to many in the pod`, errno: 'EINVAL' });
  });

  it('answer a query, or null where there is none', async () => {
    await ns.apply(set('pod', '1'));
    expect(await ns.ask({ query: 'sysctl', ns: 'pod', key })).to.equal('1');
    expect(await ns.ask({ query: 'sysctl', ns: 'host', key })).to.equal('0');
    expect(await ns.ask({ query: 'sysctl', ns: 'pod', key: 'net/ipv4/nothing' })).to.equal(null);
  });
});
