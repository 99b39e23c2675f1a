import type { Request } from '../../cni/request';
import type { LinkFact } from '../../kernel/contract';
import type { AddContext } from '../../plugin/define';
import type { BridgeConfig } from './config';
import { bridgeFault, type SharedFacts } from './shared';

type Checked = Pick<AddContext<BridgeConfig, never>, 'request' | 'config' | 'identity'> & {
  facts: SharedFacts & { hostEnd: LinkFact | null; podEnd: LinkFact | null };
};

/** For CHECK, what the plan's steps do not say: what stands in their way, where the port is, which ends belong together. */
export function differences({ request, config, identity, facts }: Checked): string[] {
  const { bridge: device, hostEnd, podEnd } = facts;
  const port = identity.hostEnd.name;
  const fault = bridgeFault(config, facts);
  const isElsewhere = device && hostEnd && hostEnd.master !== device.ifindex;
  return [
    ...(fault ? [`${fault.msg} (${fault.details})`] : []),
    ...(isElsewhere ? [`${port} on the host is not a port of ${config.bridge}`] : []),
    ...(hostEnd && podEnd && !isPair(hostEnd, podEnd)
      ? [`${request.ifname} in the pod is not the other end of ${port}`]
      : []),
    ...(device ? bridgeDiffers(request, device) : []),
  ];
}

/** An index means little alone: it counts within one namespace. */
function isPair(one: LinkFact, other: LinkFact): boolean {
  return one.peer === other.ifindex && other.peer === one.ifindex;
}

/** The bridge may be anybody's; what the result says of it, it has to keep. */
function bridgeDiffers({ prevResult }: Request, { name, mac, mtu }: LinkFact): string[] {
  const reported = prevResult?.interfaces?.find((it) => it.name === name && !it.sandbox);
  return [
    ...(reported?.mac && reported.mac !== mac ? [`${name} on the host has MAC ${mac}, expected ${reported.mac}`] : []),
    ...(reported?.mtu && reported.mtu !== mtu ? [`${name} on the host has MTU ${mtu}, expected ${reported.mtu}`] : []),
  ];
}
