import type { Names } from './log';

/** A request that was answered with an error. */
export interface Failure extends Names {
  /** ISO 8601. */
  at: string;
  /** The specification's error object. */
  code: number;
  msg: string;
  details?: string;
}

/** So many are remembered. */
const kept = 20;

/** The latest failures, oldest first. */
export interface Failures {
  /** `report` is what the runtime is told. */
  note(names: Names, report: string): Pick<Failure, 'code' | 'msg' | 'details'>;
  latest(): readonly Failure[];
}

export function newFailures(): Failures {
  let latest: readonly Failure[] = [];
  return {
    note(names, report) {
      const { code, msg, details } = JSON.parse(report);
      const error = { code, msg, ...(details !== undefined && { details }) };
      latest = [...latest, { at: new Date().toISOString(), ...names, ...error }].slice(-kept);
      return error;
    },
    latest: () => latest,
  };
}
