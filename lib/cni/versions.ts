import { CniError, ErrorCode } from './errors';
import { quoteList } from './quote';

/** Every version of the specification that has a protocol, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

export type CniVersion = (typeof supportedVersions)[number];

export const newestVersion: CniVersion = '1.1.0';

/** The version of what names none (specification, "Version considerations"). */
export const oldestVersion: CniVersion = '0.1.0';

export function isSupported(version: string, supported: readonly string[] = supportedVersions): version is CniVersion {
  return supported.includes(version);
}

/** Whether `version` is `floor` or newer. Both must be supported versions. */
export function isAtLeast(version: string, floor: CniVersion): boolean {
  return supportedVersions.indexOf(version as CniVersion) >= supportedVersions.indexOf(floor);
}

/** Throws code 1 in the reference's words. `what` is "config", or what else named the version. */
export function assertSupported(
  version: string,
  supported: readonly string[] = supportedVersions,
  what = 'config',
): asserts version is CniVersion {
  if (isSupported(version, supported)) return;
  throw new CniError(
    ErrorCode.incompatibleVersion,
    'incompatible CNI versions',
    `${what} is ${JSON.stringify(version)}, plugin supports ${quoteList(supported)}`,
  );
}

/** What VERSION prints: one line. */
export function versionReport(supported: readonly string[] = supportedVersions): string {
  return `${JSON.stringify({ cniVersion: newestVersion, supportedVersions: supported })}\n`;
}
