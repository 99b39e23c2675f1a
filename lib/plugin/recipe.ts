import { randomBytes, randomInt } from 'node:crypto';
import { type Cidr, contains, formatAddress, networkOf, next } from '../cni/addresses';
import { parseConfig } from '../cni/config';
import { printResult } from '../cni/convert';
import { lookup } from '../cni/decode';
import type { LeasePlace, Outcome, Recipe } from '../kernel/contract';
import { hole } from '../kernel/contract/recipe';
import { withTexts } from '../kernel/ensure-text';
import { prefix } from '../kernel/prefix';
import type { Added } from './add';
import { footprintOf } from './footprint';
import { hostFor } from './ipam';

/**
 * A recipe is an ADD with holes where its names, MACs and addresses were. It is not written by anybody: the plugin plans the
 * same ADD once more for an attachment that nobody has, and wherever something of that one's shows up in what would be
 * done there is a hole. With the ADD's own names in its holes a recipe must come to just what that ADD did.
 */
export type Instructions = Omit<Recipe, 'id' | 'variables' | 'args' | 'config'>;

/** What is one attachment's own. */
interface Own {
  containerId: string;
  ifname: string;
  netns: string;
  hostEnd: { name: string; mac: string };
  podMac: string;
  token: string;
  now: number;
  /** Without prefix lengths. */
  ips: string[];
}

type Texts = Pick<Instructions, 'queries' | 'record' | 'footprints' | 'steps' | 'outcomes' | 'complete' | 'result'>;

/** With the longest of the names beside it that a recipe is followed for, it is a file's name still (lib/cni/request.ts). */
const longestNetwork = 255 - '--'.length - 64 - 15;

/** As many addresses as there are holes for. */
const mostAddresses = 8;

/** Keys that are one pod's, or that have something done beside the plan. */
const ownKeys = ['runtimeConfig', 'args', 'prevResult', 'trestle'] as const;

/** How to do other ADDs like this one; undefined where that cannot be said. */
export function instructionsOf(added: Added): Instructions | undefined {
  const { call } = added;
  const { platform, plugin, request } = call;
  const isUsual =
    plugin.uniform === true &&
    plugin.recorded !== false &&
    added.record.token !== undefined &&
    call.identity.network.length <= longestNetwork &&
    ownKeys.every((key) => lookup(request.config, key) === undefined);
  const place = isUsual ? leasesFor(added) : undefined;
  if (!isUsual || place === undefined) return undefined;
  const own = ownOf(added, place.ranges.length);
  const actual = textsOf(added, own);
  const other = actual && anybody(own.ips.length > 0 ? leased(added) : [], JSON.stringify(actual));
  const texts = other && textsOf(added, other);
  if (!actual || !texts || actual.result !== added.printed) return undefined;
  const withHoles = mapped(texts, (text) => emptied(text, other));
  const again = mapped(withHoles, (text) => filled(text, own));
  if (JSON.stringify(again) !== JSON.stringify(actual)) return undefined;
  return {
    network: call.identity.network,
    type: plugin.type,
    machineId: call.identity.machineId,
    stateDir: platform.stateDir,
    answers: [answersOf(added)],
    ...withHoles,
    ...(place.ranges.length > 0 && { lease: place }),
  };
}

/** The state of the node, as far as the plugin has asked for it. */
export function answersOf({ context }: Added): string {
  return JSON.stringify(Object.values(context.facts));
}

/** Where addresses come from, no ranges for one that gets none by an IPAM plugin; undefined where a recipe cannot tell. */
function leasesFor({ call, ipam, context }: Added): LeasePlace | undefined {
  if (ipam === '') return { folder: '', index: '', ranges: [] };
  const { platform, request, plugin } = call;
  const delegate = platform.plugins.get(ipam);
  if (delegate?.kind !== 'ipam') return undefined;
  const config = parseConfig(delegate.config, request.config);
  const place = delegate.leases?.({ request, config, host: hostFor(platform, plugin.type) });
  const ips = context.ipam?.ips ?? [];
  const isPlain = place?.ranges.every(({ start }) => !start.startsWith('::'));
  return isPlain && ips.length === place?.ranges.length && ips.length <= mostAddresses ? place : undefined;
}

function ownOf({ call: { identity, request }, context, record }: Added, leased: number): Own {
  const { containerId, ifname, hostEnd, podMac } = identity;
  const ips = (context.ipam?.ips ?? []).slice(0, leased).map(({ address }) => parts(address)[0]);
  const { noted: now, token = '' } = record;
  return { containerId, ifname, netns: request.netns, hostEnd, podMac, token, now, ips };
}

/** The subnets of the addresses that were leased, with their gateways. */
function leased({ context }: Added): { subnet: Cidr; gateway: string | undefined }[] {
  return (context.ipam?.ips ?? []).map(({ address, gateway }) => ({ subnet: networkOf(prefix(address)), gateway }));
}

