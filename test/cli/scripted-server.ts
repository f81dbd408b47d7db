import { createServer, type IncomingMessage } from 'node:http';
import { afterEach } from 'vitest';

export interface ReceivedPost {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One answer; `silent` never answers. */
export type ScriptedAnswer = { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> } | 'silent';

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  readonly posts: readonly ReceivedPost[];
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that gives the answers in order, and then repeats the last one. Closed after the test. */
export async function scriptedServer(answers: readonly ScriptedAnswer[]): Promise<ScriptedServer> {
  const posts: ReceivedPost[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answers[Math.min(posts.length, answers.length - 1)];
      posts.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (answer === undefined || answer === 'silent') return;
      response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, port, posts };
}

/** A port of this machine without a listener. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
