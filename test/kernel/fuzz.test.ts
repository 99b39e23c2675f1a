import fc from 'fast-check';
import { fuzz } from '../fuzz/campaign';
import { expectHarmless } from '../fuzz/leftovers';
import { aRequest, type FuzzRequest } from '../fuzz/requests';
import { createScene, type Scene, workingFolder } from '../fuzz/scene';
import { demandAnswer } from '../fuzz/verdict';
import { enter } from '../support/peers';
import { run } from '../support/run';

/** How many requests of each kind. `make fuzz` sends far more of the first; FUZZ_RUNS is for the others. */
const runs = { served: 400, executed: Number(process.env.FUZZ_RUNS ?? 100) };

/** The same requests each time, so that a change is judged by what it changes; `make fuzz` draws others. */
const seed = Number(process.env.FUZZ_SEED ?? 505756221);

describe('hostile requests', () => {
  it('are answered as the specification has it, and what is wrong with them changes nothing', async function () {
    this.timeout(240_000);
    await fuzz({ runs: runs.served, seed });
  });
});

describe('hostile requests to the installed program', () => {
  let scene: Scene;
  before(async () => {
    scene = await createScene();
  });
  after(() => scene.world.close());

  /** The kernel takes no longer text for one variable (MAX_ARG_STRLEN). */
  const environmentOf = ({ env }: FuzzRequest) =>
    Object.fromEntries(Object.entries(env).map(([name, text]) => [name, text.slice(0, 120_000)]));

  async function execute(request: FuzzRequest, command = request.env.CNI_COMMAND ?? ''): Promise<number> {
    const program = ['sh', '-c', `cd ${workingFolder} && exec "$0"`, `${scene.world.plugins}/${request.type}`];
    const { code, signal, stdout, stderr } = await run('nsenter', [...enter(scene.world.keeper), ...program], {
      env: { PATH: '/usr/bin:/bin', ...environmentOf(request), CNI_COMMAND: command },
      input: request.stdin,
      timeoutMs: 20_000,
    });
    if (signal !== null) throw new Error(`ended by ${signal}`);
    demandAnswer({ stdout, exitCode: code }, request);
    for (const line of stderr.split('\n')) {
      if (/^\s+at |Error:|FATAL|core dumped|Sanitizer/.test(line)) throw new Error(`stderr: ${stderr}`);
    }
    return code ?? 1;
  }

  it('are answered, and leave nothing but what attachments share', async function () {
    this.timeout(240_000);
    const before = await scene.world.snapshot();
    const property = fc.asyncProperty(aRequest(scene), async (request) => {
      if ((await execute(request)) === 0 && request.env.CNI_COMMAND === 'ADD') await execute(request, 'DEL');
    });
    await fc.assert(property, { numRuns: runs.executed, seed });
    expectHarmless(before, await scene.world.snapshot());
  });
});
