import { expect } from 'chai';
import { FrameError } from '../../../lib/daemon/protocol';
import { decodeRequest } from '../../../lib/daemon/request';

const fields: Readonly<Record<string, string>> = {
  build: '0.1.0-abc',
  type: 'bridge',
  began: '1795346417179',
  token: '0123456789abcdef0123456789abcdef',
  mnt: '4:1',
  pid: '4:2',
  user: '4:3',
  net: '4:4',
  root: '26:2',
  netns: '/proc/17/fd/3',
  CNI_COMMAND: 'ADD',
  CNI_ARGS: 'K=V;x=ü',
};

const payload = (over: Readonly<Record<string, string | undefined>> = {}, stdin = '{}') => {
  const variables = Object.entries({ ...fields, ...over }).filter(([, value]) => value !== undefined);
  return Buffer.from(`${variables.map(([name, value]) => `${name}=${value}\0`).join('')}\0${stdin}`);
};

describe('A request of a launcher', () => {
  it('is decoded with all that it says', () => {
    expect(decodeRequest(payload({}, 'a\0b'))).to.deep.equal({
      build: '0.1.0-abc',
      type: 'bridge',
      began: 1795346417179,
      token: '0123456789abcdef0123456789abcdef',
      place: { mnt: '4:1', pid: '4:2', user: '4:3', net: '4:4', root: '26:2' },
      netns: '/proc/17/fd/3',
      env: { CNI_COMMAND: 'ADD', CNI_ARGS: 'K=V;x=ü' },
      stdin: Buffer.from('a\0b'),
    });
  });

  it('may have no open namespace and no standard input', () => {
    const request = decodeRequest(payload({ netns: undefined }, ''));
    expect(request).not.to.have.property('netns');
    expect(request.stdin).to.have.length(0);
  });

  it('has of a variable that is there twice the first, as getenv does', () => {
    const twice = Buffer.from(payload().toString().replace('\0CNI_ARGS', '\0CNI_COMMAND=DEL\0CNI_ARGS'));
    expect(decodeRequest(twice).env.CNI_COMMAND).to.equal('ADD');
  });

  const wrong: [string, Buffer, string][] = [
    ['no build', payload({ build: undefined }), 'a request whose "build" is ""'],
    ['a type that is a path', payload({ type: '../x' }), 'a request whose "type" is "../x"'],
    ['a time that is none', payload({ began: 'now' }), 'a request whose "began" is "now"'],
    ['a short token', payload({ token: 'ab' }), 'a request whose "token" is "ab"'],
    ['a namespace that is none', payload({ net: '4' }), 'a request whose "net" is "4"'],
    ['a file for a namespace', payload({ netns: '/etc/passwd' }), 'a request whose "netns" is "/etc/passwd"'],
    ['variables that do not end', Buffer.from('build=x\0type=y'), 'a request whose variables do not end'],
    ['nothing', Buffer.alloc(0), 'a request whose variables do not end'],
  ];
  for (const [what, bytes, text] of wrong) {
    it(`is refused with ${what}`, () => {
      expect(() => decodeRequest(bytes)).to.throw(FrameError, text);
    });
  }
});
