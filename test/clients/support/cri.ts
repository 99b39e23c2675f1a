import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** A TCP port of the node that leads into the pod. */
export interface Port {
  hostPort: number;
  containerPort: number;
}

export interface PodSandboxConfig {
  metadata: { name: string; uid: string; namespace: string };
  hostname: string;
  portMappings: Port[];
  linux: { cgroupParent: string; securityContext: { namespaceOptions: { pid: 'CONTAINER' } } };
}

export interface Condition {
  /** "RuntimeReady" or "NetworkReady" */
  type: string;
  status: boolean;
  reason: string;
  message: string;
}

export interface Sandbox {
  id: string;
  metadata: { name: string };
  state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
}

/** By the name of a call: what it takes and what it answers. See cri.proto. */
interface Calls {
  Status: [{ verbose: boolean }, { status: { conditions: Condition[] }; info: Record<string, string> }];
  RunPodSandbox: [{ config: PodSandboxConfig }, { podSandboxId: string }];
  StopPodSandbox: [{ podSandboxId: string }, object];
  RemovePodSandbox: [{ podSandboxId: string }, object];
  PodSandboxStatus: [
    { podSandboxId: string; verbose: boolean },
    { status: { network: { ip: string; additionalIps: { ip: string }[] } }; info: Record<string, string> },
  ];
  ListPodSandbox: [object, { items: Sandbox[] }];
  CreateContainer: [
    {
      podSandboxId: string;
      config: {
        metadata: { name: string };
        image: { image: string };
        command: string[];
        linux: { securityContext: { namespaceOptions: { pid: 'CONTAINER' } } };
      };
      sandboxConfig: PodSandboxConfig;
    },
    { containerId: string },
  ];
  StartContainer: [{ containerId: string }, object];
  ExecSync: [
    { containerId: string; cmd: string[]; timeout: number },
    { stdout: Buffer; stderr: Buffer; exitCode: number },
  ];
  ImageStatus: [{ image: { image: string } }, { image: { id: string } | null }];
}

/** A connection to a container runtime. */
export interface Cri {
  /** Rejects with the runtime's own words. */
  call<Name extends keyof Calls>(name: Name, request: Calls[Name][0]): Promise<Calls[Name][1]>;
  close(): void;
}

const limitMs = 60_000;
/* A runtime that was killed is back within moments. */
const channel = { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 200 };
const definition = loadSync(join(__dirname, 'cri.proto'), { longs: Number, enums: String, defaults: true });
// biome-ignore lint/suspicious/noExplicitAny: its shape is the file's
const { RuntimeService, ImageService } = (grpc.loadPackageDefinition(definition) as any).runtime.v1;

/** `socket` is the path of a Unix socket. Connects with the first call. */
export function connect(socket: string): Cri {
  const clients = [RuntimeService, ImageService].map(
    (Service) => new Service(`unix:${socket}`, grpc.credentials.createInsecure(), channel),
  );
  const [runtime, images] = clients;
  return {
    call: (name, request) =>
      new Promise((resolve, reject) => {
        const client = name === 'ImageStatus' ? images : runtime;
        const options = { deadline: Date.now() + limitMs };
        // biome-ignore lint/suspicious/noExplicitAny: the message that `name` answers
        client[name](request, options, (error: grpc.ServiceError | null, answer: any) => {
          if (error === null) resolve(answer);
          else reject(new Error(`${name}: ${error.details}`));
        });
      }),
    close: () => {
      for (const client of clients) client.close();
    },
  };
}
