import { randomUUID } from 'node:crypto';
import type { Cri, PodSandboxConfig, Port } from './cri';
import { image } from './image';

/** A pod without containers. */
export interface SandboxPod {
  id: string;
  /** The first one is the pod's own; a second one is of the other family. */
  ips: string[];
  /** Path of its network namespace. */
  path: string;
}

/** A pod of one container, which serves /www by HTTP. */
export interface RunningPod extends SandboxPod {
  /** Runs a command in its container. */
  exec(...command: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** The calls that kubelet makes of a runtime, in its order. */
export interface Kubelet {
  /** What is wrong with the network; null when pods can be started. */
  networkProblem(): Promise<string | null>;
  /** RunPodSandbox and PodSandboxStatus. */
  sandbox(name: string, ports?: Port[]): Promise<SandboxPod>;
  run(name: string, ports?: Port[]): Promise<RunningPod>;
  /** Stops it twice and removes it twice, as kubelet does when it is not sure. */
  remove(pod: { id: string }): Promise<void>;
  /** The ids of all pods that the runtime knows, in whatever state. */
  pods(): Promise<string[]>;
}

export function createKubelet(cri: Cri, cgroupParent: string): Kubelet {
  return {
    networkProblem: () => networkProblem(cri),
    sandbox: (name, ports) => runSandbox(cri, podConfig(name, cgroupParent, ports)),
    async run(name, ports) {
      const config = podConfig(name, cgroupParent, ports);
      const pod = await runSandbox(cri, config);
      const container = await runContainer(cri, pod.id, config);
      return { ...pod, exec: (...command) => exec(cri, container, command) };
    },
    async remove({ id }) {
      for (const call of ['StopPodSandbox', 'StopPodSandbox', 'RemovePodSandbox', 'RemovePodSandbox'] as const) {
        await cri.call(call, { podSandboxId: id });
      }
    },
    pods: async () => (await cri.call('ListPodSandbox', {})).items.map(({ id }) => id),
  };
}

const ownPids = { securityContext: { namespaceOptions: { pid: 'CONTAINER' } } } as const;

function podConfig(name: string, cgroupParent: string, portMappings: Port[] = []): PodSandboxConfig {
  return {
    metadata: { name, uid: randomUUID(), namespace: 'default' },
    hostname: name,
    portMappings,
    linux: { cgroupParent, ...ownPids },
  };
}

async function networkProblem(cri: Cri): Promise<string | null> {
  const { status } = await cri.call('Status', { verbose: false });
  const condition = status.conditions.find(({ type }) => type === 'NetworkReady');
  if (condition === undefined) return 'the runtime says nothing about it';
  return condition.status ? null : `${condition.reason}: ${condition.message}`;
}

async function runSandbox(cri: Cri, config: PodSandboxConfig): Promise<SandboxPod> {
  const { podSandboxId } = await cri.call('RunPodSandbox', { config });
  const { status, info } = await cri.call('PodSandboxStatus', { podSandboxId, verbose: true });
  const ips = [status.network.ip, ...status.network.additionalIps.map(({ ip }) => ip)];
  const { namespaces } = JSON.parse(info.info ?? '').runtimeSpec.linux;
  const { path } = namespaces.find(({ type }: { type: string }) => type === 'network');
  // An absolute link in a world, /var/run, would lead out of it.
  return { id: podSandboxId, ips, path: path.replace('/var/run/', '/run/') };
}

async function runContainer(cri: Cri, podSandboxId: string, sandboxConfig: PodSandboxConfig): Promise<string> {
  const command = ['/bin/busybox', 'httpd', '-f', '-h', '/www'];
  const config = { metadata: { name: 'web' }, image: { image }, command, linux: ownPids };
  const { containerId } = await cri.call('CreateContainer', { podSandboxId, config, sandboxConfig });
  await cri.call('StartContainer', { containerId });
  return containerId;
}

async function exec(cri: Cri, containerId: string, cmd: string[]) {
  const { exitCode, stdout, stderr } = await cri.call('ExecSync', { containerId, cmd, timeout: 20 });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
