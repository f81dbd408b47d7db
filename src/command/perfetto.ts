import type { HrTime } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** An event of Chrome's trace format, as Perfetto and chrome://tracing read it. Times are microseconds. */
export interface TraceEvent {
  /** `X` a slice, `M` a name, `s` and `f` the ends of an arrow. */
  readonly ph: 'X' | 'M' | 's' | 'f';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  /** An arrow ends at the slice that encloses its time. */
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A track: a worker, or what has no worker. Slices of one thread must be nested, so a track may need several. */
interface Track {
  readonly name: string;
  readonly lanes: Lane[];
}

interface Lane {
  readonly tid: number;
  /** Ends of the slices that are open at the time of the latest one. */
  readonly openUntil: number[];
}

interface Placed {
  readonly span: ReadableSpan;
  readonly pid: number;
  readonly tid: number;
  readonly startUs: number;
  readonly endUs: number;
}

/**
 * Spans as a Chrome trace: each trace is a process, each worker a track, each span a slice, and each call from one
 * track to another an arrow. Lines of one JSON document.
 */
export function* perfettoLines(spans: readonly ReadableSpan[]): Generator<string> {
  yield '{"displayTimeUnit":"ms","traceEvents":[\n';
  let separator = '';
  for (const event of traceEvents(spans)) {
    yield `${separator}${JSON.stringify(event)}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

function* traceEvents(spans: readonly ReadableSpan[]): Generator<TraceEvent> {
  let pid = 0;
  let arrows = 0;
  for (const ofTrace of byTrace(spans)) {
    pid += 1;
    const placed = place(ofTrace, pid);
    yield nameEvent('process_name', pid, 0, processName(ofTrace));
    for (const [tid, name] of placed.names) yield nameEvent('thread_name', pid, tid, name);
    for (const slice of placed.slices.values()) {
      yield sliceEvent(slice);
      const parent = placed.slices.get(slice.span.parentSpanContext?.spanId ?? '');
      if (parent === undefined || parent.tid === slice.tid) continue;
      arrows += 1;
      yield* arrowEvents(parent, slice, arrows);
    }
  }
}

function byTrace(spans: readonly ReadableSpan[]): Iterable<readonly ReadableSpan[]> {
  const traces = new Map<string, ReadableSpan[]>();
  for (const span of spans) {
    const { traceId } = span.spanContext();
    const known = traces.get(traceId);
    if (known === undefined) traces.set(traceId, [span]);
    else known.push(span);
  }
  return traces.values();
}

function place(
  spans: readonly ReadableSpan[],
  pid: number,
): { readonly slices: ReadonlyMap<string, Placed>; readonly names: ReadonlyMap<number, string> } {
  const tracks = new Map<string, Track>();
  const names = new Map<number, string>();
  const slices = new Map<string, Placed>();
  const trackOf = new Map<string, string>();
  // A slice comes before those that it encloses.
  const ordered = spans
    .map((span) => ({
      span,
      startUs: microseconds(span.startTime),
      endUs: Math.max(microseconds(span.startTime), microseconds(span.endTime)),
    }))
    .toSorted((a, b) => a.startUs - b.startUs || b.endUs - a.endUs);
  for (const { span, startUs, endUs } of ordered) {
    const name = workerName(span) ?? trackOf.get(span.parentSpanContext?.spanId ?? '') ?? 'job';
    trackOf.set(span.spanContext().spanId, name);
    const track = tracks.get(name) ?? { name, lanes: [] };
    tracks.set(name, track);
    const tid = laneFor(track, startUs, endUs, names);
    slices.set(span.spanContext().spanId, { span, pid, tid, startUs, endUs });
  }
  return { slices, names };
}

/** The first lane of the track in which the slice overlaps no other, or is enclosed by those that it overlaps. */
function laneFor(track: Track, startUs: number, endUs: number, names: Map<number, string>): number {
  for (const { tid, openUntil } of track.lanes) {
    while ((openUntil.at(-1) ?? Number.POSITIVE_INFINITY) <= startUs) openUntil.pop();
    const last = openUntil.at(-1);
    if (last !== undefined && last < endUs) continue;
    openUntil.push(endUs);
    return tid;
  }
  const tid = names.size + 1;
  names.set(tid, track.lanes.length === 0 ? track.name : `${track.name} (${track.lanes.length + 1})`);
  track.lanes.push({ tid, openUntil: [endUs] });
  return tid;
}

function workerName({ attributes, resource }: ReadableSpan): string | undefined {
  const pid = attributes['process.pid'];
  const worker = attributes['ray.worker_id'];
  if (typeof pid !== 'number' && typeof worker !== 'string') return undefined;
  const node = resource.attributes['host.name'] ?? resource.attributes['ray.node_id'];
  const process = typeof pid === 'number' ? `worker ${pid}` : `worker ${String(worker).slice(0, 8)}`;
  return typeof node === 'string' ? `${process} on ${node}` : process;
}

function processName(spans: readonly ReadableSpan[]): string {
  const known = new Set(spans.map((span) => span.spanContext().spanId));
  const root = spans.find(({ parentSpanContext }) => parentSpanContext === undefined || !known.has(parentSpanContext.spanId));
  return root?.name ?? 'trace';
}

function nameEvent(name: 'process_name' | 'thread_name', pid: number, tid: number, text: string): TraceEvent {
  return { ph: 'M', name, pid, tid, ts: 0, args: { name: text } };
}

function sliceEvent({ span, pid, tid, startUs, endUs }: Placed): TraceEvent {
  const { spanId, traceId } = span.spanContext();
  const status = span.status.message === undefined ? {} : { 'status.message': span.status.message };
  return {
    ph: 'X',
    name: span.name,
    cat: 'ray',
    pid,
    tid,
    ts: startUs,
    dur: endUs - startUs,
    args: { spanId, traceId, ...span.attributes, ...status },
  };
}

function* arrowEvents(from: Placed, to: Placed, id: number): Generator<TraceEvent> {
  // An arrow begins within its slice, even if clocks contradict each other.
  const ts = Math.min(Math.max(to.startUs, from.startUs), from.endUs);
  yield { ph: 's', name: 'call', cat: 'ray', id, pid: from.pid, tid: from.tid, ts };
  yield { ph: 'f', bp: 'e', name: 'call', cat: 'ray', id, pid: to.pid, tid: to.tid, ts: to.startUs };
}

function microseconds([seconds, nanoseconds]: HrTime): number {
  return seconds * 1e6 + nanoseconds / 1e3;
}
