import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWithTruth, type GroundTruth, isAttempt, readGroundTruth } from '../support/ground-truth.ts';
import { checkTraces } from '../support/oracle.ts';
import type { FlatSpan } from '../support/otlp-spans.ts';
import { metricSum, type ServingBridge, startBridge } from './support/bridge.ts';
import { type OtlpReceiver, startOtlpReceiver } from './support/otlp-receiver.ts';
import { bridgeCommand, needing } from './support/parts.ts';
import { eventually, freePorts, RunningProgram } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';
import { startTee, type Tee } from './support/tee.ts';

// A real Ray with its libraries, whose tasks log themselves when they started, ended, how, and who called them. What the bridge
// sends is compared with that log. The stream is recorded too; where a comparison fails the recording is kept and named.

interface StateRow {
  readonly task_id: string;
  readonly attempt_number: number;
  readonly name: string;
  readonly state: string;
  readonly type: string;
}

const { title, skip } = needing('spans beside what the tasks logged', ['build', 'ray-2.60.0', 'libraries-2.60.0']);
describe.skipIf(skip)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-truth-'));
  const recording = join(folder, 'events.ndjson.gz');
  const log = join(folder, 'ground-truth.jsonl');
  let receiver: OtlpReceiver;
  let bridge: ServingBridge;
  let recorder: RunningProgram;
  let tee: Tee;
  let truth: GroundTruth = { runs: [], covered: [], kills: [], submits: new Map() };
  let rows: readonly StateRow[] = [];
  let metrics = '';
  let hasFailed = false;
  let spans: readonly FlatSpan[] = [];

  const violations = (): string[] => [...checkTraces(tee.accepted, spans), ...compareWithTruth({ truth, events: tee.accepted, spans })];

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    bridge = await startBridge(['--orphan-timeout', '20s', '--data-dir', join(folder, 'data')], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    });
    const [recorderPort, servePort] = await freePorts(2);
    recorder = new RunningProgram(process.execPath, [
      bridgeCommand,
      'record',
      '--output',
      recording,
      '--listen',
      `127.0.0.1:${recorderPort}`,
    ]);
    await recorder.waitForOutput(/EVENTS_EXPORT_ADDR/);
    tee = await startTee(bridge.url, `http://127.0.0.1:${recorderPort}`);
    const address = 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR';
    const cluster = await RayCluster.start('2.60.0', {
      ...bridge.rayVariables,
      [address]: `${tee.url}/v1/events`,
      GROUND_TRUTH_FILE: log,
      GROUND_TRUTH_SERVE_PORT: String(servePort),
      // Without it the replicas of Serve report no task.
      RAY_SERVE_ENABLE_TASK_EVENTS: '1',
      RAY_TRAIN_V2_ENABLED: '1',
    });
    try {
      await cluster.runDriver('truth_services.py', {});
      const second = cluster.startDriver('truth_second.py');
      await cluster.runDriver('truth_threads.py', {});
      await stopASubmission(cluster);
      await killADriver(cluster);
      expect(await second.exit(60_000), second.output).toBe(0);
      await cluster.runDriver('truth_data.py', {});
      await cluster.runDriver('truth_train.py', {});
      await sleep(2_000);
      rows = JSON.parse(await cluster.runDriver('truth_state.py', {}, [cluster.dashboard])) as StateRow[];
    } finally {
      await cluster.stop();
    }
    truth = readGroundTruth(log);
    // What is open now closes when the session was silent for --orphan-timeout.
    await eventually('right spans', 60_000, () => {
      spans = receiver.spans();
      expect(violations()).toEqual([]);
    }).catch(() => undefined);
    metrics = await (await fetch(`${bridge.url}/metrics`)).text();
  });

  afterAll(async () => {
    await bridge?.program.destroy();
    await recorder?.stop();
    await tee?.close();
    await receiver?.close();
    if (hasFailed) process.stderr.write(`The stream, the log and the bridge's data are kept in ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  });

  /** `ray job stop` while its tasks run. */
  async function stopASubmission(cluster: RayCluster): Promise<void> {
    const submission = 'stopped-submission';
    await cluster.submitAndLeave('truth_long.py', submission);
    await eventually('the submission to be at work', 60_000, async () => {
      const { logs } = (await (await fetch(`${cluster.dashboard}/api/jobs/${submission}/logs`)).json()) as { logs: string };
      expect(logs).toContain('at work');
    });
    await cluster.stopJob(submission);
    logKill('stopped');
  }

  function logKill(what: 'stopped' | 'killed'): void {
    appendFileSync(log, `${JSON.stringify({ what, ns: String(BigInt(Date.now()) * 1_000_000n), pid: process.pid })}\n`);
  }

  /** SIGKILL, as the kernel does it to a driver that takes too much memory. */
  async function killADriver(cluster: RayCluster): Promise<void> {
    const driver = cluster.startDriver('truth_long.py');
    await driver.waitForOutput(/at work/);
    await driver.kill();
    logKill('killed');
  }

  const expectNothing = (said: readonly string[]): void => {
    if (said.length > 0) hasFailed = true;
    expect(said).toEqual([]);
  };

  it('ran the whole workload, and every post was taken', () => {
    expect(truth.runs.length).toBeGreaterThan(80);
    expect(truth.covered.length).toBeGreaterThan(10);
    expect([...tee.answers.keys()]).toEqual([200]);
  });

  it('has for each attempt the start, end, caller and outcome that the task logged, and no other attempt', () => {
    expectNothing(compareWithTruth({ truth, events: tee.accepted, spans }));
  });

  it('says what became of the job that was stopped and of the one that was killed', () => {
    // On a slow machine a job that was open for 10 s has an in-flight span too.
    const isFinal = ({ attributes }: FlatSpan): boolean => attributes['ray.in_flight'] !== true;
    const jobs = spans.filter((span) => isFinal(span) && String(span.attributes['ray.job.entrypoint']).endsWith('truth_long.py'));
    const outcomes = jobs.map(({ attributes }) => [attributes['ray.job.submission_id'], attributes['ray.job.outcome']]);
    expect(outcomes.toSorted()).toEqual([
      [undefined, 'failed'],
      ['stopped-submission', 'stopped'],
    ]);
  });

  it('keeps every rule', () => {
    expectNothing(checkTraces(tee.accepted, spans));
  });

  it('has a span for each attempt that the state API knows, and none is an error that finished there', () => {
    expect(rows.length).toBeGreaterThan(100);
    const session = String(spans[0]?.resource['ray.session_name']);
    const attempts = new Map(
      spans
        .filter((span) => isAttempt(span, session))
        .map((span) => [`${String(span.attributes['ray.task_id'])}/${String(span.attributes['ray.task.attempt'])}`, span]),
    );
    const said = rows.flatMap(({ task_id, attempt_number, name, state, type }) => {
      if (type === 'DRIVER_TASK') return [];
      const what = `${name} ${task_id}/${attempt_number}`;
      const span = attempts.get(`${task_id}/${attempt_number}`);
      if (span === undefined) return [`${what}: no span`];
      // FAILED is no news: the state API marks everything as failed that it received nothing from 15 s after a job's end.
      return state === 'FINISHED' && span.statusCode === 2 ? [`${what}: FINISHED, but ERROR (${span.statusMessage})`] : [];
    });
    expectNothing(said);
  });

  it('has nothing open at the end, and lost nothing', () => {
    expect(metricSum(metrics, 'open_attempts')).toBe(0);
    expect(metricSum(metrics, 'events_rejected_total') ?? 0).toBe(0);
    expect(metricSum(metrics, 'internal_errors_total') ?? 0).toBe(0);
  });
});
