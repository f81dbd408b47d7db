import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { eventsOfBody } from '../../support/posts.ts';

export interface Tee {
  readonly url: string;
  /** Events of the posts that the bridge answered 200. */
  readonly accepted: unknown[];
  /** Status codes of the bridge's answers, counted. */
  readonly answers: Map<number, number>;
  close(): Promise<void>;
}

/** Stands between Ray and the bridge, passes every post on as it is, and keeps what the bridge accepted. `recorder` gets a copy of that. */
export async function startTee(target: string, recorder?: string): Promise<Tee> {
  const accepted: unknown[] = [];
  const answers = new Map<number, number>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const { status, headers, answer } = await forward(request, body, target);
    answers.set(status, (answers.get(status) ?? 0) + 1);
    if (status === 200) {
      accepted.push(...eventsOfBody(body.toString('utf8')));
      if (recorder !== undefined) void forward(request, body, recorder).catch(() => undefined);
    }
    response.writeHead(status, headers).end(answer);
  };
  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      answers.set(502, (answers.get(502) ?? 0) + 1);
      response.writeHead(502).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    accepted,
    answers,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function forward(
  request: Pick<IncomingMessage, 'url' | 'method' | 'headers'>,
  body: Buffer,
  target: string,
): Promise<{ status: number; headers: Record<string, string>; answer: Buffer }> {
  const answer = await fetch(new URL(request.url ?? '/', target), {
    method: request.method ?? 'POST',
    headers: { 'content-type': request.headers['content-type'] ?? '' },
    body,
    redirect: 'manual',
  });
  const retryAfter = answer.headers.get('retry-after');
  return {
    status: answer.status,
    headers: { 'content-type': answer.headers.get('content-type') ?? '', ...(retryAfter !== null && { 'retry-after': retryAfter }) },
    answer: Buffer.from(await answer.arrayBuffer()),
  };
}
