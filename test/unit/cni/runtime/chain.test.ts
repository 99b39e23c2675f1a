import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CniError } from '../../../../lib/cni/errors';
import { type Attachment, listCache } from '../../../../lib/cni/runtime/cache';
import {
  addNetwork,
  checkNetwork,
  delNetwork,
  gcNetwork,
  type Invocation,
  type Runtime,
  statusNetwork,
} from '../../../../lib/cni/runtime/chain';
import { parseList } from '../../../../lib/cni/runtime/network';

type Json = Record<string, unknown>;

const attachment: Attachment = {
  containerId: 'pod1',
  netns: '/run/netns/pod1',
  ifname: 'eth0',
  args: [['K', 'v']],
  capabilityArgs: { ips: ['10.0.0.7/24'], portMappings: [] },
};

const result = (ip: string) => ({ cniVersion: '1.0.0', ips: [{ address: ip }] });

function network(changes: Json = {}) {
  const json = {
    cniVersion: '1.0.0',
    name: 'net',
    plugins: [
      { type: 'one', capabilities: { ips: true, bandwidth: true, portMappings: false } },
      { type: 'two', NAME: 'other', prevResult: 'stale' },
    ],
    ...changes,
  };
  return parseList(json, Buffer.from(JSON.stringify(json)));
}

