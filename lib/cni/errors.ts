/** Error codes of the specification (section "Error") and, from 8 on, of the reference's `skel`. */
export const ErrorCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  netnsIsOwn: 8,
  tryAgainLater: 11,
  unavailable: 50,
  limitedConnectivity: 51,
  internal: 999,
} as const;

/** An error that a runtime is told: it becomes `{"code","msg","details"}` on stdout, and exit status 1. */
export class CniError extends Error {
  constructor(
    readonly code: number,
    readonly msg: string,
    readonly details = '',
    options?: ErrorOptions,
  ) {
    super(details === '' ? msg : `${msg}; ${details}`, options);
    this.name = 'CniError';
  }
}
