import { expect } from 'chai';
import { newFailures } from '../../../lib/daemon/failures';
import { podOf } from '../../../lib/daemon/log';
import { type Metrics, newMetrics } from '../../../lib/daemon/metrics';

describe('The metrics', () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = newMetrics({ build: '0.1.0-abc', running: () => 2, waiting: () => 3 });
    for (const reason of [undefined, undefined, 'build', 'build', 'delegate']) metrics.judged(reason);
    metrics.replayed();
    metrics.unserved('withdrawn');
    metrics.refused();
    for (let i = 1; i <= 100; i++)
      metrics.served({ command: 'ADD', plugin: 'bridge', failed: i <= 3, seconds: i / 1000 });
    metrics.served({ command: 'DEL', plugin: 'bridge', failed: false, seconds: 0.02 });
    metrics.served({ command: 'nonsense', plugin: 'bridge', failed: true, seconds: 0 });
  });

  it('count requests by command and plugin, with quantiles', async () => {
    const { requests, claimed, replayed, declined, unserved, refused } = await metrics.counts();
    const [add, del, other] = requests;
    expect(add).to.include({ command: 'ADD', plugin: 'bridge', count: 100, failed: 3 });
    expect(add?.p50).to.be.closeTo(50, 2);
    expect(add?.p90).to.be.closeTo(90, 2);
    expect(add?.p99).to.be.closeTo(99, 2);
    expect(del).to.include({ command: 'DEL', count: 1, failed: 0, p50: 20 });
    expect(other).to.include({ command: 'other', count: 1, failed: 1 });
    expect({ claimed, replayed, declined, unserved, refused }).to.deep.equal({
      claimed: 2,
      replayed: 1,
      declined: { build: 2, delegate: 1 },
      unserved: { withdrawn: 1 },
      refused: 1,
    });
  });

  it('say the same to Prometheus', async () => {
    const lines = (await metrics.text()).split('\n');
    expect(lines).to.include.members([
      'trestle_claimed_total 2',
      'trestle_replayed_total 1',
      'trestle_declined_total{reason="build"} 2',
      'trestle_unserved_total{reason="withdrawn"} 1',
      'trestle_refused_total 1',
      'trestle_failed_total{command="ADD",plugin="bridge"} 3',
      'trestle_request_seconds_count{command="ADD",plugin="bridge"} 100',
      'trestle_request_seconds{quantile="0.5",command="DEL",plugin="bridge"} 0.02',
      'trestle_running 2',
      'trestle_waiting 3',
      'trestle_build_info{build="0.1.0-abc"} 1',
    ]);
  });

  it('are apart for each daemon', async () => {
    const other = newMetrics({ build: 'x', running: () => 0, waiting: () => 0 });
    expect((await other.counts()).claimed).to.equal(0);
  });
});

describe('The latest failures', () => {
  it('are the last twenty, with whose they were', () => {
    const failures = newFailures();
    for (let i = 1; i <= 25; i++) {
      const noted = failures.note({ command: 'ADD', plugin: 'bridge', container: `c${i}` }, `{"code":7,"msg":"m${i}"}`);
      expect(noted).to.deep.equal({ code: 7, msg: `m${i}` });
    }
    const latest = failures.latest();
    expect(latest).to.have.length(20);
    expect(latest[0]).to.include({ container: 'c6', msg: 'm6' });
    expect(latest[19]).to.include({ command: 'ADD', plugin: 'bridge', container: 'c25', code: 7 });
    expect(Date.parse(latest[19]?.at ?? '')).to.be.closeTo(Date.now(), 60_000);
  });
});

describe('The name of a pod', () => {
  const cases: [string | undefined, string | undefined][] = [
    ['IgnoreUnknown=1;K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=dns-1;K8S_POD_UID=7', 'kube-system/dns-1'],
    ['K8S_POD_NAME=dns-1', '/dns-1'],
    ['XK8S_POD_NAME=dns-1', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [args, name] of cases)
    it(`is ${name} in ${args}`, () => {
      expect(podOf(args)).to.equal(name);
    });
});
