import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { SpanStatusCode } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendWhole } from '../../src/export/local-senders.ts';
import { exportOnce } from '../../src/export/sender.ts';
import { createConsoleExporter, createFileExporter, otlpJsonLines } from '../../src/export/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { containing, jsonSpans, makeSpan, makeSpans, spanIdOf } from './support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-exporter-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const send = (exporter: SpanExporter, count: number, from = 1) =>
  exportOnce(exporter, makeSpans(count, from), 20_000, systemClock.sleep, new AbortController().signal);

function idsIn(lines: string): string[] {
  return lines
    .trimEnd()
    .split('\n')
    .flatMap((line) => jsonSpans(line).map((span) => span.spanId));
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => spanIdOf(index + 1));

describe('file exporter', () => {
  it('appends lines in order, also when calls overlap and after a restart', async () => {
    const path = join(folder, 'traces.jsonl');
    const first = createFileExporter(path);
    expect(await Promise.all([send(first, 3), send(first, 2, 4)])).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }]);
    await first.shutdown();
    const second = createFileExporter(path);
    await send(second, 1, 6);
    await second.shutdown();
    expect(idsIn(readFileSync(path, 'utf8'))).toEqual(ids(6));
  });

  it('starts a new line after one that a crash left incomplete', async () => {
    const path = join(folder, 'traces.jsonl');
    writeFileSync(path, '{"resourceSpans":[{"res');
    const exporter = createFileExporter(path);
    await send(exporter, 2);
    await exporter.shutdown();
    const [, ...lines] = readFileSync(path, 'utf8').split('\n');
    expect(idsIn(lines.join('\n'))).toEqual(ids(2));
  });

  it('reports an unwritable path as misconfigured, and works once it is writable', async () => {
    const path = join(folder, 'later', 'traces.jsonl');
    const exporter = createFileExporter(path);
    expect(await send(exporter, 1)).toMatchObject({ kind: 'misconfigured', fix: containing('OTEL_EXPORTER_FILE_PATH') });
    mkdirSync(join(folder, 'later'));
    expect(await send(exporter, 1)).toEqual({ kind: 'delivered' });
    await exporter.shutdown();
    expect(await send(createFileExporter(folder), 1)).toMatchObject({ kind: 'misconfigured' });
    await createFileExporter(join(folder, 'never', 'opened')).shutdown();
  });

  it('shares its file with other programs that append', async () => {
    const path = join(folder, 'traces.jsonl');
    const exporter = createFileExporter(path);
    await send(exporter, 1);
    appendFileSync(path, [...otlpJsonLines(makeSpans(1, 2))].join(''));
    await send(exporter, 1, 3);
    await exporter.shutdown();
    expect(idsIn(readFileSync(path, 'utf8'))).toEqual(ids(3));
  });

  it('retries while the disk is full', async () => {
    // A device that is always full: every write to it fails with ENOSPC.
    const full = createFileExporter('/dev/full');
    expect(await send(full, 1)).toMatchObject({ kind: 'retry_after', reason: containing('ENOSPC') });
  });

  it('removes the incomplete line of a failed write', async () => {
    const path = join(folder, 'traces.jsonl');
    writeFileSync(path, 'whole\n');
    const handle = await open(path, 'a');
    const failing = {
      stat: handle.stat.bind(handle),
      truncate: handle.truncate.bind(handle),
      appendFile: async () => {
        await handle.appendFile('hal');
        throw new Error('full');
      },
    };
    await expect(appendWhole(failing, 'half\n')).rejects.toThrow('full');
    await handle.close();
    expect(readFileSync(path, 'utf8')).toBe('whole\n');
  });
});

describe('OTLP JSON lines', () => {
  it('have the same bytes for the same spans, with a limited number per line', () => {
    const lines = [...otlpJsonLines(makeSpans(10), 4)];
    expect(lines.map((line) => idsIn(line).length)).toEqual([4, 4, 2]);
    expect([...otlpJsonLines(makeSpans(10), 4)]).toEqual(lines);
    expect(idsIn(lines.join(''))).toEqual(ids(10));
    expect([...otlpJsonLines([])]).toEqual([]);
  });
});

describe('console exporter', () => {
  it('writes one line per span without control characters', async () => {
    let text = '';
    const output = new Writable({
      write: (chunk: Buffer, _, done) => {
        text += chunk.toString();
        done();
      },
    });
    const exporter = createConsoleExporter(output);
    const hostile = { ...makeSpan({ number: 1, name: '\u001b[2Jtrain\nfake' }), status: { code: SpanStatusCode.ERROR, message: 'a\rb' } };
    const outcome = await exportOnce(exporter, [hostile, makeSpan({ number: 2 })], 1000, systemClock.sleep, new AbortController().signal);
    expect(outcome).toEqual({ kind: 'delivered' });
    const trace = 'ab'.repeat(16);
    expect(text.split('\n')).toEqual([
      `2026-09-21T14:13:20.123Z  1000.000 ms  \\u001b[2Jtrain fake  ERROR a b  trace=${trace}  span=${spanIdOf(1)}  parent=${'cd'.repeat(8)}`,
      `2026-09-21T14:13:20.123Z  1000.000 ms  task 2  trace=${trace}  span=${spanIdOf(2)}  parent=${'cd'.repeat(8)}`,
      '',
    ]);
  });
});
