import { join } from 'node:path';
import { compiled } from './compile';
import { readUnit, words } from './units';

/** By <linux/socket.h>. */
const families: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };

/**
 * A command line that runs what is appended to it within the limits that systemd sets the daemon, as its unit says; and
 * without a capability of those that it has, if one is given.
 */
export async function confinement({ without }: { without?: string } = {}): Promise<string[]> {
  const unit = readUnit('trestle.service');
  const capabilities = words(unit, 'Service.CapabilityBoundingSet')
    .filter((name) => name !== without)
    .map((name) => name.replace(/^CAP_/, '+').toLowerCase());
  const numbers = words(unit, 'Service.RestrictAddressFamilies').map((name) => families[name]);
  if (words(unit, 'Service.NoNewPrivileges').join() !== 'yes') throw new Error('the daemon may gain privileges');
  const confine = await compiled('confine', [join(__dirname, 'confine/confine.c')]);
  return ['setpriv', '--bounding-set', ['-all', ...capabilities].join(), '--no-new-privs', confine, numbers.join()];
}
