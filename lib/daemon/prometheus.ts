import { createServer, type Server } from 'node:http';
import type { Metrics } from './metrics';

/** Serves the metrics at /metrics, and nothing else. Rejects when the address cannot be had. */
export async function servePrometheus(metrics: Metrics, host: string, port: number): Promise<Server> {
  const server = createServer(async ({ method, url }, response) => {
    if (url !== '/metrics') return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.text());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  return server;
}
