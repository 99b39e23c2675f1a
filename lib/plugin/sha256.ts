/**
 * SHA-256 (FIPS 180-4) for the few short texts that become names. Not `node:crypto`: loading that costs a process which
 * lives for one request more time than everything else it does.
 */

const primes = [2];
for (let n = 3; primes.length < 64; n += 2) if (primes.every((prime) => n % prime !== 0)) primes.push(n);

/** The first 32 bits of the fractional part. */
const fraction = (x: number) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const roundConstants = primes.map((prime) => fraction(Math.cbrt(prime)));
const initialState = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

const rotateRight = (x: number, bits: number) => (x >>> bits) | (x << (32 - bits));

/** The digest of `text` in UTF-8: 32 bytes. */
export function sha256(text: string): Buffer {
  const message = padded(Buffer.from(text));
  const state = Int32Array.from(initialState);
  for (let offset = 0; offset < message.length; offset += 64) addBlock(state, message, offset);
  const digest = Buffer.alloc(32);
  state.forEach((word, i) => {
    digest.writeInt32BE(word, 4 * i);
  });
  return digest;
}

/** A one bit, zeros, and the length in bits as 64 bits, up to a whole number of blocks of 64 bytes. */
function padded(bytes: Buffer): Buffer {
  const message = Buffer.alloc(Math.ceil((bytes.length + 9) / 64) * 64);
  bytes.copy(message);
  message[bytes.length] = 0x80;
  message.writeBigUInt64BE(BigInt(bytes.length) * 8n, message.length - 8);
  return message;
}

function addBlock(state: Int32Array, message: Buffer, offset: number): void {
  const schedule = messageSchedule(message, offset);
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t++) {
    const s1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (roundConstants[t] ?? 0) + (schedule[t] ?? 0)) | 0;
    const s0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] ?? 0) + word;
  });
}

function messageSchedule(message: Buffer, offset: number): Int32Array {
  const w = new Int32Array(64);
  const at = (t: number) => w[t] ?? 0;
  for (let t = 0; t < 16; t++) w[t] = message.readInt32BE(offset + 4 * t);
  for (let t = 16; t < 64; t++) {
    const s0 = rotateRight(at(t - 15), 7) ^ rotateRight(at(t - 15), 18) ^ (at(t - 15) >>> 3);
    const s1 = rotateRight(at(t - 2), 17) ^ rotateRight(at(t - 2), 19) ^ (at(t - 2) >>> 10);
    w[t] = at(t - 16) + s0 + at(t - 7) + s1;
  }
  return w;
}
