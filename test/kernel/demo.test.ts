import { resolve } from 'node:path';
import { expect } from 'chai';
import { PATH, run } from '../support/run';

describe('make demo', () => {
  it('shows what it promises', async () => {
    const demo = resolve(__dirname, '../../scripts/demo/demo.ts');
    const { code, stdout } = await run(process.execPath, ['-r', 'ts-node/register', demo], { env: { PATH } });
    expect(stdout).to.match(/All of it held\.\s*$/);
    expect(code).to.equal(0);
  });
});
