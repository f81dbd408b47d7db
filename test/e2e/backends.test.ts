import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spanId } from '../support/identity.ts';
import { type ServingBridge, startBridge } from './support/bridge.ts';
import { type Jaeger, type JaegerSpan, startJaeger } from './support/jaeger.ts';
import { needing } from './support/parts.ts';
import { eventually } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';

// A real Ray, a real Jaeger, and the bridge between them with the settings of `examples/jaeger`: a job is looked at while it runs, and again
// when it ended, as a user would in Jaeger's pages.

const { title, skip } = needing('a job in a real Jaeger, before it ends and after', ['build', 'jaeger', 'ray-2.60.0']);
const settings = parseEnv(readFileSync(join(import.meta.dirname, '../../examples/jaeger/bridge.env'), 'utf8')) as Record<string, string>;

function named(spans: readonly JaegerSpan[], name: string): readonly JaegerSpan[] {
  return spans.filter(({ operationName }) => operationName === name);
}

function tag(span: JaegerSpan | undefined, key: string): unknown {
  return span?.tags.find((each) => each.key === key)?.value;
}

function parentOf(span: JaegerSpan | undefined): string | undefined {
  return span?.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID;
}

describe.skipIf(skip)(title, () => {
  let folder = '';
  let jaeger: Jaeger;
  let bridge: ServingBridge;
  let cluster: RayCluster;
  let job: Promise<number | null>;
  let traceId = '';
  let live: readonly JaegerSpan[] = [];
  let over: readonly JaegerSpan[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
    jaeger = await startJaeger(folder);
    bridge = await startBridge(['--data-dir', join(folder, 'data'), '--in-flight', 'running', '--in-flight-after', '2s'], {
      ...settings,
      OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.endpoint,
    });
    cluster = await RayCluster.start('2.60.0', bridge.rayVariables);
    const until = join(folder, 'until');
    job = cluster.submitJob(['long_job.py', until], ['--metadata-json', '{"job_name": "nightly"}']);
    const find = async (name: string, count: number): Promise<readonly JaegerSpan[]> => {
      for (const [id, spans] of await jaeger.traces('ray')) {
        if (named(spans, 'job nightly (in flight)').length === 0 || named(spans, name).length < count) continue;
        traceId = id;
        return spans;
      }
      throw new Error(`no ${name} yet`);
    };
    live = await eventually('the marks of the job', 120_000, async () => {
      await find('prepare', 3);
      return find('train (in flight)', 1);
    });
    writeFileSync(until, '');
    expect(await job).toBe(0);
    over = await eventually('the end of the job', 60_000, () => find('job nightly', 1));
  }, 300_000);

  afterAll(async () => {
    await cluster?.destroy();
    await bridge?.program.destroy();
    await jaeger?.program.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is there while it runs: what is done, and marks of what is not', () => {
    expect(named(live, 'prepare')).toHaveLength(3);
    expect([named(live, 'job nightly'), named(live, 'train')]).toEqual([[], []]);
    for (const name of ['job nightly (in flight)', 'train (in flight)']) {
      expect(named(live, name)).toMatchObject([{ duration: 0 }]);
      expect(tag(named(live, name)[0], 'ray.in_flight')).toBe(true);
    }
  });

  it('is whole when it ended: each in-flight span is a child of what it announced', () => {
    for (const name of ['job nightly', 'train']) {
      const [span] = named(over, name);
      const [mark] = named(over, `${name} (in flight)`);
      expect(parentOf(mark)).toBe(span?.spanID);
      // Jaeger numbers the resources of each answer again.
      const ofAnswer = { processID: '', warnings: [] };
      expect({ ...mark, ...ofAnswer }).toEqual({ ...named(live, `${name} (in flight)`)[0], ...ofAnswer });
    }
    expect(parentOf(named(over, 'job nightly')[0])).toBeUndefined();
    const ids = over.map(({ spanID }) => spanID);
    expect(new Set(ids).size).toBe(ids.length);
    // Nobody's parent is missing, and Jaeger has nothing to complain of.
    expect(over.filter((span) => parentOf(span) !== undefined && !ids.includes(parentOf(span) as string))).toEqual([]);
    expect(over.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);
  });

  it('has the ids of the published formula, and its page in the log of the bridge', () => {
    const reportedInFlight = named(over, 'job nightly')[0]?.spanID ?? '';
    const session = String(/"session":"([^"]+)"/.exec(bridge.program.output)?.[1]);
    expect(named(over, 'job nightly (in flight)')[0]?.spanID).toBe(spanId('mark', session, reportedInFlight));
    expect(bridge.program.output).toContain(`http://localhost:16686/trace/${traceId}`);
  });
});
