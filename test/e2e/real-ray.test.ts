import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTraces } from '../support/oracle.ts';
import type { FlatSpan } from '../support/otlp-spans.ts';
import { metricSum, type ServingBridge, startBridge } from './support/bridge.ts';
import { type Collector, countedSpans, startCollector } from './support/collector.ts';
import { needing } from './support/parts.ts';
import { eventually } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';
import { startTee, type Tee } from './support/tee.ts';

// A real Ray runs the workload beside this file against `serve`, as a user sets it up; what a real Collector wrote is compared
// with what Ray posted.

const SECRET = 'sk-e2e-0a1b2c3d4e';
const ARGUMENT = 'tok-e2e-5f6a7b8c9d';
const CALLER = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };

/** Job, actor, node and worker events exist from 2.50 and 2.58 on. */
const releases: [version: string, reportsJobsAndActors: boolean][] = [
  ['2.60.0', true],
  ['2.49.2', false],
];

describe.each(releases)('Ray %s', (version, reportsJobsAndActors) => {
  const { title, skip } = needing('its traces in a real Collector', ['build', 'collector', `ray-${version}`]);
  describe.skipIf(skip)(title, () => {
    let folder = '';
    let collector: Collector;
    let bridge: ServingBridge;
    let tee: Tee;
    let exitCodeOfBridge: number | null;
    let healthStatus = 0;
    let metrics = '';
    let spanMetrics = '';
    let spans: readonly FlatSpan[] = [];
    let violations: readonly string[] = [];
    const jobExitCodes: (number | null)[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-e2e-'));
      collector = await startCollector(folder);
      bridge = await startBridge(['--orphan-timeout', '20s', '--data-dir', join(folder, 'data')], {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint,
      });
      tee = await startTee(bridge.url);

      const cluster = await RayCluster.start(version, throughTee(bridge.rayVariables, tee.url));
      try {
        await cluster.runDriver('pipeline.py', { E2E_SECRET: SECRET, E2E_FOLDER: folder });
        jobExitCodes.push(await cluster.submitJob(['second_job.py']));
        const metadata = JSON.stringify({ traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` });
        jobExitCodes.push(await cluster.submitJob(['failing_job.py', '--token', ARGUMENT], ['--metadata-json', metadata]));
      } finally {
        await cluster.stop();
      }

      // What is open now closes when the session was silent for --orphan-timeout.
      await eventually('right traces in the Collector', 90_000, () => {
        spans = collector.spans();
        violations = checkTraces(tee.accepted, spans, { plantedSecrets: [SECRET, ARGUMENT] });
        expect(violations).toEqual([]);
      }).catch(() => undefined);
      healthStatus = (await fetch(`${bridge.url}/healthz`)).status;
      metrics = await (await fetch(`${bridge.url}/metrics`)).text();
      spanMetrics = await eventually('the span metrics of all spans', 30_000, async () => {
        const page = await collector.metrics();
        expect(countedSpans(page)).toBe(collector.spans().length);
        return page;
      }).catch(() => '');
      exitCodeOfBridge = await bridge.program.stop();
      spans = collector.spans();
    });

    afterAll(async () => {
      await bridge?.program.destroy();
      await collector?.program.destroy();
      await tee?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const named = (name: string): FlatSpan[] => spans.filter((span) => span.name === name);
    const parentOf = (span: FlatSpan | undefined): FlatSpan | undefined => spans.find(({ spanId }) => spanId === span?.parentSpanId);

    it('ran the whole workload, and every post was taken', () => {
      expect(jobExitCodes).toEqual([0, 1]);
      expect(tee.accepted.length).toBeGreaterThan(100);
      expect([...tee.answers.keys()]).toEqual([200]);
    });

    it('keeps every rule', () => {
      expect(violations).toEqual([]);
      expect(checkTraces(tee.accepted, spans, { plantedSecrets: [SECRET, ARGUMENT] })).toEqual([]);
    });

    it('shows nested tasks as a tree', () => {
      const leaves = named('leaf').filter((leaf) => parentOf(leaf)?.name === 'branch');
      expect(leaves).toHaveLength(5);
      for (const leaf of leaves) {
        const root = parentOf(parentOf(leaf));
        expect(root?.name).toBe('root_task');
        expect(parentOf(root)?.name).toMatch(/^job /);
      }
    });

    it('shows each try of a flaky task, with the child that it made', () => {
      const tries = named('flaky').toSorted((a, b) => (a.startNs < b.startNs ? -1 : 1));
      expect(tries.map((span) => span.statusCode)).toEqual([2, 2, 0]);
      for (const attempt of tries)
        expect(spans.filter((span) => span.parentSpanId === attempt.spanId && span.name === 'leaf')).toHaveLength(1);
    });

    it('reports failures by Ray’s own names', () => {
      const errorTypes = (name: string): unknown[] => named(name).map((span) => span.attributes['error.type']);
      expect(errorTypes('broken')).toEqual(['TASK_EXECUTION_EXCEPTION']);
      expect(errorTypes('dies')).toEqual(['WORKER_DIED', 'WORKER_DIED']);
      expect(errorTypes('without_environment')).toEqual(['RUNTIME_ENV_SETUP_FAILED']);
      expect(errorTypes('Stillborn.ping')).toEqual(['ACTOR_DIED']);
      expect(errorTypes('Phoenix.fail')).toEqual(['TASK_EXECUTION_EXCEPTION']);
    });

    it('shows a cancelled task as cancelled, which is no error', () => {
      const cancelled = named('never_placed').map(({ statusCode, attributes }) => [
        statusCode,
        attributes['error.type'],
        attributes['ray.task.outcome'],
      ]);
      expect(cancelled).toEqual([[0, undefined, 'cancelled']]);
    });

    it('shows a call on another job’s actor in the trace of the calling job', () => {
      const [middle] = named('middle');
      const fromTask = named('Registry.put').find((span) => span.parentSpanId === middle?.spanId);
      expect(fromTask?.traceId).toBe(middle?.traceId);
      expect(new Set(named('Registry.put').map((span) => span.traceId)).size).toBe(2);
    });

    it.runIf(reportsJobsAndActors)('joins the caller’s trace that a job’s metadata names (Ray 2.50 and later)', () => {
      const adopted = spans.filter((span) => span.traceId === CALLER.traceId);
      expect(adopted.filter((span) => span.parentSpanId === CALLER.spanId).map((span) => span.name)).toEqual([
        expect.stringMatching(/^job /),
      ]);
      expect(
        adopted
          .filter((span) => span.name === 'step')
          .map((span) => span.statusCode)
          .toSorted(),
      ).toEqual([0, 0, 0, 2]);
    });

    it.runIf(reportsJobsAndActors)('shows both lives of the actor that was restarted (Ray 2.50 and later)', () => {
      expect(
        spans
          .filter((span) => /^Phoenix #\d$/.test(span.name))
          .map((span) => span.name)
          .toSorted(),
      ).toEqual(['Phoenix #0', 'Phoenix #1']);
    });

    it('says no secret in what it logs', () => {
      expect(bridge.program.output).not.toContain(SECRET);
      expect(bridge.program.output).not.toContain(ARGUMENT);
      expect(metrics).not.toContain(SECRET);
    });

    it('counts in its metrics what it took and what it delivered', () => {
      const distinct = new Set(tee.accepted.map((event) => JSON.stringify(event)));
      expect(metricSum(metrics, 'events_received_total')).toBe(tee.accepted.length);
      expect(metricSum(metrics, 'events_accepted_total')).toBe(distinct.size);
      expect(metricSum(metrics, 'events_rejected_total') ?? 0).toBe(0);
      expect(metricSum(metrics, 'open_attempts')).toBe(0);
      expect(metricSum(metrics, 'spans_exported_total')).toBe(spans.length);
      expect(metricSum(metrics, 'internal_errors_total') ?? 0).toBe(0);
    });

    it('feeds the Collector’s span metrics', () => {
      expect(countedSpans(spanMetrics)).toBe(spans.length);
      expect(spanMetrics).toMatch(/span_name="flaky".*status_code="STATUS_CODE_ERROR"/);
    });

    it('is healthy, and ends with 0 on SIGTERM', () => {
      expect(healthStatus).toBe(200);
      expect(exitCodeOfBridge, bridge.program.output).toBe(0);
      expect(bridge.program.output).toContain(collector.httpEndpoint);
    });
  });
});

/** The variables as `serve` printed them, with the tee's address in the place of the bridge's. */
function throughTee(variables: Readonly<Record<string, string>>, teeUrl: string): Record<string, string> {
  const address = 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR';
  const printed = variables[address];
  if (printed === undefined) throw new Error(`serve did not print ${address}`);
  return { ...variables, [address]: new URL(new URL(printed).pathname, teeUrl).href };
}
