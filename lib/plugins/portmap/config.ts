import * as v from 'valibot';
import { int, ipAddress, list, netConfEntries } from '../../cni/config';
import { CniError, ErrorCode } from '../../cni/errors';

/** Whether a port number is one is for {@link demandConsistent} to say, in the words that users of the reference know. */
const portNumber = int({ max: 65_535 });

/** "" as it comes for "every address". */
const hostAddress = v.union([v.literal(''), ipAddress]);

const protocols = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof protocols)[number];

/** Runtimes write it in either case, and leave it out for TCP. */
const protocol = v.pipe(
  v.string('expected tcp, udp or sctp'),
  v.transform((text) => text.toLowerCase() || 'tcp'),
  v.picklist(protocols, 'expected tcp, udp or sctp'),
);

const portMapping = v.object({
  hostPort: v.optional(portNumber, 0),
  containerPort: v.optional(portNumber, 0),
  protocol: v.optional(protocol, 'tcp'),
  hostIP: v.optional(hostAddress, ''),
});
export type PortMapping = v.InferOutput<typeof portMapping>;

const words = list(v.string());

export const portmapSchema = v.object({
  ...netConfEntries,
  snat: v.optional(v.boolean(), true),
  masqAll: v.optional(v.boolean(), false),
  /** "iptables" or "nftables" for the reference. Whatever it says, it is done natively. */
  backend: v.exactOptional(v.string()),
  /** A bit of the packet mark, 0 to 31. Nothing is marked here: what is to be masqueraded is known by its connection. */
  markMasqBit: v.exactOptional(int()),
  externalSetMarkChain: v.exactOptional(v.string()),
  conditionsV4: v.exactOptional(words),
  conditionsV6: v.exactOptional(words),
  runtimeConfig: v.exactOptional(v.looseObject({ portMappings: v.exactOptional(list(portMapping)) })),
});
export type PortmapConfig = v.InferOutput<typeof portmapSchema>;

export function mappingsIn({ runtimeConfig }: PortmapConfig): readonly PortMapping[] {
  return runtimeConfig?.portMappings ?? [];
}

/** What the schema cannot say. Code 7, in the reference's words where it has some. */
export function demandConsistent(config: PortmapConfig): void {
  const fault =
    inconsistency(config) ??
    mappingsIn(config)
      .flatMap((mapping) => portFault(mapping) ?? [])
      .at(0);
  if (fault) throw new CniError(ErrorCode.invalidConfig, `failed to parse config: ${fault.msg}`, fault.details);
}

interface ConfigFault {
  msg: string;
  details?: string;
}

function inconsistency({ externalSetMarkChain: chain, markMasqBit: bit }: PortmapConfig): ConfigFault | undefined {
  if (chain && bit !== undefined) return { msg: 'Cannot specify externalSetMarkChain and markMasqBit' };
  if (bit !== undefined && (bit < 0 || bit > 31)) return { msg: 'MasqMarkBit must be between 0 and 31' };
  if (!chain) return undefined;
  return {
    msg: `externalSetMarkChain "${chain}" cannot be used`,
    details:
      'it is a chain of iptables, which no rule of another nftables table can jump to; leave it out: what has to be masqueraded is, without a mark',
  };
}

function portFault({ hostPort, containerPort }: PortMapping): ConfigFault | undefined {
  if (hostPort <= 0) return { msg: `Invalid host port number: ${hostPort}` };
  if (containerPort <= 0) return { msg: `Invalid container port number: ${containerPort}` };
  return undefined;
}
