import { CniError } from '../../../lib/cni/errors';
import { parseRequest, type RawRequest, type Request, type RequestOptions } from '../../../lib/cni/request';

/** The error that a function throws, or rejects with; fails when it does neither, or with anything but a CniError. */
export async function errorOf(act: () => unknown): Promise<Pick<CniError, 'code' | 'msg' | 'details'>> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    const { code, msg, details } = error;
    return { code, msg, details };
  }
  throw new Error('nothing was thrown');
}

const environment = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'pod-1',
  CNI_NETNS: '/run/netns/pod-1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

/** A request that has nothing wrong with it, but for what the test changes. A configuration that is no text is encoded. */
export function raw(env: RawRequest['env'] = {}, config: unknown = {}): RawRequest {
  const named = () => JSON.stringify({ cniVersion: '1.1.0', name: 'net', ...(config as object) });
  const stdin = Buffer.isBuffer(config) ? config : Buffer.from(typeof config === 'string' ? config : named());
  return { type: 'bridge', env: { ...environment, ...env }, stdin };
}

export function parse(env: RawRequest['env'] = {}, config: unknown = {}, options: RequestOptions = {}): Request {
  const request = parseRequest(raw(env, config), options);
  if (request.command === 'VERSION') throw new Error('VERSION has no more than its name');
  return request;
}

/** Milliseconds of this process's own work so far: another's work on the same machine does not count. */
export function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
