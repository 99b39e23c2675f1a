import type { NftElements } from './nftables';

/** What became of one step. */
export interface Outcome {
  did: 'created' | 'changed' | 'deleted' | 'kept';
  us: number;
  /** Of the link that a step made, changed or kept. */
  ifindex?: number;
  mac?: string;
  mtu?: number;
  /** Of a veth's other end. */
  peer?: { ifindex: number; mac: string; mtu: number };
  /** What a `link.set` or `sysctl.set` found, in the step's own field names. Only fields that changed. */
  previous?: {
    up?: boolean;
    mtu?: number;
    mac?: string;
    alias?: string;
    promisc?: boolean;
    hairpin?: boolean;
    isolated?: boolean;
    noLinkLocalLearn?: boolean;
    value?: string;
  };
  /** The elements that an `nft.batch` really added (those that were there already are left out). */
  added?: NftElements[];
  /** An `nft.batch` found its table missing, and made it: whatever others had in it is lost. */
  madeTable?: true;
}

/** A failure of the kernel, or of what leads to it. */
export interface KernelFault {
  /** What was being done, in words: "add link veth0 to netns /run/netns/a". */
  op: string;
  /** "EEXIST"; "" when the fault is none of the kernel's. */
  errno: string;
  /** 17 for EEXIST. */
  code: number;
  /** strerror's text: "File exists". */
  message: string;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG), "" for none. Of a taken element: {@link NftElements.ifTaken}. */
  extack: string;
}

export interface Applied {
  /** One for each step that was done; shorter than the steps if one failed (mode `stop`). */
  outcomes: (Outcome | null)[];
  /** Mode `stop`: at most one. Mode `continue`: the steps that failed; their outcome is null. `us`: until it failed. */
  faults: (KernelFault & { step: number; us: number })[];
}
