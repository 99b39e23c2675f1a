import { expect } from 'chai';
import type { FuzzRequest } from './requests';

/** What a program or a call of `handle` has answered. */
export interface Answered {
  stdout: string;
  exitCode: number | null;
}

/** What a person can do nothing with, and only a bug prints. */
const internals =
  /\n\s+at |\.[cm]?[jt]s:\d+|undefined|\[object |is not a function|is not iterable|Cannot read|call stack|Invalid array|BigInt/;

/** Characters. More is no message. */
const longest = 20_000;

/** An answer is the specification's error object and exit status 1, or a success. Returns the error. */
export function demandAnswer(
  { stdout, exitCode }: Answered,
  { stdin, env }: FuzzRequest,
): { code: number; msg: string } | undefined {
  expect(exitCode, stdout).to.be.oneOf([0, 1]);
  if (exitCode === 0) {
    if (stdout !== '') expect(JSON.parse(stdout)).to.be.an('object');
    return undefined;
  }
  const { code, msg, details = 'none', ...more } = JSON.parse(stdout);
  expect(more).to.deep.equal({});
  expect(code).to.satisfy((it: unknown) => Number.isSafeInteger(it) && (it as number) > 0, 'a code');
  expect(msg).to.be.a('string').that.is.not.equal('');
  expect(details).to.be.a('string').that.is.not.equal('');
  expect(stdout.length, 'length of the answer').to.be.below(longest);
  const said = `${msg} ${details}`.match(internals)?.[0];
  const wasSent = said !== undefined && `${stdin.toString()}${Object.values(env)}`.includes(said);
  expect(wasSent ? undefined : said, `what only a bug says, in ${msg}`).to.equal(undefined);
  return { code, msg };
}
