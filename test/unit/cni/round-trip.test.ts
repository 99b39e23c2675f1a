import { expect } from 'chai';
import fc from 'fast-check';
import { formatCidr, isIPv6, parseCidr } from '../../../lib/cni/addresses';
import { assertExpressible, parseResult, printResult, toVersion } from '../../../lib/cni/convert';
import type { IpConfig, Result, Route } from '../../../lib/cni/result';
import { type CniVersion, isAtLeast, supportedVersions } from '../../../lib/cni/versions';
import { parse } from './support';

const version = fc.constantFrom(...supportedVersions);
const word = fc.constantFrom('a', 'eth0', '02:00:00:00:00:01', '/run/netns/a', '0000:00:1f.6');
const number = fc.integer({ min: 1, max: 65_000 });
const orZero = fc.oneof(fc.constant(0), number);

/** Addresses in canonical text, as everything inside has them. */
const canonical = (text: string) => formatCidr(parseCidr(text) as NonNullable<ReturnType<typeof parseCidr>>);
const address = fc
  .oneof(fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })), fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })))
  .map(([ip, length]) => canonical(`${ip}/${length}`));
const gateway = address.map((text) => text.replace(/\/.*/, ''));

/** An object some of whose keys are absent. */
const some = <T extends object>(known: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(known, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
const list = <T>(of: fc.Arbitrary<T>, maxLength: number) => fc.array(of, { minLength: 1, maxLength });

const links = list(
  fc
    .tuple(word, some({ mac: word, mtu: number, sandbox: word, socketPath: word, pciID: word }))
    .map(([name, rest]) => ({ name, ...rest })),
  3,
);
const route = fc
  .tuple(
    address,
    some({ gw: gateway, mtu: number, advmss: number, priority: number, table: orZero, scope: fc.nat({ max: 255 }) }),
  )
  .map(([dst, rest]): Route => ({ dst, ...rest }));
const dns = fc
  .tuple(word, some({ nameservers: list(gateway, 2), search: list(word, 2), options: list(word, 2) }))
  .map(([domain, rest]) => ({ domain, ...rest }));

/** A result in which an address may point only at an interface that is there. */
const result: fc.Arbitrary<Result> = some({ interfaces: links, routes: list(route, 4), dns }).chain((rest) => {
  const index = fc.nat({ max: Math.max(0, (rest.interfaces?.length ?? 0) - 1) });
  const more = some({ gateway, ...(rest.interfaces && { interface: index }) });
  const ip = fc.tuple(address, more).map(([text, optional]): IpConfig => ({ address: text, ...optional }));
  return fc.option(list(ip, 3)).map((ips) => ({ ...rest, ...(ips && { ips }) }));
});

/** What of a result a version can tell. */
function toldIn(cniVersion: CniVersion, told: Result): Result {
  if (!isAtLeast(cniVersion, '0.3.0')) return toldInFamilies(told);
  if (isAtLeast(cniVersion, '1.1.0') || told.interfaces === undefined) return told;
  const known = ['name', 'mac', 'sandbox'];
  const interfaces = told.interfaces.map((link) =>
    Object.fromEntries(Object.entries(link).filter(([key]) => known.includes(key))),
  );
  return { ...told, interfaces: interfaces as unknown as NonNullable<Result['interfaces']> };
}

/** One address of each family, IPv4 first, and those routes that have one. */
function toldInFamilies({ ips = [], routes = [], dns }: Result): Result {
  const families = [false, true].filter((ipv6) => ips.some((ip) => isIPv6(ip.address) === ipv6));
  const left = families.flatMap((ipv6) => routes.filter(({ dst }) => isIPv6(dst) === ipv6));
  return {
    ips: families
      .flatMap((ipv6) => ips.filter((ip) => isIPv6(ip.address) === ipv6))
      .map(({ interface: _, ...ip }) => ip),
    ...(left.length > 0 && { routes: left.map(({ dst, gw }) => ({ dst, ...(gw !== undefined && { gw }) })) }),
    ...(dns && { dns }),
  };
}

const isTold = (cniVersion: CniVersion, { ips = [] }: Result): boolean => {
  const ipv6 = ips.filter((ip) => isIPv6(ip.address)).length;
  return isAtLeast(cniVersion, '0.3.0') || (ips.length > 0 && ipv6 <= 1 && ips.length - ipv6 <= 1);
};

describe('any result', () => {
  it('says the same when it is printed and read, as far as the version can tell', () => {
    fc.assert(
      fc.property(result, version, (told, cniVersion) => {
        fc.pre(isTold(cniVersion, told));
        expect(parseResult(JSON.parse(printResult(told, cniVersion)), '9.9.9')).to.deep.equal(toldIn(cniVersion, told));
      }),
    );
  });

  it('is refused by just those versions that cannot tell it', () => {
    fc.assert(
      fc.property(result, version, (told, cniVersion) => {
        const ask = expect(() => assertExpressible(told, cniVersion));
        if (isTold(cniVersion, told)) ask.not.to.throw();
        else ask.to.throw(/^cannot convert: no valid IP addresses$|more than 1 address per family$/);
      }),
    );
  });

  it('as the prevResult of a configuration of another version is passed on in the shape of that version', () => {
    fc.assert(
      fc.property(result, version, version, (told, before, now) => {
        fc.pre(isTold(before, told));
        const { prevResult = {} } = parse({}, { cniVersion: now, prevResult: toVersion(told, before) });
        expect(prevResult).to.deep.equal(toldIn(before, told));
        fc.pre(isTold(now, prevResult));
        expect(printResult(prevResult, now)).to.equal(printResult(toldIn(now, toldIn(before, told)), now));
      }),
    );
  });

  it('is understood by CHECK and DEL without a version of its own, as one of the configuration', () => {
    fc.assert(
      fc.property(result, version, (told, cniVersion) => {
        fc.pre(isTold(cniVersion, told));
        const { cniVersion: _, ...prevResult } = toVersion(told, cniVersion);
        const command = isAtLeast(cniVersion, '0.4.0') ? 'CHECK' : 'DEL';
        const request = parse({ CNI_COMMAND: command }, { cniVersion, prevResult });
        expect(request.prevResult).to.deep.equal(toldIn(cniVersion, told));
      }),
    );
  });
});