describe('A chain of plugins', () => {
  let cacheFolder: string;
  let calls: Invocation[];
  let warnings: string[];

  beforeEach(() => {
    cacheFolder = mkdtempSync(join(tmpdir(), 'trestle-chain-'));
    calls = [];
    warnings = [];
  });

  afterEach(() => rmSync(cacheFolder, { recursive: true }));

  /** A runtime with two plugins, "one" and "two", that answer ADD; `answer` may do it differently. */
  function runtime(answer?: (invocation: Invocation) => Json | undefined): Runtime {
    return {
      cacheFolder,
      bootTime: Date.now() - 3_600_000,
      warn: (message) => warnings.push(message),
      async invoke(invocation) {
        calls.push(invocation);
        const other = answer?.(invocation);
        if (other) return other;
        return invocation.command === 'ADD'
          ? result(invocation.type === 'one' ? '10.0.0.1/24' : '10.0.0.2/24')
          : undefined;
      },
    };
  }

  const fail = (type: string, command: string) =>
    runtime((call) => {
      if (call.type === type && call.command === command) throw new CniError(11, 'busy', 'try again');
      return undefined;
    });

  const order = () => calls.map(({ command, type }) => `${command} ${type}`);
  const configs = () => calls.map(({ config }) => config);
  const cached = () => listCache(cacheFolder).map(({ network: name, ifname }) => `${name} ${ifname}`);

  async function refusal(work: Promise<unknown>): Promise<CniError> {
    const error = await work.then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).to.be.instanceOf(CniError);
    return error as CniError;
  }

  describe('ADD', () => {
    it('gives each plugin name, version, capabilities that it has, and the result before it', async () => {
      expect(await addNetwork(runtime(), network(), attachment)).to.deep.equal(result('10.0.0.2/24'));
      const common = { name: 'net', cniVersion: '1.0.0' };
      expect(configs()).to.deep.equal([
        {
          type: 'one',
          capabilities: { ips: true, bandwidth: true, portMappings: false },
          ...common,
          runtimeConfig: { ips: ['10.0.0.7/24'] },
        },
        { type: 'two', NAME: 'other', ...common, prevResult: result('10.0.0.1/24') },
      ]);
      expect(Object.keys(calls[1]?.config ?? {}), 'what is inserted comes last').to.deep.equal([
        'type',
        'NAME',
        'name',
        'cniVersion',
        'prevResult',
      ]);
      expect(calls.map((call) => call.attachment)).to.deep.equal([attachment, attachment]);
    });

    it('keeps the last result', async () => {
      await addNetwork(runtime(), network(), attachment);
      const [kept] = listCache(cacheFolder);
      expect(kept).to.deep.equal({
        ...attachment,
        network: 'net',
        config: network().bytes,
        result: result('10.0.0.2/24'),
      });
    });

    it('translates a result of another version', async () => {
      const old = { cniVersion: '0.2.0', ip4: { ip: '10.0.0.9/24' } };
      const added = await addNetwork(
        runtime((call) => (call.type === 'one' ? old : undefined)),
        network(),
        attachment,
      );
      expect(added).to.deep.equal(result('10.0.0.2/24'));
      expect(calls[1]?.config.prevResult).to.deep.equal(result('10.0.0.9/24'));
    });

    it('takes back what was done when a plugin fails, in reverse, that one included', async () => {
      const error = await refusal(addNetwork(fail('two', 'ADD'), network(), attachment));
      expect([error.code, error.msg, error.details]).to.deep.equal([
        11,
        'plugin type="two" failed (add): busy',
        'try again',
      ]);
      expect(order()).to.deep.equal(['ADD one', 'ADD two', 'DEL two', 'DEL one']);
      expect(calls[3]?.config.prevResult).to.deep.equal(result('10.0.0.1/24'));
      expect(cached()).to.deep.equal([]);
    });

    it('goes on taking back when that fails, too, and says so', async () => {
      const broken = runtime(({ type, command }) => {
        if (type === 'two') throw new CniError(999, `no ${command}`);
        return undefined;
      });
      expect((await refusal(addNetwork(broken, network(), attachment))).msg).to.match(/no ADD$/);
      expect(order().slice(2)).to.deep.equal(['DEL two', 'DEL one']);
      expect(warnings).to.deep.equal(['while taking it back: plugin type="two" failed (delete): no DEL']);
    });

    it('takes nothing back where an ADD before has succeeded, unless the machine was started since', async () => {
      await addNetwork(runtime(), network(), attachment);
      calls = [];
      await refusal(addNetwork(fail('two', 'ADD'), network(), attachment));
      expect(order()).to.deep.equal(['ADD one', 'ADD two']);
      calls = [];
      const restarted = { ...fail('two', 'ADD'), bootTime: Date.now() + 3_600_000 };
      await refusal(addNetwork(restarted, network(), attachment));
      expect(order()).to.deep.equal(['ADD one', 'ADD two', 'DEL two', 'DEL one']);
    });

    it('takes back everything when the result cannot be kept', async () => {
      const nowhere = { ...runtime(), cacheFolder: '/dev/null' };
      expect((await refusal(addNetwork(nowhere, network(), attachment))).msg).to.match(
        /^failed to cache the result: E/,
      );
      expect(order().slice(2)).to.deep.equal(['DEL two', 'DEL one']);
    });

    it('of a result that is none fails, and takes back', async () => {
      const error = await refusal(
        addNetwork(
          runtime(() => ({ ips: 'many' })),
          network(),
          attachment,
        ),
      );
      expect(error.msg).to.match(/^plugin type="one" failed \(add\): invalid result of "one"/);
      expect(order()).to.deep.equal(['ADD one', 'DEL one']);
    });

    it('of a version that nobody has calls no plugin', async () => {
      const error = await refusal(addNetwork(runtime(), network({ cniVersion: '3.0.0' }), attachment));
      expect([error.code, calls.length]).to.deep.equal([1, 0]);
    });
  });

  describe('DEL', () => {
    it('goes in reverse, each plugin with the last result, and forgets', async () => {
      await addNetwork(runtime(), network(), attachment);
      calls = [];
      await delNetwork(runtime(), network(), attachment);
      expect(order()).to.deep.equal(['DEL two', 'DEL one']);
      for (const { prevResult } of configs()) expect(prevResult).to.deep.equal(result('10.0.0.2/24'));
      expect(cached()).to.deep.equal([]);
    });

    it('stops at the first plugin that fails, and remembers', async () => {
      await addNetwork(runtime(), network(), attachment);
      calls = [];
      const error = await refusal(delNetwork(fail('two', 'DEL'), network(), attachment));
      expect([error.msg, order(), cached()]).to.deep.equal([
        'plugin type="two" failed (delete): busy',
        ['DEL two'],
        ['net eth0'],
      ]);
    });

    it('of what was never added, or before 0.4.0, has no result to give', async () => {
      await delNetwork(runtime(), network({ plugins: [{ type: 'one' }] }), attachment);
      await addNetwork(runtime(), network({ cniVersion: '0.3.1', plugins: [{ type: 'one' }] }), attachment);
      await delNetwork(runtime(), network({ cniVersion: '0.3.1', plugins: [{ type: 'one' }] }), attachment);
      expect(configs().map((config) => 'prevResult' in config)).to.deep.equal([false, false, false]);
    });
  });

  describe('CHECK', () => {
    it('goes in order, each plugin with the last result, in the version that the network has now', async () => {
      await addNetwork(runtime(), network(), attachment);
      calls = [];
      await checkNetwork(runtime(), network({ cniVersion: '0.4.0' }), attachment);
      expect(order()).to.deep.equal(['CHECK one', 'CHECK two']);
      expect(configs().map(({ prevResult }) => (prevResult as Json).cniVersion)).to.deep.equal(['0.4.0', '0.4.0']);
    });

    it('is not asked for with disableCheck', async () => {
      await checkNetwork(runtime(), network({ disableCheck: true }), attachment);
      expect(calls).to.deep.equal([]);
    });

    it('does not exist before 0.4.0', async () => {
      const error = await refusal(checkNetwork(runtime(), network({ cniVersion: '0.3.1' }), attachment));
      expect([error.code, error.msg]).to.deep.equal([
        1,
        'configuration version "0.3.1" does not support the CHECK command',
      ]);
    });
  });

  describe('GC', () => {
    const other = { ...attachment, containerId: 'pod2' };
    const newest = network({ cniVersion: '1.1.0', plugins: [{ type: 'one' }] });

    beforeEach(async () => {
      await addNetwork(runtime(), newest, attachment);
      await addNetwork(runtime(), newest, other);
      await addNetwork(runtime(), network({ name: 'elsewhere', plugins: [{ type: 'one' }] }), attachment);
      calls = [];
    });

    it('ends what is kept and not valid, then tells the plugins what is', async () => {
      await gcNetwork(runtime(), newest, [{ containerId: 'pod2', ifname: 'eth0' }]);
      expect(calls.map(({ command, attachment: of }) => [command, of?.containerId])).to.deep.equal([
        ['DEL', 'pod1'],
        ['GC', undefined],
      ]);
      const list = [{ containerID: 'pod2', ifname: 'eth0' }];
      expect(calls[1]?.config).to.deep.equal({
        type: 'one',
        name: 'net',
        cniVersion: '1.1.0',
        'cni.dev/valid-attachments': list,
        'cni.dev/attachments': list,
      });
      expect(cached()).to.deep.equal(['elsewhere eth0', 'net eth0']);
    });

    it('without a list ends all that is kept of the network, and gives the plugins none', async () => {
      await gcNetwork(runtime(), newest);
      expect(order()).to.deep.equal(['DEL one', 'DEL one', 'GC one']);
      expect(calls[2]?.config).to.deep.equal({ type: 'one', name: 'net', cniVersion: '1.1.0' });
      expect(cached()).to.deep.equal(['elsewhere eth0']);
    });

    it('does all that it can when something fails', async () => {
      const error = await gcNetwork(fail('one', 'DEL'), newest, []).then(undefined, (reason) => reason);
      expect(error.message.match(/plugin type="one" failed \(delete\)/g)).to.have.length(2);
      expect(order()).to.deep.equal(['DEL one', 'DEL one', 'GC one']);
    });

    it('is not asked for with disableGC, and of plugins not before 1.1.0', async () => {
      await gcNetwork(runtime(), network({ cniVersion: '1.1.0', disableGC: true }), []);
      expect(calls).to.deep.equal([]);
      await gcNetwork(runtime(), network({ plugins: [{ type: 'one' }] }), []);
      expect(order()).to.deep.equal(['DEL one', 'DEL one']);
    });
  });

  it('STATUS asks every plugin in turn, from 1.1.0 on', async () => {
    await statusNetwork(runtime(), network());
    expect(calls).to.deep.equal([]);
    const error = await refusal(statusNetwork(fail('two', 'STATUS'), network({ cniVersion: '1.1.0' })));
    expect([order(), error.code]).to.deep.equal([['STATUS one', 'STATUS two'], 11]);
  });
});
