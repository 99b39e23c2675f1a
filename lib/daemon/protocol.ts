/**
 * What launcher and daemon say to each other: native/launcher/protocol.h in TypeScript, where the conversation is told. A
 * test holds the two together.
 */
export const daemonSocket = '/run/trestle/daemon.sock';

/** Where launchers count why they ran cold although there is a daemon: a file per reason, a byte per time. */
export const coldFolder = '/run/trestle/cold';

export const frameMagic = 0x31545354;

/** Bytes of a frame's payload. */
export const frameLimit = 20 * 1024 * 1024;

/** How long a launcher waits for "claimed". Milliseconds. */
export const patienceMs = 250;

export const FrameKind = {
  request: 1,
  claimed: 2,
  declined: 3,
  go: 4,
  stderr: 5,
  answer: 6,
  status: 7,
  statusReport: 8,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface Frame {
  kind: number;
  payload: Buffer;
}

const headerSize = 12;

/** Something that is no frame. What was sent before it counts for nothing either. */
export class FrameError extends Error {}

export function encodeFrame(kind: FrameKind, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const header = Buffer.allocUnsafe(headerSize);
  header.writeUInt32LE(frameMagic, 0);
  header.writeUInt32LE(kind, 4);
  header.writeUInt32LE(body.length, 8);
  return Buffer.concat([header, body]);
}

/**
 * Cuts a stream into frames: each call takes what has arrived and answers with the frames that are whole by then. Throws
 * {@link FrameError} as soon as a header cannot be one, before anything of its payload is kept.
 */
export function frameReader(): (chunk: Buffer) => Frame[] {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = headerSize;
  return (chunk) => {
    parts.push(chunk);
    size += chunk.length;
    if (size < wanted) return [];
    let rest = Buffer.concat(parts);
    const frames: Frame[] = [];
    for (; rest.length >= headerSize; rest = rest.subarray(wanted)) {
      wanted = headerSize + payloadSize(rest);
      if (rest.length < wanted) break;
      frames.push({ kind: rest.readUInt32LE(4), payload: rest.subarray(headerSize, wanted) });
    }
    if (rest.length < headerSize) wanted = headerSize;
    // What is left of a large buffer must not keep it all.
    parts = rest.length === 0 ? [] : [rest];
    size = rest.length;
    return frames;
  };
}

/** Of the frame whose header `bytes` begin with. */
function payloadSize(bytes: Buffer): number {
  const [magic, kind, size] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
  if (magic !== frameMagic) throw new FrameError(`this is no frame: it begins with 0x${magic.toString(16)}`);
  if (!Object.values<number>(FrameKind).includes(kind)) throw new FrameError(`there are no frames of kind ${kind}`);
  if (size > frameLimit) throw new FrameError(`a frame of ${size} bytes is announced, at most ${frameLimit} are taken`);
  return size;
}
