import { type BodyBuffers, type ByteBudget, type PostRequest, readBody, type Refusal, refuse } from '../http/index.ts';
import { type DecodedBatch, decodeBatch, type DecodeEvent } from './decode-batch.ts';
import type { EventScanner, Rejection } from '../event/index.ts';
import type { Intake } from './intake.ts';
import type { ReceiverLimits } from './limits.ts';
import type { ReceiverTelemetry } from './receiver-telemetry.ts';
import type { Scheduler } from '../runtime/index.ts';

/** For example `application/json` or `application/cloudevents+json`, with or without parameters. */
const JSON_CONTENT_TYPE = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Why the bridge refuses posts at the moment. */
export interface Pressure {
  readonly code:
    | 'stopping'
    | 'too_many_open_attempts'
    | 'too_many_open_records'
    | 'too_many_open_bytes'
    | 'journal_full'
    | 'journal_unavailable';
  readonly message: string;
  readonly retryAfterMs: number;
}

/**
 * Called for each rejected event of a batch that was answered 200. `json`: the event as posted,
 * valid during the call only.
 */
export type OnRejected = (json: Uint8Array, rejection: Rejection) => void;

/**
 * Sends an accepted post on to other consumers. `body` is decompressed and may be kept. Resolves with
 * the name of a consumer that must take it and did not; undefined when nothing needs to be awaited.
 */
export type ForwardPost = (post: {
  readonly sender: object;
  readonly contentType: string | undefined;
  readonly encoding: undefined;
  readonly body: Buffer;
}) => Promise<string | undefined> | undefined;

export interface ReceivedBatch {
  readonly ok: true;
  readonly accepted: number;
  readonly duplicates: number;
  readonly batch: DecodedBatch;
  readonly bytes: number;
  /** A consumer that must take the post too, and did not. */
  readonly missedBy?: string;
}

export interface BatchReceiverOptions {
  readonly intake: Intake;
  readonly budget: ByteBudget;
  readonly buffers: BodyBuffers;
  readonly limits: ReceiverLimits;
  readonly scheduler: Scheduler;
  readonly decode: DecodeEvent;
  readonly scanner: EventScanner | undefined;
  readonly telemetry: ReceiverTelemetry;
  readonly pressure: () => Pressure | undefined;
  readonly onRejected?: OnRejected;
  readonly forward?: ForwardPost;
}

/**
 * Receives a batch: checks the request, reads and decodes its body, appends the events to the
 * journal.
 */
export async function receiveBatch(request: PostRequest, options: BatchReceiverOptions): Promise<ReceivedBatch | Refusal> {
  const contentType = request.header('content-type');
  if (contentType !== undefined && !JSON_CONTENT_TYPE.test(contentType)) {
    return refuse('content_type_unsupported', 'the content-type must be application/json');
  }
  const earlyRefusal = refusalOf(options.pressure());
  if (earlyRefusal !== undefined) return earlyRefusal;
  const body = await readBody({
    body: request.body,
    encoding: request.header('content-encoding'),
    contentLength: request.header('content-length'),
    maxBodyBytes: options.limits.maxBodyBytes,
    budget: options.budget,
    join: (pieces, length) => options.buffers.join(pieces, length),
  });
  if (!body.ok) return body;
  try {
    const received = await acceptBody(body.bytes, options);
    if (!received.ok || options.forward === undefined) return received;
    // A copy: the buffer of the body is used again.
    const post = { sender: request.connection, contentType, encoding: undefined, body: Buffer.from(body.bytes) };
    const missedBy = await options.forward(post);
    return missedBy === undefined ? received : { ...received, missedBy };
  } finally {
    options.budget.giveBack(body.bytes.length);
    options.buffers.giveBack(body.bytes);
  }
}

async function acceptBody(bytes: Buffer, options: BatchReceiverOptions): Promise<ReceivedBatch | Refusal> {
  const { maxBodyEvents, maxEventDepth } = options.limits;
  const { scheduler, decode, scanner, telemetry } = options;
  const onDecoderError = (error: unknown): void => telemetry.internalError('decode', error);
  const batch = await decodeBatch({ bytes, maxBodyEvents, maxEventDepth, scheduler, decode, scanner, onDecoderError });
  if (!batch.ok) return batch;
  // Checked again, because the bridge may have stopped or reached a limit while the body was read.
  const refusal = refusalOf(options.pressure());
  if (refusal !== undefined) return refusal;
  const outcome = await options.intake.accept(batch.events, bytes.length);
  if (!outcome.ok) return refuse(outcome.code, outcome.message, outcome.retryAfterMs);
  for (const { rejection, start, end } of batch.rejectedParts) options.onRejected?.(bytes.subarray(start, end), rejection);
  return { ok: true, accepted: outcome.accepted, duplicates: outcome.duplicates, batch, bytes: bytes.length };
}

function refusalOf(pressure: Pressure | undefined): Refusal | undefined {
  return pressure === undefined ? undefined : refuse(pressure.code, pressure.message, pressure.retryAfterMs);
}
