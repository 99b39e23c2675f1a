import { expect } from 'chai';
import { parseConfig } from '../../../lib/cni/config';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import { errorOf } from '../cni/support';
import { contextOf, planOf } from './bridge-cases';

const parsed = (config: Record<string, unknown>) => parseConfig(bridge.config, config);
const addressing = (config: Record<string, unknown>) => bridge.addressing?.(contextOf({ config }));

describe("bridge: the tutorial's configuration", () => {
  it('names the bridge by bridgeName as well, in any case', () => {
    for (const key of ['bridge', 'bridgeName', 'BridgeName', 'bridgename', 'BRIDGENAME']) {
      expect(parsed({ [key]: 'test' }).bridge, key).to.equal('test');
    }
    expect(parsed({ bridge: 'br0', bridgeName: 'test' }).bridge).to.equal('br0');
    expect(parsed({}).bridge).to.equal('cni0');
  });

  it('gives the address by ip, in any case and canonical text, and none without', () => {
    for (const key of ['ip', 'IP', 'Ip']) {
      expect(addressing({ [key]: '192.0.2.15/24' }), key).to.deep.equal({ ips: [{ address: '192.0.2.15/24' }] });
    }
    expect(addressing({ ip: 'FD00:0::F/64' })).to.deep.equal({ ips: [{ address: 'fd00::f/64' }] });
    expect(addressing({})).to.equal(undefined);
    expect(addressing({ ip: null })).to.equal(undefined);
  });

  for (const [key, value, found] of [
    ['ip', '192.0.2.15', '"192.0.2.15" (string)'],
    ['IP', 'garbage', '"garbage" (string)'],
    ['ip', '', '"" (string)'],
    ['ip', 7, '7'],
    ['ip', ['192.0.2.15/24'], 'a list'],
  ] as const) {
    it(`refuses ${JSON.stringify({ [key]: value })} with code 7 and the name of the key`, async () => {
      const { code, msg } = await errorOf(() => parsed({ [key]: value }));
      const expected = 'expected an IP address with a prefix length, such as 10.1.2.3/24';
      expect({ code, msg }).to.deep.equal({
        code: 7,
        msg: `invalid configuration: "ip": ${expected}, found ${found}`,
      });
    });
  }

  it('refuses a bridgeName that no link can have', async () => {
    const { code, msg } = await errorOf(() => parsed({ BridgeName: 'a/b' }));
    expect(code).to.equal(7);
    expect(msg).to.match(/^invalid configuration: "bridgeName": expected the name of a link/);
  });

  it('makes the bridge the gateway, at the first address of the subnet, where it is asked to', () => {
    const ipam = addressing({ ip: '192.0.2.15/24' });
    const gateways = (config: Record<string, unknown>) =>
      planOf({ config, ...(ipam && { ipam }) }).shared?.steps.flatMap((step) =>
        step.op === 'addr.add' ? [step.address] : [],
      );
    expect(gateways({})).to.deep.equal([]);
    expect(gateways({ isGateway: true })).to.deep.equal(['192.0.2.1/24']);
  });
});
