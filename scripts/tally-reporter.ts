import { appendFileSync } from 'node:fs';
import { type MochaOptions, type Runner, reporters } from 'mocha';

/** Mocha's dot reporter; appends "passed failed skipped" to the file that TRESTLE_TALLY names, for `make test`. */
export = class TallyReporter extends reporters.Dot {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const file = process.env.TRESTLE_TALLY;
    if (file === undefined) return;
    runner.once('end', () => {
      appendFileSync(file, `${this.stats.passes} ${this.stats.failures} ${this.stats.pending}\n`);
    });
  }
};
