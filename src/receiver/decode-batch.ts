import { type Decoded, type RayEvent, type Rejection, type EventScanner, ScanBytes } from '../event/index.ts';
import { MAX_ANSWER_ERRORS } from './limits.ts';
import { type Refusal, refuse } from '../http/index.ts';
import { type BodyElement, isEndOfElement, splitBody, type TakeElement } from './split-body.ts';
import { parseJson, type Scheduler } from '../runtime/index.ts';

export interface RejectedEvent {
  /** Position in the posted array. */
  readonly index: number;
  readonly rejection: Rejection;
}

/** A rejected event, at bytes `start` to `end` of the body. */
export interface RejectedPart {
  readonly rejection: Rejection;
  readonly start: number;
  readonly end: number;
}

/** The content of a body. */
export interface DecodedBatch {
  readonly ok: true;
  readonly events: readonly RayEvent[];
  readonly rejectedCount: number;
  /** Rejections by code, for the metrics. */
  readonly rejectedByCode: ReadonlyMap<Rejection['code'], number>;
  /** The first rejections, for the answer. */
  readonly firstRejected: readonly RejectedEvent[];
  /** All rejections with their position in the body, for the quarantine. */
  readonly rejectedParts: readonly RejectedPart[];
  /** Number of events of each unknown type. */
  readonly unknownTypes: ReadonlyMap<string, number>;
  /** Impossible times in the events, which were ignored. */
  readonly ignoredTimes: number;
}

/** Decodes one element of a posted array to an event or a rejection. */
export type DecodeEvent = (raw: unknown) => Decoded<RayEvent>;

export interface DecodeBatchOptions {
  readonly bytes: Buffer;
  readonly maxBodyEvents: number;
  readonly maxEventDepth: number;
  readonly scheduler: Scheduler;
  readonly decode: DecodeEvent;
  /** Reads known events without `decode`. */
  readonly scanner?: EventScanner | undefined;
  /**
   * Called for an exception in the decoder, which is a bug in the bridge. The event is rejected and
   * the batch continues.
   */
  readonly onDecoderError: (error: unknown) => void;
}

/**
 * Scanned events between two checks of the time slice. A scan takes hardly longer than reading the
 * clock.
 */
const SCANS_PER_TIME_CHECK = 16;

/**
 * Decodes a body event by event, in time slices. Rejects bad events; refuses only a body that is
 * not JSON or has too many events.
 */
export async function decodeBatch(options: DecodeBatchOptions): Promise<DecodedBatch | Refusal> {
  const { bytes, maxBodyEvents, maxEventDepth, scheduler, scanner } = options;
  const scanned = new ScanBytes(bytes);
  const collected = createCollector();
  const nextElement = splitBody(bytes, scanner === undefined ? undefined : takeScannedEvent(scanner, scanned, collected.events, options));
  let slice = scheduler.takeNow() ?? (await scheduler.take());
  let isCheckDue = true;
  for (let index = 0; ; index += 1) {
    if (isCheckDue && slice.hasEnded()) slice = await scheduler.take();
    const element = nextElement();
    isCheckDue = element !== 'taken' || index % SCANS_PER_TIME_CHECK === 0;
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
    const parsed = parseJson(bytes.toString('utf8', element.start, element.end));
    if (parsed === undefined) return notJson(index);
    const decoded = decodeGuarded(parsed, options);
    // The scanner gives an event and no more: a time that was ignored would not be counted.
    if (decoded.ok && decoded.ignoredTimes === undefined) learnGuarded(scanned, element, decoded.event, options);
    collected.add(index, element, decoded);
  }
}

function takeScannedEvent(
  scanner: EventScanner,
  bytes: ScanBytes,
  events: RayEvent[],
  { onDecoderError }: DecodeBatchOptions,
): TakeElement {
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
