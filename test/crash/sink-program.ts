import { createHash } from 'node:crypto';
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodedSpans } from './otlp-bytes.ts';
import type { SinkBehaviour, SinkEvent, SinkOrder } from './sink.ts';

// An OTLP/HTTP backend in a process of its own, started by sink.ts. What it answers 200 is written
// to its file before.

const [portText = '', file = '', keeps = ''] = process.argv.slice(2);
const port = Number(portText);
const record = openSync(file, 'a');
let behaviour: SinkBehaviour = { mode: 'ok', beforeMs: 0, afterMs: 0 };
let requests = 0;
const known = new Set<string>();

const server = createServer((request, response) => void handle(request, response));
server.listen(port, '127.0.0.1', () => send({ what: 'listening' }));

process.on('message', (wanted: SinkOrder) => {
  if (wanted === 'forget') {
    ftruncateSync(record);
    known.clear();
    send({ what: 'changed' });
    return;
  }
  const wasAway = behaviour.mode === 'away';
  behaviour = wanted;
  const isAway = wanted.mode === 'away';
  if (isAway && !wasAway) {
    server.close(() => send({ what: 'changed' }));
    server.closeAllConnections();
  } else if (!isAway && wasAway) server.listen(port, '127.0.0.1', () => send({ what: 'changed' }));
  else send({ what: 'changed' });
});
process.on('disconnect', () => process.exit());

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // The bridge was killed while it sent.
    return;
  }
  requests += 1;
  const number = requests;
  send({ what: 'began', number });
  if (behaviour.beforeMs > 0) await sleep(behaviour.beforeMs);
  if (behaviour.mode !== 'ok') {
    response.writeHead(503).end();
    return;
  }
  const body = Buffer.concat(chunks);
  const spans = request.headers['content-type'] === 'application/json' ? [] : encodedSpans(body);
  const isWhole = keeps === 'bytes';
  for (const { traceId, spanId } of spans) known.add(traceId + spanId);
  write({
    number,
    atMs: Date.now(),
    spans: spans.map((span) => {
      const digest = createHash('sha256');
      for (const part of span.parts) digest.update(part).update('\0');
      return [span.traceId + span.spanId, digest.digest('hex').slice(0, 32), span.name];
    }),
    ...(isWhole ? { body: body.toString('base64') } : {}),
  });
  send({ what: 'recorded', number, spans: spans.length, known: known.size });
  if (behaviour.afterMs > 0) await sleep(behaviour.afterMs);
  response.once('finish', () => {
    if (!request.socket.destroyed) write({ number, answeredMs: Date.now() });
    send({ what: 'answered', number });
  });
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
}

function write(line: object): void {
  writeSync(record, `${JSON.stringify(line)}\n`);
}

function send(event: SinkEvent): void {
  if (process.connected) process.send?.(event);
}
