/* `make fuzz`: RUNS requests in one process (10,000), SEED to do the same again. */
import { fuzz } from './campaign';

async function main(): Promise<void> {
  const runs = Number(process.env.RUNS || 10_000);
  const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));
  console.log(`fuzz: ${runs} requests, SEED=${seed}`);
  const began = Date.now();
  const { cases, codes, slowestMs } = await fuzz({ runs, seed });
  const seconds = (Date.now() - began) / 1000;
  console.log(
    `fuzz: ${cases} cases in ${seconds.toFixed(0)} s, ${(cases / seconds).toFixed(0)} a second, the slowest ${slowestMs.toFixed(0)} ms`,
  );
  console.log(`fuzz: answers by code (0 is success): ${JSON.stringify(codes)}`);
}

main().catch((error) => {
  console.error(error.message, error.cause?.message ?? '', error.actual ?? '');
  process.exitCode = 1;
});
