import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type FlatSpan, readOtlpJsonLines } from '../../support/otlp-spans.ts';

export interface OtlpReceiver {
  readonly endpoint: string;
  /** Every span that it has received by now. */
  spans(): FlatSpan[];
  close(): Promise<void>;
}

/** An OTLP backend for `http/json` that takes everything and forgets nothing. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push(body.toString('utf8'));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    spans: () => readOtlpJsonLines(requests.map((text) => text.replaceAll('\n', ' ')).join('\n')),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
