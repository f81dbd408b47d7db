import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import type { FlatSpan } from '../support/otlp-spans.ts';
import { type ServingBridge, startBridge } from './support/bridge.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { needing } from './support/parts.ts';
import { eventually, freePorts } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';
import { startTee, type Tee } from './support/tee.ts';

// A real Ray posts to a bridge that is killed again and again while the workload runs, and away for some seconds each time: the
// traces in a real Collector are those of everything that the bridges together answered 200.

const SECRET = 'sk-e2e-kill-1a2b3c4d';
const KILLS = 4;

const { title, skip } = needing('the traces of a bridge that is killed', ['build', 'collector', 'ray-2.60.0']);
describe.skipIf(skip)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
  const dataDir = join(folder, 'data');
  let collector: Collector;
  let bridge: ServingBridge;
  let tee: Tee;
  let spans: readonly FlatSpan[] = [];
  let violations: readonly string[] = [];
  let kills = 0;
  let onDisk = '';

  beforeAll(async () => {
    collector = await startCollector(folder);
    const [port = 0] = await freePorts(1);
    const start = async (): Promise<ServingBridge> =>
      await startBridge(['--orphan-timeout', '20s', '--data-dir', dataDir], { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint }, port);
    bridge = await start();
    tee = await startTee(bridge.url);
    const address = 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR';
    const cluster = await RayCluster.start('2.60.0', { ...bridge.rayVariables, [address]: `${tee.url}/v1/events` });
    try {
      const workload = cluster.runDriver('pipeline.py', { E2E_SECRET: SECRET, E2E_FOLDER: folder });
      while (kills < KILLS) {
        await sleep(2_000);
        await bridge.program.kill();
        kills += 1;
        await sleep(1_500);
        bridge = await start();
      }
      await workload;
    } finally {
      await cluster.stop();
    }
    await eventually('right traces in the Collector', 90_000, () => {
      spans = collector.spans();
      violations = checkTraces(tee.accepted, spans, { plantedSecrets: [SECRET] });
      expect(violations).toEqual([]);
    }).catch(() => undefined);
    await bridge.program.stop();
    spans = collector.spans();
    onDisk = filesBelow(dataDir)
      .map((file) => readFileSync(file, 'latin1'))
      .join('');
  });

  afterAll(async () => {
    await bridge?.program.destroy();
    await collector?.program.destroy();
    await tee?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('killed it while Ray worked', () => {
    expect(kills).toBeGreaterThan(1);
    expect(tee.accepted.length).toBeGreaterThan(100);
  });

  it('has the traces of all that was answered 200, by every rule', () => {
    expect(violations).toEqual([]);
  });

  it('sent again only what was on its way at a kill, and that unchanged', () => {
    const seen = new Map<string, string>();
    let again = 0;
    for (const span of spans) {
      const key = `${span.traceId}/${span.spanId}`;
      const text = JSON.stringify(span, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
      const before = seen.get(key);
      if (before !== undefined) again += 1;
      if (before !== undefined) expect(text).toBe(before);
      seen.set(key, text);
    }
    expect(again).toBeLessThanOrEqual(kills * 512);
  });

  it('keeps no secret on its disk', () => {
    expect(onDisk.length).toBeGreaterThan(0);
    expect(onDisk).not.toContain(SECRET);
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
