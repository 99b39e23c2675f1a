import { sha256 } from '@noble/hashes/sha2.js';
import type { Identity } from './define';

/** Which attachment: the three things by which a runtime tells one from another. */
export interface AttachmentKey {
  network: string;
  containerId: string;
  ifname: string;
}

/** A request asks for the same few again and again: for names, MACs, the record, the lock. */
const recent = new Map<string, Buffer>();

/**
 * SHA-256 over parts that cannot run into each other (none contains a NUL). Not by `node:crypto`: a process that lives for
 * one request would spend milliseconds on loading OpenSSL for it.
 */
export function digest(...parts: string[]): Buffer {
  const text = parts.join('\0');
  const known = recent.get(text);
  if (known) return known;
  const bytes = Buffer.from(sha256(Buffer.from(text)));
  if (recent.size >= 256) recent.clear();
  recent.set(text, bytes);
  return bytes;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** The first `length` characters of the lower-case base32 (RFC 4648) of `bytes`: letters and digits that any name may hold. */
export function base32(bytes: Buffer, length: number): string {
  let text = '';
  for (let bit = 0; text.length < length; bit += 5) {
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    text += alphabet[(pair >> (11 - (bit & 7))) & 31];
  }
  return text;
}

/** A locally administered unicast MAC (IEEE 802: second-lowest bit of the first byte set, lowest clear) of six bytes. */
function localMac(bytes: Buffer, from = 0): string {
  const hex = bytes.toString('hex', from, from + 6);
  const first = ((Number.parseInt(hex.slice(0, 2), 16) & 0xfc) | 0x02).toString(16).padStart(2, '0');
  return `${first}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** The name of an attachment's host end; {@link identify} says the rest. */
export function hostEndName({ network, containerId, ifname }: AttachmentKey): string {
  return `veth${base32(digest(network, containerId, ifname), 11)}`;
}

/**
 * Names and MACs of an attachment. The machine's id goes into the MACs because two hosts on one segment must not meet;
 * the name needs none, it lives in one host.
 */
export function identify(key: AttachmentKey, machineId: string): Identity {
  const here = digest(key.network, key.containerId, key.ifname, machineId);
  return {
    ...key,
    machineId,
    hostEnd: { name: hostEndName(key), mac: localMac(here) },
    podMac: localMac(here, 6),
  };
}

/** The MAC of a device that many attachments share, such as a bridge: the same on this machine whenever it is made anew. */
export function deviceMac(name: string, machineId: string): string {
  return localMac(digest('device', name, machineId));
}
