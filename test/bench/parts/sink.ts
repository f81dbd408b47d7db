import { createServer } from 'node:http';
import { readSpan, readSpans } from './otlp-protobuf.ts';
import type { SinkCounts, SinkQuestion } from './sink-process.ts';

// An OTLP/HTTP backend that counts: a process of its own, so that what it takes is not the
// bridge's.

interface Trace {
  spans: number;
  bytes: number;
}

let requests = 0;
let bytes = 0;
let spans = 0;
let kept: Buffer[] | undefined;
let seen = new Set<string>();
let traces = new Map<string, Trace>();
let jobs: { readonly name: string; readonly numbers: Readonly<Record<string, number>> }[] = [];

function take(body: Buffer): void {
  requests += 1;
  bytes += body.length;
  kept?.push(body);
  readSpans(body, (span) => {
    spans += 1;
    seen.add(span.spanId);
    const trace = traces.get(span.traceId);
    if (trace === undefined) traces.set(span.traceId, { spans: 1, bytes: span.bytes.length });
    else {
      trace.spans += 1;
      trace.bytes += span.bytes.length;
    }
    // Name is field 5, after the ids; 'job ' is how the names of jobs begin.
    if (span.bytes.includes('job ') && jobs.length < 10_000) {
      const read = readSpan(span.bytes);
      if (read.name.startsWith('job ')) jobs.push(read);
    }
  });
}

function counts(): SinkCounts {
  const largest = [...traces.values()].reduce((most, one) => (one.spans > most.spans ? one : most), { spans: 0, bytes: 0 });
  return { requests, bytes, spans, distinctSpans: seen.size, traces: traces.size, largestTrace: largest, jobs };
}

function reset(keepBodies: boolean): void {
  [requests, bytes, spans] = [0, 0, 0];
  kept = keepBodies ? [] : undefined;
  seen = new Set();
  traces = new Map();
  jobs = [];
}

function answer(question: SinkQuestion): unknown {
  if (question.ask === 'bodies') return kept ?? [];
  if (question.ask === 'missing') return question.spanIds.filter((id) => !seen.has(Buffer.from(id, 'hex').toString('latin1'))).length;
  if (question.ask === 'reset') reset(question.keepBodies);
  return counts();
}

process.once('disconnect', () => process.exit());
process.on('message', (question: SinkQuestion) => process.send?.(answer(question)));

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request
    .on('data', (chunk: Buffer) => {
      chunks.push(chunk);
    })
    .on('end', () => {
      take(Buffer.concat(chunks));
      response.writeHead(200, { 'Content-Type': 'application/x-protobuf', 'Content-Length': 0 }).end();
    });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('listening'));
