import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../support/run';

const entrypoint = join(__dirname, '../clients/container/entrypoint');
const cgroup = '/sys/fs/cgroup/container';
/* As a runtime starts a container: its cgroup is the root of those that it sees. */
const CONTAINER = `
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p ${cgroup}
echo $$ >${cgroup}/cgroup.procs
exec unshare --cgroup --mount sh -euc 'umount /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"' sh "$@"`;
/* As runc does for a pod with a limit. */
const POD = `
cd /sys/fs/cgroup
mkdir -p pod
echo +memory >cgroup.subtree_control || :
echo 100M >pod/memory.max
echo $$ >pod/cgroup.procs
cat /proc/self/cgroup`;

describe('the first program of the container that Dockerfile.build makes', () => {
  const inContainer = (...command: string[]) => run('sh', ['-euc', CONTAINER, 'sh', ...command, 'sh', '-euc', POD]);
  after(() => run('rmdir', [`${cgroup}/pod`, `${cgroup}/entrypoint`, cgroup]));

  it('lets pods have cgroups with limits, in version 2, which has no room for them beside processes', async () => {
    const { code, stderr } = await inContainer('env');
    expect(code, stderr).to.equal(2);
    expect(stderr).to.include('cannot create pod/memory.max');
    expect(await inContainer(entrypoint)).to.include({ code: 0, stdout: '0::/pod\n' });
  });
});
