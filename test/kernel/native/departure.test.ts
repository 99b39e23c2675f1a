import { expect } from 'chai';
import { runScript, useNamespaces } from './support';

/** Commands before the call, commands after it, and how long it waits. */
interface Case {
  before?: string[];
  after: string[];
  timeoutMs?: number;
}

describe('linkGone', () => {
  const ns = useNamespaces();

  /** Runs a script in the namespace; `told(case)` there is what a call of linkGone ends with. */
  const inNamespace = (script: string, ...wrapper: string[]) => {
    const whole = `
      const { execSync } = require('node:child_process');
      const addon = load(process.argv[1]);
      const told = ({ before = [], after, timeoutMs = 500 }) => {
        before.forEach((command) => execSync(command));
        const end = addon.linkGone(timeoutMs).catch(({ errno }) => errno);
        after.forEach((command) => execSync(command));
        return end;
      };
      // The call itself holds no process back from ending.
      const alive = setTimeout(() => {}, 30_000);
      (async () => { ${script} })().then(() => process.exit());
    `;
    return runScript(whole, [], ['nsenter', `--net=${ns.where.host}`, '--', ...wrapper, 'env']);
  };
  const told = async (...cases: Case[]) => {
    const { stdout, stderr } = await inNamespace(`
      const all = [];
      for (const each of ${JSON.stringify(cases)}) all.push(await told(each));
      console.log(JSON.stringify(all));
    `);
    expect(stderr).to.equal('');
    return JSON.parse(stdout);
  };

  it('is true when a link goes, whatever its kind', async () => {
    expect(
      await told(
        { before: ['ip link add l0 type bridge'], after: ['ip link del l0'], timeoutMs: 10_000 },
        { before: ['ip link add l0 type veth peer l1'], after: ['ip link del l1'], timeoutMs: 10_000 },
      ),
    ).to.deep.equal([true, true]);
  });

  it('is false after the time for links that come, change or leave their bridge, and for none', async () => {
    expect(
      await told(
        { after: ['ip link add l0 type bridge', 'ip link add l1 type veth peer l2', 'ip link set l1 up'] },
        { after: ['ip link set l1 master l0', 'ip link set l1 nomaster'] },
        { before: ['ip link add l3 type bridge', 'ip link del l3'], after: [], timeoutMs: 0 },
      ),
    ).to.deep.equal([false, false, false]);
  });

  it('is told before the removal of a veth itself has an answer, which waits for RCU', async () => {
    const { stdout } = await inNamespace(`
      const order = [];
      for (let i = 0; i < 5; i++) {
        execSync('ip link add l0 type veth peer l1');
        const remove = { op: 'link.delete', ns: 'host', name: 'l0', ifMissing: 'keep' };
        // It listens from here on: on one processor the link may be gone before the next line.
        const gone = addon.linkGone(10_000).then(() => order.push('gone'));
        await Promise.all([gone, addon.apply({}, [remove], 'continue').then(() => order.push('removed'))]);
      }
      console.log(order.join(' '));
    `);
    expect(stdout).to.equal(`${Array(5).fill('gone removed').join(' ')}\n`);
  });

  const failing = (call: string, errno: string) =>
    `strace -f -qq -o /dev/null -e trace=${call} -e inject=${call}:error=${errno}`.split(' ');

  it('is true when the kernel had to leave messages out', async () => {
    const script = `console.log(await told({ before: ['ip link add l0 type bridge'], after: ['ip link del l0'] }));`;
    expect((await inNamespace(script, ...failing('recvfrom', 'ENOBUFS'))).stdout).to.equal('true\n');
  });

  it('says why it cannot be told', async () => {
    const script = 'console.log(await told({ after: [] }));';
    expect((await inNamespace(script, ...failing('socket', 'EPROTONOSUPPORT'))).stdout).to.equal('EPROTONOSUPPORT\n');
  });

  it('lets go of threads and descriptors', async () => {
    const { stdout } = await inNamespace(`
      const { readdirSync } = require('node:fs');
      const count = () => ['fd', 'task'].map((what) => readdirSync('/proc/self/' + what).length);
      const round = () => Promise.all(Array.from({ length: 20 }, () => addon.linkGone(1)));
      await round();
      const [files, threads] = count();
      await round();
      const ends = Date.now() + 5000;
      const left = () => { const now = count(); return now[0] > files || now[1] > threads; };
      while (left() && Date.now() < ends) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(left() ? count() : 'none');
    `);
    expect(stdout).to.equal('none\n');
  });

  it('holds no process back from ending', async () => {
    const script = `
      addon.linkGone(60_000).then(() => console.log('told'), console.log);
      process.on('exit', () => console.log('end'));
      await new Promise(() => alive.unref());
    `;
    const { code, stdout } = await inNamespace(script, 'timeout', '20');
    expect([code, stdout]).to.deep.equal([0, 'end\n']);
  });
});
