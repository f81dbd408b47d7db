import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'vitest';
import type { Clock } from '../../src/runtime/index.ts';
import type { NamedExporter } from '../../src/export/index.ts';

const RESOURCE = resourceFromAttributes({ 'service.name': 'ray', 'ray.node_id': '0a'.repeat(28) });
const SCOPE = { name: 'ray-otel-bridge', version: '0.1.0' };

export interface SpanInput {
  readonly number: number;
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly resource?: Resource;
}

/** A finished span whose ids are made from its number. */
export function makeSpan({ number, name = `task ${number}`, attributes = {}, resource = RESOURCE }: SpanInput): ReadableSpan {
  const context = { traceId: 'ab'.repeat(16), spanId: spanIdOf(number), traceFlags: TraceFlags.SAMPLED };
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => context,
    parentSpanContext: { traceId: context.traceId, spanId: 'cd'.repeat(8), traceFlags: TraceFlags.SAMPLED },
    startTime: [1_790_000_000, 123_456_789],
    endTime: [1_790_000_001, 123_456_789],
    duration: [1, 0],
    ended: true,
    status: { code: SpanStatusCode.UNSET },
    attributes: { 'ray.task_id': '0f'.repeat(24), 'ray.attempt': 0, ...attributes },
    links: [],
    events: [{ name: 'running', time: [1_790_000_000, 523_456_789], attributes: { 'ray.state': 'RUNNING' } }],
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

export function makeSpans(count: number, from = 1): ReadableSpan[] {
  return Array.from({ length: count }, (_, index) => makeSpan({ number: from + index }));
}

export function spanIdOf(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** A duration that no test waits for: a sleep of it ends only by its signal or by `fire`. */
export const NEVER_MS = 1_000_000_000;

export interface TestClock extends Clock {
  /** Every finished sleep, in ms. */
  readonly slept: number[];
  /** From now on sleeps last until `fire` or their signal. */
  hold: boolean;
  /** Ends the sleeps that are held. */
  fire(): void;
  /** Resolves when at least one sleep is held that `wanted` accepts. */
  held(wanted?: (ms: number) => boolean): Promise<number>;
}

/**
 * Time that passes only by sleeping; `onSleep` runs in place of the wait. Chance is always its
 * upper end: jitter adds nothing.
 */
export function createTestClock(onSleep: (ms: number) => void | Promise<void> = () => undefined): TestClock {
  const held = new Map<() => void, number>();
  const clock: TestClock = {
    slept: [],
    hold: false,
    now: () => clock.slept.reduce((sum, ms) => sum + ms, 0),
    random: () => 1,
    sleep: async (ms, signal) => {
      if (signal.aborted) return;
      if (clock.hold || ms >= NEVER_MS) {
        await new Promise<void>((resolve) => {
          const end = (): void => {
            held.delete(end);
            resolve();
          };
          held.set(end, ms);
          signal.addEventListener('abort', end, { once: true });
        });
        return;
      }
      clock.slept.push(ms);
      await onSleep(ms);
      await nextTurn();
    },
    fire: () => {
      for (const end of held.keys()) end();
    },
    held: async (wanted = () => true) => {
      const find = (): number | undefined => [...held.values()].find((ms) => wanted(ms));
      await until(() => find() !== undefined);
      return find() ?? 0;
    },
  };
  return clock;
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Lets the program go on until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
  return address.port;
}

/** The exporter with no limit of time that the test's clock could reach. */
export function patient(named: NamedExporter): NamedExporter {
  return { ...named, timeoutMs: NEVER_MS };
}

/** expect.stringContaining without its type `any`. */
export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

export interface SinkSpan {
  readonly spanId: string;
  readonly name: string;
  /** The span's own bytes on the wire. */
  readonly encoded: string;
}

export interface SinkRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly spans: readonly SinkSpan[];
}

/** `hang`: no answer at all. */
export type SinkReply =
  | 'hang'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string | Uint8Array };

export interface Sink {
  readonly url: string;
  readonly port: number;
  readonly requests: SinkRequest[];
  /** Spans of requests that were answered 200 without partial success: how often each id came. */
  readonly stored: Map<string, number>;
  close(): Promise<void>;
}

export const OK: SinkReply = { status: 200 };

/** A real OTLP/HTTP backend on loopback that answers as `reply` says. */
export async function startSink(reply: (request: SinkRequest, index: number) => SinkReply = () => OK, port = 0): Promise<Sink> {
  const requests: SinkRequest[] = [];
  const stored = new Map<string, number>();
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const spans = incoming.headers['content-type'] === 'application/json' ? jsonSpans(body) : protobufSpans(body);
      const request = { path: incoming.url ?? '', headers: incoming.headers, body, spans };
      requests.push(request);
      const answer = reply(request, requests.length - 1);
      if (answer !== 'hang' && answer.status === 200 && answer.body === undefined) {
        for (const { spanId } of spans) stored.set(spanId, (stored.get(spanId) ?? 0) + 1);
      }
      send(response, answer);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = portOf(server);
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    requests,
    stored,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function send(response: ServerResponse, answer: SinkReply): void {
  if (answer === 'hang') return;
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

/** The spans of an ExportTraceServiceRequest in JSON, at any depth. */
export function jsonSpans(body: Uint8Array | string): SinkSpan[] {
  const found: SinkSpan[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('spanId' in value && 'name' in value)
      found.push({ spanId: String(value.spanId), name: String(value.name), encoded: JSON.stringify(value) });
    else for (const part of Object.values(value)) visit(part);
  };
  visit(JSON.parse(body.toString()));
  return found;
}

/**
 * An independent reader of ExportTraceServiceRequest: resource_spans = 1, scope_spans = 2, spans =
 * 2, span_id = 2, name = 5.
 */
export function protobufSpans(body: Uint8Array): SinkSpan[] {
  return lengthDelimited(body, 1)
    .flatMap((resource) => lengthDelimited(resource, 2))
    .flatMap((scope) => lengthDelimited(scope, 2))
    .map((span) => ({
      spanId: Buffer.from(lengthDelimited(span, 2)[0] ?? []).toString('hex'),
      name: Buffer.from(lengthDelimited(span, 5)[0] ?? []).toString(),
      encoded: Buffer.from(span).toString('base64'),
    }));
}

function lengthDelimited(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag % 8 === 0) varint();
    else if (tag % 8 === 1) at += 8;
    else if (tag % 8 === 5) at += 4;
    else {
      const length = varint();
      if (tag >> 3 === wanted) found.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}

/** Protobuf by hand, for what a server answers: a length-delimited field, and a varint field. */
export function bytesField(number: number, content: Uint8Array | string): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
}

export function varintField(number: number, value: number): Buffer {
  return Buffer.from(value < 128 ? [number * 8, value] : [number * 8, (value % 128) + 128, Math.floor(value / 128)]);
}
