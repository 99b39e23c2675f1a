/** In which network namespace something is: the one the plugin was called in, or the one it was called for. */
export type Ns = 'host' | 'pod';

/** Where `host` and `pod` are: paths of network namespaces. Without `host`, the calling process's own. */
export interface Places {
  host?: string;
  pod?: string;
}

/** Where a call works: in namespaces that are opened for it, or in those that `Native.visit` keeps open. */
export type Where = Places | { visit: number };
