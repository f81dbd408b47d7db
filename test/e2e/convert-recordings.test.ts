import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { bridgeCommand, needing } from './support/parts.ts';
import { RunningProgram } from './support/processes.ts';

const RECORDINGS = join(import.meta.dirname, '../fixtures/recordings');
const recordings = readdirSync(RECORDINGS).filter((name) => name.includes('.ndjson'));
const { title, skip } = needing('ray-otel-bridge convert', ['build']);

describe.skipIf(skip)(title, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has recordings to work on, the large one among them', () => {
    expect(recordings.length).toBeGreaterThan(10);
    expect(recordings.some((name) => name.endsWith('.gz'))).toBe(true);
  });

  it.each(recordings)('makes right traces of %s', async (name) => {
    const recording = join(RECORDINGS, name);
    const output = join(folder, `${name}.jsonl`);
    const convert = new RunningProgram(process.execPath, [bridgeCommand, 'convert', recording, '--output', output]);
    expect(await convert.exit(120_000), convert.output).toBe(0);
    const spans = readOtlpJsonLines(readFileSync(output, 'utf8'));
    expect(spans.length).toBeGreaterThan(20);
    expect(checkTraces(readRecordedEvents(recording), spans, { maxSpansPerTrace: 10_000 })).toEqual([]);
  });
});
