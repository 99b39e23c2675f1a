import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Outside } from '../support/outside';
import type { EchoPeer, Place } from '../support/peers';
import type { Snapshot } from '../support/snapshot';
import { createPodman, debians, type Podman } from './support/podman';
import { describeWith } from './support/programs';

const page = 'hello from a pod\n';

describeWith(['podman', 'conmon', 'runc', 'iptables', 'busybox'], "podman, with Debian's plugins behind ours", () => {
  let podman: Podman;
  let empty: Snapshot;
  let outside: Outside;
  let neighbour: EchoPeer;

  before(async () => {
    podman = await createPodman();
    outside = await podman.machine.world.addOutside();
    neighbour = await podman.machine.world.echo(outside, outside.ips[0] as string);
    empty = await podman.snapshot();
  });
  after(() => podman.machine.close());

  const addressOf = async (name: string) => (await podman.endpoint(name)).IPAddress;
  const pings = async (name: string, address: string) =>
    expect(await podman.exec(name, 'ping', '-c', '1', '-W', '5', address), `ping ${address}`).to.include({ code: 0 });
  const isMasqueraded = async (name: string) => {
    const { stdout, stderr } = await podman.exec(name, 'nc', neighbour.address, String(neighbour.port));
    expect(stdout.trim(), `where ${name} comes from: ${stderr}`).to.equal(outside.hostIps[0]);
  };
  const fetches = async (name: string, url: string) =>
    expect(await podman.exec(name, 'wget', '-q', '-O', '-', url), `${name} ${url}`).to.include({ stdout: page });
  /** What a client on the host side, or in another namespace, gets from a URL; "" where nothing has come in time. */
  const fetched = async (
    url: string,
    { place = 'host', timeoutMs = 5000 }: { place?: Place; timeoutMs?: number } = {},
  ) => (await podman.machine.world.run('busybox', ['wget', '-q', '-O', '-', url], { in: place, timeoutMs })).stdout;

  it('creates a network of bridge, host-local and portmap, which are ours, and of others', async () => {
    await podman.do('network', 'create', '--subnet', '10.7.0.0/24', 'one');
    const list = JSON.parse(readFileSync(podman.machine.world.path('/etc/cni/net.d/one.conflist'), 'utf8'));
    expect(list.plugins.map(({ type }: { type: string }) => type)).to.deep.equal(['bridge', 'portmap', ...debians]);
    expect(list.plugins[0]).to.include({ isGateway: true, ipMasq: true, hairpinMode: true });
  });

  it('starts containers that reach each other, their gateway, and as the node itself a neighbour of it', async () => {
    await podman.start('a', '--network', 'one');
    await podman.start('b', '--network', 'one', '--publish', '8080:80');
    expect([await addressOf('a'), await addressOf('b')]).to.deep.equal(['10.7.0.2', '10.7.0.3']);
    await pings('a', '10.7.0.3');
    await pings('b', '10.7.0.2');
    await pings('a', '10.7.0.1');
    await isMasqueraded('a');
    await fetches('a', 'http://10.7.0.3/');
  });

  it('serves a published port to the node, to its neighbour, to a container and to the very one', async () => {
    for (const host of ['10.7.0.1', '127.0.0.1']) expect(await fetched(`http://${host}:8080/`), host).to.equal(page);
    expect(await fetched(`http://${outside.hostIps[0]}:8080/`, { place: outside }), 'neighbour').to.equal(page);
    for (const name of ['a', 'b']) await fetches(name, 'http://10.7.0.1:8080/');
  });

  it('restores what a flush of the rules took when the network is reloaded, with the same address and MAC', async () => {
    const { world } = podman.machine;
    const before = [await podman.endpoint('a'), await podman.endpoint('b')];
    await world.run('nft', ['flush', 'ruleset']);
    expect(await fetched('http://10.7.0.1:8080/', { timeoutMs: 1000 })).to.equal('');
    await podman.do('network', 'reload', '--all');
    expect(await fetched('http://10.7.0.1:8080/')).to.equal(page);
    expect([await podman.endpoint('a'), await podman.endpoint('b')]).to.deep.equal(before);
    await pings('a', '10.7.0.3');
    await isMasqueraded('a');
  });

  it('attaches a container anew when it is restarted', async () => {
    await podman.do('restart', '--time', '0', 'b');
    await pings('a', await addressOf('b'));
    expect(await fetched('http://10.7.0.1:8080/')).to.equal(page);
  });

  it('leaves nothing of containers that are removed while they run, nor of the network', async () => {
    await podman.remove('a', 'b');
    await podman.do('network', 'rm', 'one');
    await podman.expectNothingLeft(empty);
    expect(readdirSync(podman.machine.world.path('/etc/cni/net.d'))).to.deep.equal(['cni.lock']);
  });
});
