import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { convertCommand } from '../../src/command/convert.ts';
import type { TraceEvent } from '../../src/command/perfetto.ts';
import { invocation } from './invocation.ts';

// The format: "Trace Event Format" of the Chromium project, and what Perfetto's importer accepts of it.

function recording(name: string): string {
  return fileURLToPath(new URL(`../fixtures/recordings/${name}`, import.meta.url));
}

async function converted(...argv: readonly string[]): Promise<string> {
  const run = invocation(argv);
  expect(await convertCommand.run(run)).toEqual({ kind: 'done' });
  return run.stdout.text;
}

async function traceOf(file: string): Promise<readonly TraceEvent[]> {
  const trace = JSON.parse(await converted(file, '--format', 'perfetto')) as { traceEvents: TraceEvent[]; displayTimeUnit: string };
  expect(Object.keys(trace).toSorted()).toEqual(['displayTimeUnit', 'traceEvents']);
  expect(trace.displayTimeUnit).toBe('ms');
  return trace.traceEvents;
}

interface OtlpSpan {
  readonly spanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

async function spansOf(file: string): Promise<readonly OtlpSpan[]> {
  type Request = { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] };
  const lines = (await converted(file)).trimEnd().split('\n');
  return lines.flatMap((line) =>
    (JSON.parse(line) as Request).resourceSpans.flatMap((each) => each.scopeSpans.flatMap(({ spans }) => spans)),
  );
}

const RECORDINGS = ['features-ray-2.60.0.ndjson', 'node-death-three-jobs-ray-2.60.0.ndjson', 'threads-ray-2.60.0.ndjson.gz'];

describe.each(RECORDINGS.map((name) => [name] as const))('the Perfetto trace of %s', (name) => {
  test('each slice is a span of the same name and times, and each span has a slice', async () => {
    const slices = (await traceOf(recording(name))).filter(({ ph }) => ph === 'X');
    const spans = new Map((await spansOf(recording(name))).map((span) => [span.spanId, span]));
    expect(slices).toHaveLength(spans.size);
    for (const { name: title, ts, dur = -1, args } of slices) {
      const span = spans.get(String(args?.['spanId']));
      expect(title).toBe(span?.name);
      expect(ts).toBeCloseTo(Number(span?.startTimeUnixNano) / 1000, 0);
      expect(ts + dur).toBeCloseTo(Number(span?.endTimeUnixNano) / 1000, 0);
      expect(dur).toBeGreaterThanOrEqual(0);
    }
  });

  test('each event has the fields of its kind, and slices of one thread never overlap without being nested', async () => {
    const events = await traceOf(recording(name));
    const threads = new Map<string, TraceEvent[]>();
    const named = new Set<string>();
    for (const event of events) {
      const { ph, pid, tid, ts } = event;
      for (const number of [pid, tid, ts]) expect(Number.isFinite(number)).toBe(true);
      const thread = `${pid}/${tid}`;
      if (ph === 'M') {
        expect(typeof event.args?.['name']).toBe('string');
        named.add(event.name === 'process_name' ? String(pid) : thread);
      }
      if (ph === 'X') threads.set(thread, [...(threads.get(thread) ?? []), event]);
    }
    for (const [thread, slices] of threads) {
      expect([named.has(thread), named.has(thread.split('/')[0] ?? '')]).toEqual([true, true]);
      const open: number[] = [];
      for (const { ts, dur = 0 } of slices.toSorted((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))) {
        while ((open.at(-1) ?? Infinity) <= ts) open.pop();
        expect(open.at(-1) ?? Infinity).toBeGreaterThanOrEqual(ts + dur);
        open.push(ts + dur);
      }
    }
  });

  test('each arrow has one beginning and one end, both within a slice of their thread', async () => {
    const events = await traceOf(recording(name));
    const slices = events.filter(({ ph }) => ph === 'X');
    const within = ({ pid, tid, ts }: TraceEvent): boolean =>
      slices.some((slice) => slice.pid === pid && slice.tid === tid && slice.ts <= ts && ts <= slice.ts + (slice.dur ?? 0));
    const starts = events.filter(({ ph }) => ph === 's');
    const ends = events.filter(({ ph }) => ph === 'f');
    expect(starts.length).toBeGreaterThan(3);
    expect(new Set(starts.map(({ id }) => id)).size).toBe(starts.length);
    expect(ends.map(({ id }) => id)).toEqual(starts.map(({ id }) => id));
    for (const event of [...starts, ...ends]) expect(within(event)).toBe(true);
  });
});

test('the trace of no event at all is a valid document', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'perfetto-')), 'none.json');
  writeFileSync(file, '[]');
  expect(readFileSync(file, 'utf8')).toBe('[]');
  expect(await traceOf(file)).toEqual([]);
});