/** An attachment that nobody has, with names as long as they can be, and nothing that the texts of the real one contain. */
function anybody(subnets: ReturnType<typeof leased>, texts: string): Own | undefined {
  const hex = (length: number): string => randomBytes(length).toString('hex').slice(0, length);
  const mac = (): string => `02:${randomBytes(5).toString('hex').match(/../g)?.join(':')}`;
  const ips = subnets.flatMap(({ subnet, gateway = '' }) => unused(subnet, `${texts} ${gateway}`) ?? []);
  if (ips.length < subnets.length) return undefined;
  return {
    containerId: hex(64),
    ifname: `i${hex(14)}`,
    netns: `/run/netns/${hex(40)}`,
    hostEnd: { name: `veth${hex(11)}`, mac: mac() },
    podMac: mac(),
    token: hex(32),
    now: 8e15 + randomInt(1e12),
    ips,
  };
}

/** An address of the subnet that the texts do not contain. Of some, as many as they may well contain. */
function unused(subnet: Cidr, texts: string): string | undefined {
  const tries = Array.from({ length: 32 }, (_, i) => next(subnet.address, i + 1));
  const free = tries.find(
    (address) => address && contains(subnet, address) && !alone(formatAddress(address)).test(texts),
  );
  return free && formatAddress(free);
}

/** The address, and not the beginning of a longer one. */
const alone = (address: string): RegExp =>
  new RegExp(`(?<![\\da-f.:])${address.replaceAll('.', '\\.')}(?![\\da-f.:])`, 'g');

/** What is asked, noted, done and answered for an attachment, as the plugin plans it; undefined where it would ask something else. */
function textsOf({ call, context, record, outcomes }: Added, own: Own): Texts | undefined {
  const { plugin } = call;
  const { containerId, ifname, netns, hostEnd, podMac, token, now: noted } = own;
  const request = { ...call.request, containerId, ifname, netns };
  const identity = { ...call.identity, containerId, ifname, hostEnd, podMac };
  const ips = context.ipam?.ips?.map((ip, i) => ({ ...ip, address: withIp(ip.address, own.ips[i]) }));
  const ipam = context.ipam && { ...context.ipam, ...(ips && { ips }) };
  const asked = plugin.facts({ request, config: context.config, identity }, context.facts);
  if (Object.keys(asked).join() !== Object.keys(context.facts).join()) return undefined;
  const plan = plugin.add({ ...context, request, identity, ...(ipam && { ipam }) });
  if ((plan.shared?.steps.length ?? 0) > 0 || (plan.warnings?.length ?? 0) > 0) return undefined;
  const told = outcomes.map((outcome) => toldOf(outcome, call.identity, own));
  return {
    queries: JSON.stringify(withTexts(Object.values(asked))),
    record: JSON.stringify({ ...record, noted, containerId, ifname, netns, token }),
    footprints: [...plan.steps.keys(), plan.steps.length].map((done) =>
      JSON.stringify({ ...footprintOf(plan.steps.slice(0, done)), noted }),
    ),
    steps: JSON.stringify(withTexts(plan.steps)),
    outcomes: JSON.stringify(told),
    complete: JSON.stringify({ state: 'complete', noted }),
    result: printResult(plan.result(told as Outcome[]), request.cniVersion),
  };
}

/** What a result may tell of an outcome (native/replay.cc compares it), as it would be for another attachment. */
function toldOf({ mac, mtu, peer }: Outcome, from: Pick<Own, 'hostEnd' | 'podMac'>, to: Own): Partial<Outcome> {
  const other = (own: string): string =>
    own === from.hostEnd.mac ? to.hostEnd.mac : own === from.podMac ? to.podMac : own;
  const told = (link: { mac?: string | undefined; mtu?: number | undefined }) => ({
    ...(link.mac !== undefined && { mac: other(link.mac) }),
    ...(link.mtu !== undefined && { mtu: link.mtu }),
  });
  return { ...told({ mac, mtu }), ...(peer && { peer: told(peer) as NonNullable<Outcome['peer']> }) };
}

function parts(address: string): [ip: string, length: string] {
  const [ip = '', length = ''] = address.split('/');
  return [ip, length];
}

const withIp = (address: string, ip: string | undefined): string =>
  ip === undefined ? address : `${ip}/${parts(address)[1]}`;

function mapped(texts: Texts, change: (text: string) => string): Texts {
  const changed = (text: string | string[]) => (typeof text === 'string' ? change(text) : text.map(change));
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, changed(text)])) as unknown as Texts;
}

/** The holes, and what an attachment has there. */
function holesOf({ hostEnd, now, ips, ...own }: Own): [string, string][] {
  const { containerId, ifname, netns, podMac, token } = own;
  return [
    [hole.containerId, containerId],
    [hole.ifname, ifname],
    [hole.netns, netns],
    [hole.hostEnd, hostEnd.name],
    [hole.hostMac, hostEnd.mac],
    [hole.podMac, podMac],
    [hole.token, token],
    [hole.now, String(now)],
    ...ips.map((ip, i): [string, string] => [String.fromCharCode(hole.address.charCodeAt(0) + i), ip]),
  ];
}

function emptied(text: string, own: Own): string {
  const isAddress = (value: string): boolean => own.ips.includes(value);
  return holesOf(own).reduce((left, [at, value]) => left.replaceAll(isAddress(value) ? alone(value) : value, at), text);
}

function filled(text: string, own: Own): string {
  return holesOf(own).reduce((left, [at, value]) => left.replaceAll(at, value), text);
}
