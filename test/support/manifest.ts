import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { load } from 'js-yaml';

/** The parts of a container in deploy/daemonset.yaml that tests look at: Kubernetes' names for them. */
export interface Container {
  name: string;
  image: string;
  command: string[];
  env?: { name: string; value: string }[];
  securityContext: { privileged: boolean };
  resources: { requests: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: { name: string; mountPath: string }[];
  readinessProbe?: { exec: { command: string[] } };
  livenessProbe?: { exec: { command: string[] }; terminationGracePeriodSeconds: number };
}

export interface PodSpec {
  hostNetwork: boolean;
  hostPID: boolean;
  priorityClassName: string;
  tolerations: object[];
  terminationGracePeriodSeconds: number;
  initContainers: Container[];
  containers: Container[];
  volumes: { name: string; hostPath: { path: string; type: string } }[];
}

export interface DaemonSet {
  apiVersion: string;
  kind: string;
  metadata: { namespace: string };
  spec: {
    selector: { matchLabels: Record<string, string> };
    updateStrategy: object;
    template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  };
}

export function readDaemonSet(): DaemonSet {
  return load(readFileSync(resolve(__dirname, '../../deploy/daemonset.yaml'), 'utf8')) as DaemonSet;
}
