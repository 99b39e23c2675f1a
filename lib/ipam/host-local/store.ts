import { mkdirSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFile } from '../../cni/absent';
import { CniError, ErrorCode } from '../../cni/errors';
import { readRegularFile } from '../../cni/regular-file';

/**
 * The reference's on-disk format, and nothing else: `<dataDir>/<network>/<address>` holding "<container ID>\r\n<ifname>",
 * `last_reserved_ip.<range set>` and `lock`. All functions here want the caller to hold the flock on `lock`.
 */

/** Who holds a lease. `ifname` is "" in the files of old releases, which held the container ID alone. */
export interface Holder {
  containerId: string;
  ifname: string;
}

/**
 * What a lease file says. `debris`: nothing, because its writer died between creating and writing it (or the machine
 * did); as leases are written under the lock, whoever has the lock knows that nobody will fill it in any more.
 */
export type Lease =
  | { state: 'held'; holder: Holder }
  | { state: 'debris' }
  | { state: 'foreign' }
  | { state: 'missing' };

/** Bytes: a container ID and the name of an interface are far below. */
const longestLease = 4096;

/** An address in any notation; the other files in a lease folder have letters beyond f in their names. */
const leaseName = /^(?=.*[.:])[0-9a-f.:]+$/;

/** The folder of a network's leases, which is never above or beside `dataDir`. Code 7. */
export function leaseFolder(dataDir: string, network: string): string {
  if (network === '' || network === '.' || network === '..' || network.includes('/')) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `network name ${JSON.stringify(network)} cannot be the name of a folder`,
    );
  }
  return join(dataDir, network);
}

/** Code 5 when the data folder cannot be one. */
export function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
  } catch (error) {
    throw new CniError(ErrorCode.io, `failed to make the folder of leases: ${(error as Error).message}`, '', {
      cause: error,
    });
  }
}

/** As `mkdir -p`. Node's own never ends where a folder exists and yet nothing can be made in it, which /proc answers with ENOENT. */
function makeFolders(folder: string, isSecondTry = false): void {
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && statSync(folder).isDirectory()) return;
    if (errnoOf(error) !== 'ENOENT' || isSecondTry) throw error;
    makeFolders(dirname(folder));
    makeFolders(folder, true);
  }
}

export const lockPath = (folder: string): string => `${folder}/lock`;

/** Creates the lease file if there is none: `false` if there is. It is complete or does not stay. */
export function createLease(folder: string, address: string, { containerId, ifname }: Holder): boolean {
  const path = `${folder}/${address}`;
  try {
    writeFileSync(path, `${containerId}\r\n${ifname}`, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Where it could not be opened it is not ours, if it is there.
    if (syscall !== 'open') unlinkSync(path);
    throw error;
  }
}

/** Reads a lease file. White space around and between its two words is tolerated; something else there is `foreign`. */
export function readLease(folder: string, address: string): Lease {
  try {
    return parseLease(readRegularFile(`${folder}/${address}`, longestLease));
  } catch (error) {
    return { state: errnoOf(error) === 'ENOENT' ? 'missing' : 'foreign' };
  }
}

/** NULs are what some file systems leave of a file that was being written when the power failed. */
export function parseLease(text: string): Lease {
  const [containerId = '', ifname = '', ...more] = text.replaceAll('\0', '').trim().split(/\s+/);
  if (containerId === '') return { state: 'debris' };
  return more.length > 0 ? { state: 'foreign' } : { state: 'held', holder: { containerId, ifname } };
}

/** Removes a lease file; one that is gone already is no error. */
export function removeLease(folder: string, address: string): void {
  removeFile(`${folder}/${address}`);
}

/** The addresses that have a lease file, in no order. */
export function leasedAddresses(folder: string): string[] {
  return readdirSync(folder).filter((name) => leaseName.test(name));
}

/** When the lease was written, milliseconds since the epoch; undefined when it is gone. */
export function leaseTime(folder: string, address: string): number | undefined {
  return statSync(`${folder}/${address}`, { throwIfNoEntry: false })?.mtimeMs;
}

/** The address that range set `set` gave out last, as text that is yet to be checked; "" when unknown. */
export function readLastReserved(folder: string, set: number): string {
  try {
    return readRegularFile(lastReservedPath(folder, set), longestLease);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

export function writeLastReserved(folder: string, set: number, address: string): void {
  writeFileSync(lastReservedPath(folder, set), address, { mode: 0o644 });
}

const lastReservedPath = (folder: string, set: number): string => `${folder}/last_reserved_ip.${set}`;

/** "ENOENT", or "" when it is no error of the operating system. */
export function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
