/**
 * Stands for @noble/hashes in the builds for Bun, which has SHA-256 of its own: what a process that lives for ten milliseconds
 * digests would take one of them in JavaScript that runs for the first time.
 */
declare const Bun: { SHA256: { hash(data: Uint8Array): Uint8Array } };

export const sha256 = (data: Uint8Array): Uint8Array => Bun.SHA256.hash(data);
