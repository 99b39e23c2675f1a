import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { CniCall } from './plugins';
import type { World } from './world';

// biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
type Json = any;

/** A configuration: what a plugin reads from standard input. */
export type Config = Record<string, unknown>;

/** The ranges of {@link bridgeNetwork}; each bridge address is the first of its subnet. */
export const ranges = { ipv4: [{ subnet: '10.1.2.0/24' }], ipv6: [{ subnet: 'fd00:1:2::/64' }] };

/** host-local with one address of each family, or of the range sets that are given. */
export function hostLocal(...sets: object[][]): Config {
  return { type: 'host-local', ranges: sets.length > 0 ? sets : [ranges.ipv4, ranges.ipv6] };
}

/** Network "net" on the bridge br0, dual stack, the bridge the pods' default gateway; `changes` replace its keys. */
export function bridgeNetwork(changes: Config = {}): Config {
  return {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'bridge',
    bridge: 'br0',
    isDefaultGateway: true,
    ipam: hostLocal(),
    ...changes,
  };
}

/** Calls a plugin that must succeed, and print nothing for any command but ADD. Returns what it printed, parsed. */
export async function succeed(world: World, type: string, call: CniCall): Promise<Json> {
  const { code, stdout, stderr, json } = await world.cni(type, call);
  const command = call.command ?? 'ADD';
  if (code !== 0) throw new Error(`${type} ${command} failed: ${stdout} ${stderr}`);
  if (command !== 'ADD') expect(stdout, `output of ${type} ${command}`).to.equal('');
  return json;
}

/** Calls a plugin that must fail as the specification has it: exit status 1 and an error object, which is returned. */
export async function refusal(
  world: World,
  type: string,
  call: CniCall,
): Promise<{ code: number; msg: string; details?: string }> {
  const { code, stdout, json } = await world.cni(type, call);
  expect({ code, isError: typeof json?.code === 'number' }, stdout).to.deep.equal({ code: 1, isError: true });
  return json;
}

/** A result's addresses without their prefix lengths. */
export function ipsOf(result: Json): string[] {
  return result.ips.map(({ address }: Json) => address.split('/')[0]);
}

/** The name of the host end in a result of the bridge plugin. */
export function hostEndOf(result: Json): string {
  return result.interfaces[1].name;
}

/** Waits until the host has lost a link. The kernel takes the links of a namespace away a moment after the namespace. */
export async function linkGone(world: World, name: string): Promise<void> {
  const isThere = async () => (await world.ip('link show')).some(({ ifname }) => ifname === name);
  while (await isThere()) await sleep(5);
}

/** The addresses of global scope that a link has, with prefix lengths, as `ip` tells them. */
export async function globalAddresses(world: World, link: string, place?: { path: string }): Promise<string[]> {
  const [{ addr_info }] = await world.ip(`address show dev ${link}`, place);
  return addr_info
    .filter(({ scope }: Json) => scope === 'global')
    .map(({ local, prefixlen }: Json) => `${local}/${prefixlen}`);
}

/** Puts an executable script into a folder of the world, made if it is not there. */
export function addScript(world: World, path: string, script: string): void {
  const file = world.path(path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/**
 * Makes an IPAM plugin of somebody else's under /run/ipam, for CNI_PATH. It notes each call ("ADD one eth0") in
 * /run/ipam.log before it does what `script` says; {@link ipamCalls} reads the notes.
 */
export function addIpam(world: World, type: string, script: string): Config {
  addScript(world, `/run/ipam/${type}`, `echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME" >>/run/ipam.log\n${script}`);
  return { type };
}

/** The calls of every plugin of {@link addIpam} so far. */
export function ipamCalls(world: World): string[] {
  const log = world.path('/run/ipam.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

/** The environment with which the plugins of {@link addIpam} are found behind the world's own. */
export function ipamPath(world: World): Record<string, string> {
  return { CNI_PATH: `${world.plugins}:/run/ipam` };
}
