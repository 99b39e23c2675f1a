import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  coldFolder,
  daemonSocket,
  encodeFrame,
  type Frame,
  FrameError,
  FrameKind,
  frameLimit,
  frameMagic,
  frameReader,
  patienceMs,
} from '../../../lib/daemon/protocol';

const headerSize = 12;
const kinds = Object.values(FrameKind);
const frames = fc.array(fc.record({ kind: fc.constantFrom(...kinds), payload: fc.uint8Array({ maxLength: 300 }) }));

/** Cuts bytes into pieces of the given lengths, over and over; a piece may be empty. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** What a reader makes of the pieces until it complains: the frames, and the complaint. */
function readAll(pieces: readonly Buffer[]): { frames: Frame[]; complaint?: string } {
  const read = frameReader();
  const found: Frame[] = [];
  try {
    for (const piece of pieces) found.push(...read(piece));
    return { frames: found };
  } catch (error) {
    expect(error).to.be.instanceOf(FrameError);
    return { frames: found, complaint: (error as FrameError).message };
  }
}

const plain = (all: readonly { kind: number; payload: Uint8Array }[]) =>
  all.map(({ kind, payload }) => [kind, Buffer.from(payload).toString('hex')]);
const pieceLengths = fc.array(fc.nat(40), { minLength: 1 }).filter((lengths) => lengths.some((length) => length > 0));

function header(kind: number, size: number, magic: number = frameMagic): Buffer {
  const bytes = Buffer.alloc(headerSize);
  [magic, kind, size].forEach((word, index) => {
    bytes.writeUInt32LE(word, index * 4);
  });
  return bytes;
}

describe('A stream of frames', () => {
  it('gives the same frames however it is cut', () => {
    fc.assert(
      fc.property(frames, pieceLengths, (sent, lengths) => {
        const bytes = Buffer.concat(sent.map(({ kind, payload }) => encodeFrame(kind, payload)));
        expect(plain(readAll(cut(bytes, lengths)).frames)).to.deep.equal(plain(sent));
      }),
    );
  });

  it('gives the frames before a piece of something else, or complains, and never anything but frames', () => {
    fc.assert(
      fc.property(
        frames,
        fc.uint8Array({ minLength: headerSize, maxLength: 200 }),
        pieceLengths,
        (sent, noise, lengths) => {
          const whole = Buffer.concat(sent.map(({ kind, payload }) => encodeFrame(kind, payload)));
          const { frames: found, complaint } = readAll(cut(Buffer.concat([whole, noise]), lengths));
          expect(plain(sent).slice(0, found.length)).to.deep.equal(plain(found));
          expect(complaint).to.match(/^this is no frame: it begins with 0x/);
        },
      ),
    );
  });

  it('of random words after a right first one gives frames that were announced, a complaint, or nothing yet', () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 8, 9, frameLimit, frameLimit + 1, 0xffffffff), fc.nat(0xffffffff));
    fc.assert(
      fc.property(word, word, fc.uint8Array({ maxLength: 100 }), pieceLengths, (kind, size, rest, lengths) => {
        const isFrame = kinds.includes(kind as FrameKind) && size <= frameLimit;
        const { frames: found, complaint } = readAll(cut(Buffer.concat([header(kind, size), rest]), lengths));
        expect(found.length === 0 || (isFrame && found[0]?.payload.length === size)).to.equal(true);
        if (!isFrame) expect(complaint).to.match(/^there are no frames of kind|^a frame of \d+ bytes is announced/);
      }),
    );
  });

  it('takes a payload of the most that is allowed, and of one byte more not even the first', () => {
    const read = frameReader();
    expect(read(header(FrameKind.request, frameLimit))).to.deep.equal([]);
    expect(read(Buffer.alloc(frameLimit))[0]?.payload.length).to.equal(frameLimit);
    expect(() => frameReader()(header(FrameKind.request, frameLimit + 1))).to.throw(FrameError, 'announced, at most');
  });
});

describe('protocol.h and protocol.ts', () => {
  const text = readFileSync(join(__dirname, '../../../native/launcher/protocol.h'), 'utf8');
  const define = (name: string): string => new RegExp(`^#define ${name} (.*?)(?: /\\*.*)?$`, 'm').exec(text)?.[1] ?? '';
  const number = (name: string): number => {
    const [, value = '', shift = '0'] = /^\(?(0x[0-9a-f]+|\d+)(?: << (\d+))?\)?$/i.exec(define(name)) ?? [];
    return Number(value) * 2 ** Number(shift);
  };

  it('name the same kinds of frames', () => {
    const inHeader = [...text.matchAll(/^ {2}FRAME_(\w+) = (\d+)/gm)].map(([, name = '', kind]) => [
      name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      Number(kind),
    ]);
    expect(Object.fromEntries(inHeader)).to.deep.equal(FrameKind);
  });

  it('have the same paths, limits and first word', () => {
    expect({
      socket: JSON.parse(define('DAEMON_SOCKET')),
      cold: JSON.parse(define('COLD_FOLDER')),
      magic: number('FRAME_MAGIC'),
      limit: number('FRAME_LIMIT'),
      patience: number('PATIENCE_MS'),
    }).to.deep.equal({
      socket: daemonSocket,
      cold: coldFolder,
      magic: frameMagic,
      limit: frameLimit,
      patience: patienceMs,
    });
  });
});
