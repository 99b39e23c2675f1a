import { expect } from 'chai';
import { runScript, useNamespaces } from './support';

/** Commands before the watch begins, commands after it, and what is watched. */
interface Case {
  before?: string[];
  after: string[];
  prefix?: string;
  links?: string[];
}

const table = [
  'nft add table inet trestle_a',
  'nft "add set inet trestle_a s { type ipv4_addr; }"',
  'nft add chain inet trestle_a c',
  'nft add rule inet trestle_a c counter',
];

describe('watch', () => {
  const ns = useNamespaces();

  /** Runs a script in the namespace; `heard(case)` there says whether a watch has ended. */
  const inNamespace = (script: string, ...wrapper: string[]) => {
    const whole = `
      const { execSync } = require('node:child_process');
      const addon = load(process.argv[1]);
      const heard = async ({ before = [], after, prefix = 'trestle_', links = [] }) => {
        before.forEach((command) => execSync(command));
        const end = addon.watch({ prefix, links }).then((answer) => (answer === null ? 'heard' : answer), ({ errno }) => errno);
        after.forEach((command) => execSync(command));
        // Until then the loop takes the time before these commands for the present.
        await new Promise(setImmediate);
        const quiet = new Promise((resolve) => setTimeout(resolve, 500, 'quiet'));
        return Promise.race([end, quiet]);
      };
      (async () => { ${script} })();
    `;
    return runScript(whole, [], ['nsenter', `--net=${ns.where.host}`, '--', ...wrapper, 'env']);
  };
  const heard = async (...cases: Case[]) => {
    const { stdout, stderr } = await inNamespace(`
      const all = [];
      for (const each of ${JSON.stringify(cases)}) all.push(await heard(each));
      console.log(JSON.stringify(all));
      process.exit();
    `);
    expect(stderr).to.equal('');
    return JSON.parse(stdout);
  };

  it('ends when a table, a chain, a rule or a set is taken away', async () => {
    const cases = [
      'nft delete set inet trestle_a s',
      'nft flush chain inet trestle_a c',
      'nft "flush chain inet trestle_a c; delete chain inet trestle_a c"',
      'nft delete table inet trestle_a',
      'nft flush ruleset',
    ].map((change) => ({ before: ['nft flush ruleset', ...table], after: [change] }));
    expect(await heard(...cases)).to.deep.equal(cases.map(() => 'heard'));
  });

  it('does not end for what is added, for elements, or for tables of other names', async () => {
    expect(
      await heard(
        { after: table },
        {
          after: ['nft "add element inet trestle_a s { 10.1.2.3 }"', 'nft flush set inet trestle_a s'],
        },
        { before: ['nft add table ip xtrestle_a'], after: ['nft delete table ip xtrestle_a'] },
        { before: ['nft add table ip trestle_b'], after: ['nft delete table ip trestle_b'], prefix: 'trestle_a' },
      ),
    ).to.deep.equal(['quiet', 'quiet', 'quiet', 'quiet']);
  });

  it('ends when an address comes to a link or leaves it, also one that is made later or goes with it', async () => {
    const make = 'ip link add ipvs0 type bridge';
    const links = ['other', 'ipvs0'];
    expect(
      await heard(
        { before: [make], after: ['ip addr add 10.96.0.1/32 dev ipvs0'], links },
        { after: ['ip addr add fd00::1/128 dev ipvs0'], links },
        { after: ['ip addr del 10.96.0.1/32 dev ipvs0'], links },
        { after: ['ip link del ipvs0'], links },
        { after: [make, 'ip addr add 10.96.0.1/32 dev ipvs0'], links },
      ),
    ).to.deep.equal(Array(5).fill('heard'));
  });

  it('does not end for links of other names, nor for a link without addresses or with a link-local one', async () => {
    expect(
      await heard(
        { before: ['ip link add other type bridge'], after: ['ip addr add 10.96.0.1/32 dev other'], links: ['ipvs0'] },
        { after: ['ip link add ipvs0 type bridge', 'ip link del ipvs0'], links: ['ipvs0'] },
        { after: ['ip link del other'], links: ['ipvs0'] },
        {
          before: ['ip link add ipvs0 type bridge'],
          after: ['ip addr add fe80::9/64 dev ipvs0 scope link', 'ip link del ipvs0'],
          links: ['ipvs0'],
        },
      ),
    ).to.deep.equal(['quiet', 'quiet', 'quiet', 'quiet']);
  });

  it('ends when the kernel had to leave messages out', async () => {
    const inject = [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=recvfrom',
      '-e',
      'inject=recvfrom:error=ENOBUFS',
    ];
    const script = `console.log(await heard({ after: ['nft add table ip x'] })); process.exit();`;
    expect((await inNamespace(script, ...inject)).stdout).to.equal('heard\n');
  });

  it('says why it cannot', async () => {
    const inject = [
      'strace',
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=socket',
      '-e',
      'inject=socket:error=EPROTONOSUPPORT',
    ];
    expect((await inNamespace('console.log(await heard({ after: [] }));', ...inject)).stdout).to.equal(
      'EPROTONOSUPPORT\n',
    );
  });

  it('ends each of many that watch, and lets go of threads and descriptors', async () => {
    const { stdout } = await inNamespace(`
      const { readdirSync } = require('node:fs');
      const count = () => ['fd', 'task'].map((what) => readdirSync('/proc/self/' + what).length);
      const round = () => {
        execSync('nft add table ip trestle_a');
        const all = Array.from({ length: 20 }, () => addon.watch({ prefix: 'trestle_', links: [] }));
        execSync('nft delete table ip trestle_a');
        return Promise.all(all);
      };
      setTimeout(() => {}, 10_000);
      await round();
      const [files, threads] = count();
      await round();
      const ends = Date.now() + 5000;
      const left = () => { const now = count(); return now[0] > files || now[1] > threads; };
      while (left() && Date.now() < ends) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(left() ? count() : 'none');
      process.exit();
    `);
    expect(stdout).to.equal('none\n');
  });

  it('holds no process back from ending', async () => {
    const { code, stdout } = await inNamespace(
      `
      addon.watch({ prefix: 'trestle_', links: [] }).then(() => console.log('heard'), console.log);
      process.on('exit', () => console.log('end'));
    `,
      'timeout',
      '20',
    );
    expect([code, stdout]).to.deep.equal([0, 'end\n']);
  });

  it('ends with a worker', async () => {
    const { code, stdout } = await inNamespace(
      `
      const { Worker } = require('node:worker_threads');
      const { readdirSync } = require('node:fs');
      const code = 'require(' + JSON.stringify(process.argv[1]) + ').watch({ prefix: "", links: [] });';
      for (const end of ['', 'setInterval(() => {}, 1000); require("node:worker_threads").parentPort.postMessage(1);']) {
        const worker = new Worker(code + end, { eval: true });
        worker.on('message', () => worker.terminate());
        console.log(await new Promise((resolve) => worker.on('exit', resolve)));
      }
    `,
      'timeout',
      '20',
    );
    expect([code, stdout]).to.deep.equal([0, '0\n1\n']);
  });
});
