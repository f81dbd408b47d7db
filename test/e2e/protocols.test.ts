import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { startBridge } from './support/bridge.ts';
import { countedSpans, startCollector } from './support/collector.ts';
import { bridgeCommand, needing } from './support/parts.ts';
import { eventually, RunningProgram } from './support/processes.ts';

const RECORDING = join(import.meta.dirname, '../fixtures/recordings/job-submit-ray-2.60.0.ndjson');
const { title, skip } = needing('serve to a real Collector', ['build', 'collector']);

describe.skipIf(skip)(title, () => {
  let folder = '';
  const started: RunningProgram[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
  });
  afterEach(async () => {
    for (const program of started.splice(0).toReversed()) await program.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['http/protobuf', 'none'],
    ['http/protobuf', 'gzip'],
    ['http/json', 'none'],
    ['http/json', 'gzip'],
    ['grpc', 'none'],
    ['grpc', 'gzip'],
  ])('over %s, compression %s, delivers a replayed recording whole', async (protocol, compression) => {
    const collector = await startCollector(folder);
    started.push(collector.program);
    const bridge = await startBridge(['--settle', '500ms', '--orphan-timeout', '2s', '--data-dir', join(folder, 'data')], {
      OTEL_EXPORTER_OTLP_ENDPOINT: protocol === 'grpc' ? collector.grpcEndpoint : collector.httpEndpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    });
    started.push(bridge.program);

    const replay = new RunningProgram(process.execPath, [bridgeCommand, 'replay', RECORDING, '--to', bridge.url, '--speed', 'max']);
    expect(await replay.exit(60_000), replay.output).toBe(0);

    const events = readRecordedEvents(RECORDING);
    await eventually('right traces in the Collector', 60_000, () => expect(checkTraces(events, collector.spans())).toEqual([]));
    await eventually('span metrics of all spans', 30_000, async () => {
      expect(countedSpans(await collector.metrics())).toBe(collector.spans().length);
    });
    expect(await bridge.program.stop()).toBe(0);
    expect(checkTraces(events, collector.spans())).toEqual([]);
  });
});
