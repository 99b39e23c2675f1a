import * as v from 'valibot';
import { cidr, ipAddress, routeNumbers } from '../cni/config';
import type { Route } from '../cni/result';

/** What Go's `net.IP` reads as no address: "". */
const noAddress = v.pipe(
  v.literal('', 'expected an IP address'),
  v.transform(() => undefined),
);

/** An address in canonical text; undefined for "". */
export const addressOrNone = v.union([noAddress, ipAddress], 'expected an IP address');

/** An entry of an IPAM configuration's `routes`, with the fields that version 1.1.0 added. */
export const route = v.pipe(
  v.object({ dst: cidr, gw: v.exactOptional(addressOrNone), ...routeNumbers }),
  v.transform(({ gw, ...rest }): Route => (gw === undefined ? rest : { ...rest, gw })),
);
