import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Container, PodSpec } from './manifest';
import { output, PATH } from './run';

const built = resolve(__dirname, '../../build/runtime');

/** Where Kubernetes' nodes have their plugins. */
export const bin = '/opt/cni/bin';

/** Gives a node, entered by `enter`, that folder, as if it had just been set up: with the `plugins`, as they are called with their paths. */
export async function addPluginFolder(enter: readonly string[], plugins: readonly string[]): Promise<void> {
  // An overlay, since programs of the machine's may lie in /opt.
  const overlay = `mkdir /run/opt && mount -t tmpfs opt /run/opt && mkdir /run/opt/upper /run/opt/work
    mount -t overlay -o lowerdir=/opt,upperdir=/run/opt/upper,workdir=/run/opt/work overlay /opt
    rm -rf ${bin} && mkdir -p ${bin} && cp ${plugins.join(' ')} ${bin}`;
  await output('nsenter', [...enter, 'sh', '-ec', overlay]);
}

/*
 * A root folder of its own with the machine's programs, what the image of deploy/Dockerfile holds in /trestle, and the volumes:
 * pairs of paths on the node and in here, up to "--". Of what is in /run nothing is seen.
 */
const script = `set -e
root=$1 && shift
mkdir -p "$root" && mount -t tmpfs container "$root"
for name in /usr /bin /sbin /lib* /etc /dev /proc; do
  if [ -L "$name" ]; then cp -P "$name" "$root$name"; else mkdir "$root$name" && mount --rbind "$name" "$root$name"; fi
done
bind() { mkdir -p "$root$2" && mount --bind "$1" "$root$2"; }
bind ${built} /trestle
while [ "$1" != -- ]; do bind "$1" "$2" && shift 2; done
shift
exec chroot "$root" "$@"`;

/**
 * Starts a container of a pod as Kubernetes would on a node that is entered by `enter`, in a mount namespace of its own and,
 * with hostPID and hostNetwork, no other. The process is the container's.
 */
export function startContainer(enter: readonly string[], pod: PodSpec, container: Container): ChildProcess {
  const volumes = (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
    const volume = pod.volumes.find((one) => one.name === name);
    if (volume === undefined) throw new Error(`no volume "${name}"`);
    return [volume.hostPath.path, mountPath];
  });
  const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value]));
  const line = [...enter, 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  return spawn('nsenter', [...line, '/run/container', ...volumes, '--', ...container.command], {
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Waits until a container has said something. Fails if it ends without. */
export async function firstWords({ stdout, stderr }: ChildProcess): Promise<void> {
  const [first] = await Promise.race([once(stdout as Readable, 'data'), once(stdout as Readable, 'close')]);
  if (first === undefined) throw new Error(`the container has ended: ${stderr?.read() ?? ''}`);
}

/** What became of a container that ends by itself, and all that it said. */
export async function outcome(container: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = '';
  for (const stream of [container.stdout, container.stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk;
    });
  }
  const [code] = await once(container, 'close');
  return { code, text };
}
