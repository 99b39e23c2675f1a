import type { MochaOptions, Runner } from 'mocha';
import TallyReporter from '../../scripts/tally-reporter';
import { tallyFor } from '../support/warm';

/** The reporter of all tests, which also notes which file is being run: a hook would know that only once worlds were made. */
export = class WarmReporter extends TallyReporter {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    runner.on('suite', ({ file }) => {
      if (file !== undefined) tallyFor(file);
    });
  }
};
