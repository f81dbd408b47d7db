import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach } from 'vitest';

export interface RoutedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answer of a path: JSON with 200, a status with a body, or a function that writes the response. */
export type Route =
  | { readonly status?: number; readonly json?: unknown; readonly text?: string; readonly headers?: Record<string, string> }
  | ((request: RoutedRequest, response: ServerResponse) => void);

export interface RoutedServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly RoutedRequest[];
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that answers by path, ignoring the query. 404 for unknown paths. Closed after the test. */
export async function routedServer(routes: Readonly<Record<string, Route>>): Promise<RoutedServer> {
  const requests: RoutedRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = {
        method: incoming.method ?? '',
        url: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      };
      requests.push(request);
      const route = routes[request.url.split('?')[0] ?? ''] ?? routes['*'] ?? { status: 404 };
      if (typeof route === 'function') return route(request, response);
      response.writeHead(route.status ?? 200, route.headers).end(route.text ?? JSON.stringify(route.json ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}
