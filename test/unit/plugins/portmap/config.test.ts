import { expect } from 'chai';
import { mappingsIn } from '../../../../lib/plugins/portmap/config';
import { contextOf, errorOf, isIdle, prevResult, web } from './cases';

const mappings = (given: unknown) => mappingsIn(contextOf({ mappings: given }).config);
const refusal = (given: Parameters<typeof isIdle>[0]) => errorOf(() => isIdle(given));
const badConfig = (config: Record<string, unknown>) => refusal({ config, mappings: [web] });

describe('the configuration of portmap', () => {
  it('takes keys and protocols in any case, as runtimes write them', () => {
    expect(mappings([{ HostPort: 8080, ContainerPort: 80, Protocol: 'TCP', HostIP: '' }])).to.deep.equal([
      { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
    ]);
    expect(mappings([{ hostport: 53, containerport: 53, protocol: 'Udp' }])).to.have.nested.property(
      '[0].protocol',
      'udp',
    );
  });

  it('takes a mapping without a protocol for one of TCP', () => {
    for (const protocol of [undefined, '']) expect(mappings([{ ...web, protocol }])[0]?.protocol).to.equal('tcp');
  });

  it('refuses ports that are none, in the words of the reference', () => {
    for (const hostPort of [0, -1, undefined])
      expect(refusal({ mappings: [{ ...web, hostPort }] })).to.deep.equal({
        code: 7,
        msg: `failed to parse config: Invalid host port number: ${hostPort ?? 0}`,
      });
    expect(refusal({ mappings: [{ ...web, containerPort: 0 }] })?.msg).to.equal(
      'failed to parse config: Invalid container port number: 0',
    );
    expect(refusal({ mappings: [{ ...web, hostPort: 65_536 }] })?.msg).to.match(/portMappings\[0\]\.hostPort/);
  });

  it('refuses protocols and addresses that are none, with the key and what was found', () => {
    expect(refusal({ mappings: [{ ...web, protocol: 'icmp' }] })).to.deep.equal({
      code: 7,
      msg: 'invalid configuration: "runtimeConfig.portMappings[0].protocol": expected tcp, udp or sctp, found "icmp" (string)',
    });
    expect(refusal({ mappings: [{ ...web, hostIP: '10.0.0' }] })?.msg).to.match(/hostIP.*"10\.0\.0"/);
  });

  it('takes any backend', () => {
    for (const backend of ['iptables', 'nftables', 'whatever', ''])
      expect(isIdle({ mappings: [web], config: { backend } })).to.equal(false);
  });

  it('takes a mark bit of 0 to 31', () => {
    for (const markMasqBit of [0, 13, 31]) expect(badConfig({ markMasqBit })).to.equal(undefined);
    for (const markMasqBit of [-1, 32])
      expect(badConfig({ markMasqBit })?.msg).to.equal('failed to parse config: MasqMarkBit must be between 0 and 31');
  });

  it("says why a chain of iptables' cannot be jumped to", () => {
    const error = badConfig({ externalSetMarkChain: 'KUBE-MARK-MASQ' });
    expect(error).to.include({
      code: 7,
      msg: 'failed to parse config: externalSetMarkChain "KUBE-MARK-MASQ" cannot be used',
    });
    expect(error?.details).to.match(/chain of iptables.*leave it out/);
    expect(badConfig({ externalSetMarkChain: 'X', markMasqBit: 1 })?.msg).to.equal(
      'failed to parse config: Cannot specify externalSetMarkChain and markMasqBit',
    );
  });

  it('refuses two mappings of one host port, and takes one that is said twice', () => {
    expect(refusal({ mappings: [web, { ...web, containerPort: 81 }] })).to.deep.equal({
      code: 7,
      msg: 'failed to parse config: host port 8080/tcp is mapped twice',
      details: 'to container ports 80 and 81',
    });
    expect(refusal({ mappings: [web, web] })).to.equal(undefined);
  });
});

describe('portmap has nothing to do', () => {
  it('without mappings, whichever way there are none', () => {
    for (const none of [undefined, null, []]) expect(isIdle({ mappings: none })).to.equal(true);
  });

  it('for a pod without an address, and for mappings of a family in which it has none', () => {
    expect(isIdle({ mappings: [web], prevResult: { interfaces: [] } })).to.equal(true);
    const ips = prevResult.ips?.slice(1) ?? [];
    expect(isIdle({ mappings: [{ ...web, hostIP: '192.0.2.1' }], prevResult: { ...prevResult, ips } })).to.equal(true);
  });
});
