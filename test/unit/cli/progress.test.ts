import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { withProgress } from '../../../lib/cli/tracing';

/** Milliseconds: longer than a person is kept waiting without a word. */
const long = 1200;

describe('What takes longer than a second', () => {
  async function said(isTerminal: boolean, work: () => Promise<unknown>): Promise<string> {
    const lines: string[] = [];
    const around = { err: (text: string) => void lines.push(text), errIsTerminal: isTerminal, env: { NO_COLOR: '1' } };
    await withProgress(around, 'waiting for bridge to ADD', work).catch(() => {});
    return lines.join('');
  }

  it('is told on a terminal, once', async () => {
    expect(await said(true, () => sleep(long))).to.equal('waiting for bridge to ADD …\n');
  });

  it('is not told elsewhere', async () => {
    expect(await said(false, () => sleep(long))).to.equal('');
  });

  it('is alone in that: what ends or fails before is not told', async () => {
    const soon = said(true, () => sleep(1));
    const failing = said(true, () => Promise.reject(new Error('at once')));
    await sleep(long);
    expect([await soon, await failing]).to.deep.equal(['', '']);
  });
});
