import { image } from './image';

/** Where a containerd has its things. */
export interface Places {
  root: string;
  state: string;
  socket: string;
}

/** Text of containerd's configuration file: of version 2, which is containerd 1's, or of version 3 for later ones. */
export function configuration(major: number, places: Places): string {
  const [version, cri] = major < 2 ? [2, cri1] : [3, cri2];
  return `version = ${version}\n${common(places)}\n${cri}`;
}

/*
 * What pods do not need is not started. "opt" has a folder of its own, because by default containerd would make one in
 * the machine's /opt.
 */
const common = ({ root, state, socket }: Places) => `root = "${root}"
state = "${state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri",
]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "${root}/opt"`;

/* OOM scores cannot be lowered where CAP_SYS_RESOURCE is missing, as in many containers; runc then fails obscurely. */
const runtime = `
  disable_apparmor = true
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true`;

const cri1 = `[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image}"${runtime}
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

const cri2 = `[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${image}"
[plugins."io.containerd.cri.v1.runtime"]${runtime}
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/opt/cni/bin"]
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
