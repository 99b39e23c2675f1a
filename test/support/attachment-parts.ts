import type { Snapshot } from './snapshot';

/** Which parts of an attachment there are. */
export interface Parts {
  link: boolean;
  lease: boolean;
  element: boolean;
  record: boolean;
}

export const whole: Parts = { link: true, lease: true, element: true, record: true };
export const none: Parts = { link: false, lease: false, element: false, record: false };

/** The parts that a snapshot shows of a container's eth0, whose namespace has the container's name. */
export function partsOf({ namespaces, files }: Snapshot, containerId: string): Parts {
  const onFile = (text: string) => Object.values(files).some((content) => content.includes(text));
  return {
    link: namespaces[containerId]?.links.eth0 !== undefined,
    lease: onFile(`${containerId}\r\n`),
    element: namespaces.host?.nft.some((line) => line.includes(`"${containerId} eth0"`)) === true,
    record: onFile(`"containerId":"${containerId}"`),
  };
}
