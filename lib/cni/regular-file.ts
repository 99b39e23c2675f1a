import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Without waiting for anybody at the other end. */
const withoutWaiting = O_NONBLOCK | O_NOCTTY;

/** Bytes: most files are small, and read at once. */
const atOnce = 4096;

/** As {@link readRegularBytes}, the text in UTF-8. */
export function readRegularFile(path: string, limit: number): string {
  const found = statSync(path);
  if (!found.isFile() || found.size === 0 || found.size > Math.min(limit, atOnce))
    return readRegularBytes(path, limit).toString('utf8');
  // Node's way of one call, where opening, looking, reading and closing are four that take longer than what they do.
  return readFileSync(path, { encoding: 'utf8', flag: O_RDONLY | withoutWaiting });
}

/**
 * What is in a file that a person or a configuration names. Throws for anything but a regular file of at most `limit`
 * bytes: a fifo would keep the request waiting for ever, and a device would never end.
 */
export function readRegularBytes(path: string, limit: number): Buffer {
  return withFile(path, O_RDONLY, (file, size) => {
    // What says nothing of its size (in /proc) is read to its end.
    if (size > 0 && size <= Math.min(limit, atOnce)) {
      const whole = Buffer.allocUnsafe(size);
      return whole.subarray(0, readSync(file, whole, 0, size, null));
    }
    const chunks: Buffer[] = [];
    let length = 0;
    // As much as there is, and not what there may be: that is megabytes where a file has a hundred bytes.
    for (let got = -1; got !== 0 && length <= limit; length += got) {
      const chunk = Buffer.allocUnsafe(Math.min(65_536, limit + 1 - length));
      got = readSync(file, chunk, 0, chunk.length, null);
      chunks.push(chunk.subarray(0, got));
    }
    if (length > limit) throw new Error(`${path} has more than ${limit} bytes`);
    return Buffer.concat(chunks);
  });
}

/** Appends to a file that a configuration names, made with mode 0600 if there is none. Throws for anything but a regular file. */
export function appendToRegularFile(path: string, text: string): void {
  withFile(path, O_WRONLY | O_APPEND | O_CREAT, (file) => writeSync(file, text));
}

function withFile<T>(path: string, flags: number, work: (file: number, size: number) => T): T {
  const file = openSync(path, flags | withoutWaiting, 0o600);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new Error(`${path} is not a regular file`);
    return work(file, found.size);
  } finally {
    closeSync(file);
  }
}
