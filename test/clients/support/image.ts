import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { output } from '../../support/run';

/** The only image there is: busybox with its applets, and a page for its HTTP server in /www. By itself it sleeps. */
export const image = 'localhost/busybox:1';

/** Writes the image into `folder` as an archive of the OCI image layout, made without any registry. Returns its path. */
export async function writeImage(folder: string): Promise<string> {
  const work = mkdtempSync(join(folder, 'image-'));
  const layout = join(work, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const layer = put(layout, await layerOf(await rootFileSystem(join(work, 'root')), work));
  const config = put(layout, json(configOf(layer.digest)));
  const manifest = put(layout, json(manifestOf(config, layer)));
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(layout, 'index.json'), json(indexOf(manifest)));
  const archive = join(folder, 'image.tar');
  await output('tar', ['-C', layout, '-cf', archive, '.']);
  rmSync(work, { recursive: true });
  return archive;
}

async function rootFileSystem(root: string): Promise<string> {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'www'])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  const applets = await output('/bin/busybox', ['--list']);
  for (const applet of applets.trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(root, 'www/index.html'), 'hello from a pod\n');
  return root;
}

async function layerOf(root: string, work: string): Promise<Buffer> {
  const file = join(work, 'layer.tar');
  await output('tar', ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '-C', root, '-cf', file, '.']);
  return readFileSync(file);
}

interface Blob {
  digest: string;
  size: number;
}

function put(layout: string, content: Buffer | string): Blob {
  const hash = createHash('sha256').update(content).digest('hex');
  writeFileSync(join(layout, 'blobs/sha256', hash), content);
  return { digest: `sha256:${hash}`, size: Buffer.byteLength(content) };
}

const json = (value: object) => JSON.stringify(value);
const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
const type = (name: string) => `application/vnd.oci.image.${name}`;

/** An uncompressed layer's digest is its diff ID too. */
function configOf(diffId: string): object {
  return {
    ...platform,
    config: { Env: ['PATH=/bin'], Entrypoint: ['/bin/busybox', 'sleep', '2147483647'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
}

function manifestOf(config: Blob, layer: Blob): object {
  return {
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: { mediaType: type('config.v1+json'), ...config },
    layers: [{ mediaType: type('layer.v1.tar'), ...layer }],
  };
}

/** containerd takes the name from the first annotation, podman from the second. */
function indexOf(manifest: Blob): object {
  const annotations = { 'io.containerd.image.name': image, 'org.opencontainers.image.ref.name': image };
  return {
    schemaVersion: 2,
    manifests: [{ mediaType: type('manifest.v1+json'), ...manifest, platform, annotations }],
  };
}
