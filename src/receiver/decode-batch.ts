import { type Decoded, type RayEvent, type Rejection, type EventScanner, ScanBytes } from '../event/index.ts';
import { MAX_ANSWER_ERRORS } from './limits.ts';
import { type Refusal, refuse } from '../http/index.ts';
import { type BodyElement, isEndOfElement, splitBody, type TakeElement } from './split-body.ts';
import type { Scheduler } from '../runtime/index.ts';

export interface RejectedEvent {
  /** Position in the posted array. */
  readonly index: number;
  readonly rejection: Rejection;
}

/** A rejected event as bytes `start` to `end` of its body. */
export interface RejectedPart {
  readonly rejection: Rejection;
  readonly start: number;
  readonly end: number;
}

/** What a body held. */
export interface DecodedBatch {
  readonly ok: true;
  readonly events: readonly RayEvent[];
  readonly rejectedCount: number;
  /** By code, for the counters. */
  readonly rejectedByCode: ReadonlyMap<Rejection['code'], number>;
  /** The first few, for the answer. */
  readonly firstRejected: readonly RejectedEvent[];
  /** All of them, and where they stand in the body, for who wants to keep them. */
  readonly rejectedParts: readonly RejectedPart[];
  /** Events of each unknown type, by the type. */
  readonly unknownTypes: ReadonlyMap<string, number>;
  /** Impossible times of its events, which were read as absent. */
  readonly ignoredTimes: number;
}

/** Turns one element of a posted array into an event, or says why not. */
export type DecodeEvent = (raw: unknown) => Decoded<RayEvent>;

export interface DecodeBatchOptions {
  readonly bytes: Buffer;
  readonly maxBodyEvents: number;
  readonly maxEventDepth: number;
  readonly scheduler: Scheduler;
  readonly decode: DecodeEvent;
  /** Reads without `decode` what it can. */
  readonly scanner?: EventScanner | undefined;
  /** Hears of an exception in the decoder, which is our own bug. The event is then rejected, and the batch goes on. */
  readonly onDecoderError: (error: unknown) => void;
}

const SCANNED_BETWEEN_LOOKS = 16;

/** Reads a body event by event. A bad event is set aside; only a body that is not JSON, or has too many events, is refused. */
export async function decodeBatch(options: DecodeBatchOptions): Promise<DecodedBatch | Refusal> {
  const { bytes, maxBodyEvents, maxEventDepth, scheduler, scanner } = options;
  const scanned = new ScanBytes(bytes);
  const collected = createCollector();
  const nextElement = splitBody(bytes, scanner === undefined ? undefined : takeScanned(scanner, scanned, collected.events, options));
  let slice = await scheduler.take();
  let isTimeToLook = true;
  for (let index = 0; ; index += 1) {
    if (isTimeToLook && slice.hasEnded()) slice = await scheduler.take();
    const element = nextElement();
    // Events that are scanned are short, and take hardly more time than to look at the clock.
    isTimeToLook = element !== 'taken' || index % SCANNED_BETWEEN_LOOKS === 0;
    if (element === 'end') return collected.batch();
    if (element === 'invalid') return notJson(index);
    if (index >= maxBodyEvents) {
      return refuse('body_too_many_events', `the body holds more than ${maxBodyEvents} events; send fewer at once`);
    }
    if (element === 'taken') continue;
    if (element.depth > maxEventDepth) {
      collected.add(index, element, tooDeep(maxEventDepth));
      continue;
    }
    const parsed = parseElement(bytes, element);
    if (!parsed.ok) return notJson(index);
    const decoded = decodeGuarded(parsed.value, options);
    // The scanner gives an event and no more: a time that was ignored would not be counted.
    if (decoded.ok && decoded.ignoredTimes === undefined) learnGuarded(scanned, element, decoded.event, options);
    collected.add(index, element, decoded);
  }
}

function takeScanned(scanner: EventScanner, bytes: ScanBytes, events: RayEvent[], { onDecoderError }: DecodeBatchOptions): TakeElement {
  return (start) => {
    try {
      const event = scanner.scan(bytes, start);
      if (event === undefined || !isEndOfElement(bytes.bytes, scanner.end)) return -1;
      events.push(event);
      return scanner.end;
    } catch (error) {
      onDecoderError(error);
      return -1;
    }
  };
}

function learnGuarded(
  bytes: ScanBytes,
  { start, end }: BodyElement,
  event: RayEvent,
  { scanner, onDecoderError }: DecodeBatchOptions,
): void {
  try {
    scanner?.learn(bytes, start, end, event);
  } catch (error) {
    onDecoderError(error);
  }
}

function parseElement(bytes: Buffer, element: BodyElement): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(bytes.toString('utf8', element.start, element.end)) };
  } catch {
    return { ok: false };
  }
}

function decodeGuarded(raw: unknown, { decode, onDecoderError }: DecodeBatchOptions): Decoded<RayEvent> {
  try {
    return decode(raw);
  } catch (error) {
    onDecoderError(error);
    return { ok: false, rejection: { code: 'event_field_invalid', message: 'the event could not be decoded' } };
  }
}

function tooDeep(maxEventDepth: number): Decoded<RayEvent> {
  return { ok: false, rejection: { code: 'event_too_deep', message: `the event is nested deeper than ${maxEventDepth}` } };
}

function notJson(index: number): Refusal {
  return refuse('body_not_json', `the body is not a JSON array of events, nor one event: it can't be read at element ${index}`);
}

function createCollector() {
  const events: RayEvent[] = [];
  const firstRejected: RejectedEvent[] = [];
  const rejectedParts: RejectedPart[] = [];
  const rejectedByCode = new Map<Rejection['code'], number>();
  const unknownTypes = new Map<string, number>();
  let rejectedCount = 0;
  let ignoredTimes = 0;

  function add(index: number, { start, end }: BodyElement, decoded: Decoded<RayEvent>): void {
    if (decoded.ok) {
      events.push(decoded.event);
      ignoredTimes += decoded.ignoredTimes ?? 0;
      return;
    }
    const { rejection } = decoded;
    rejectedCount += 1;
    rejectedByCode.set(rejection.code, (rejectedByCode.get(rejection.code) ?? 0) + 1);
    if (rejection.eventType !== undefined) unknownTypes.set(rejection.eventType, (unknownTypes.get(rejection.eventType) ?? 0) + 1);
    rejectedParts.push({ rejection, start, end });
    if (firstRejected.length < MAX_ANSWER_ERRORS) firstRejected.push({ index, rejection });
  }

  const batch = (): DecodedBatch => ({
    ok: true,
    events,
    rejectedCount,
    rejectedByCode,
    firstRejected,
    rejectedParts,
    unknownTypes,
    ignoredTimes,
  });
  return { events, add, batch };
}
