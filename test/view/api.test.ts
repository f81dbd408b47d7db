import { describe, expect, it } from 'vitest';
import { API_ROUTES } from '../../src/view/api.ts';
import { SCHEMAS } from '../../src/view/shapes.ts';
import { openApiDocument } from '../../src/view/openapi.ts';
import { STATUS_OF_VIEW_REFUSAL } from '../../src/view/refusal.ts';
import type {
  AttemptsAnswer,
  CriticalPathAnswer,
  JobAnswer,
  JobsAnswer,
  NodeUseAnswer,
  StatusAnswer,
  TreeAnswer,
} from '../../src/view/shapes.ts';
import { postTo, until } from '../bridge/bridge-fixture.ts';
import { schemaBreaches } from './json-schema.ts';
import { feed, read, startViewBridge } from './view-bridge.ts';

const features = 'features-ray-2.60.0.ndjson';
const JOB = '/api/v1/jobs/01000000';

interface Described {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly get: {
          readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
          readonly responses: Readonly<
            Record<string, { readonly content: Readonly<Record<string, { readonly schema: Record<string, unknown> }>> }>
          >;
        };
      }
    >
  >;
}
const document = openApiDocument() as unknown as Described;

function breachesOf(path: string, status: number, body: unknown): readonly string[] {
  const schema = document.paths[path]?.get.responses[String(status)]?.content['application/json']?.schema;
  return schema === undefined ? [`${path} ${status} is not described`] : schemaBreaches(body, schema, SCHEMAS);
}

describe('the API description', () => {
  it('every route is described, and nothing else', () => {
    expect(Object.keys(document.paths)).toEqual(API_ROUTES.map((path) => path.replace(':job', '{job}')));
  });

  it('path parameters are required, and query parameters are optional', () => {
    for (const [path, { get }] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const required = get.parameters.filter((parameter) => parameter.required === true);
      expect(required.map(({ name, in: where }) => [name, where])).toEqual(inPath.map((name) => [name, 'path']));
    }
  });

  it('an answer that lacks a required property breaks the schema', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const path = '/api/v1/jobs/{job}';
    const body = (await read(fixture.bridge.app, JOB)).body as unknown as Readonly<Record<string, unknown>>;
    expect(breachesOf(path, 200, body)).toEqual([]);
    for (const name of Object.keys(body)) {
      const { [name]: _, ...rest } = body;
      expect(breachesOf(path, 200, rest), name).not.toEqual([]);
    }
  });

  it('the bridge serves its description', async () => {
    const { bridge } = await startViewBridge();
    expect((await read(bridge.app, '/api/v1/openapi.json')).body).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it.each([features, 'features-ray-2.49.0.ndjson', 'node-death-three-jobs-ray-2.60.0.ndjson'])(
    'answers match the description during and after %s',
    async (recording) => {
      const fixture = await startViewBridge({ settings: { traceUrl: 'http://j/{traceId}' } });
      const { app } = fixture.bridge;
      await feed(fixture, recording);
      for (const aheadMs of [0, 10_000, 4_000_000]) {
        fixture.pass(aheadMs);
        await new Promise((resolve) => setTimeout(resolve, 300));
        for (const path of ['/api/v1/status', '/api/v1/sessions', '/api/v1/jobs']) {
          const { status, body } = await read(app, path);
          expect(status).toBe(200);
          expect(breachesOf(path, 200, body)).toEqual([]);
        }
        expect(breachesOf('/api/v1/jobs/{job}', 200, (await read(app, JOB)).body)).toEqual([]);
        const tasks = await read(app, `${JOB}/tasks?limit=1000`);
        expect(tasks.body.tasks.length).toBeGreaterThan(5);
        expect(breachesOf('/api/v1/jobs/{job}/tasks', 200, tasks.body)).toEqual([]);
        for (const of of ['tree', 'critical-path', 'node-use']) {
          const { status, body } = await read(app, `${JOB}/${of}`);
          expect(status).toBe(200);
          expect(breachesOf(`/api/v1/jobs/{job}/${of}`, 200, body)).toEqual([]);
        }
      }
    },
  );

  it.each([
    ['/api/v1/jobs/{job}', '/api/v1/jobs/ff', 'job_not_found'],
    ['/api/v1/jobs/{job}/tasks', '/api/v1/jobs/__proto__/tasks', 'job_not_found'],
    ['/api/v1/jobs/{job}/tasks', `${JOB}/tasks?state=sleeping`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tasks', `${JOB}/tasks?offset=-1`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tasks', `${JOB}/tasks?order=size`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tasks', `${JOB}/tasks?limit=1001`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tasks', `${JOB}/tasks?search=${'x'.repeat(201)}`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tree', `${JOB}/tree?limit=1001`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tree', `${JOB}/tree?unfold=${'.1,'.repeat(101)}`, 'query_invalid'],
    ['/api/v1/jobs/{job}/tree', `${JOB}/tree?unfold=${'x'.repeat(81)}`, 'query_invalid'],
    ['/api/v1/jobs/{job}/critical-path', '/api/v1/jobs/ff/critical-path', 'job_not_found'],
    ['/api/v1/jobs/{job}/node-use', '/api/v1/jobs/ff/node-use', 'job_not_found'],
  ] as const)('the description of %s covers its refusal of %s', async (described, path, code) => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const { status, body } = await read(fixture.bridge.app, path);
    expect(body.error.code).toBe(code);
    expect(status).toBe(STATUS_OF_VIEW_REFUSAL[code]);
    expect(breachesOf(described, status, body)).toEqual([]);
  });
});

describe('the answers', () => {
  it('the answers show the state of a running job', async () => {
    const fixture = await startViewBridge({ settings: { traceUrl: 'http://jaeger/trace/{traceId}' } });
    await feed(fixture, features);
    const { body } = await read(fixture.bridge.app, '/api/v1/jobs');
    const [job] = (body as unknown as JobsAnswer).jobs;
    expect(job).toMatchObject({ job: '01000000', state: 'finished', isInternal: false, retried: 5 });
    expect(job?.traceUrl).toBe(`http://jaeger/trace/${job?.traceId}`);
    const full = (await read(fixture.bridge.app, JOB)).body as unknown as JobAnswer;
    const flaky = full.functions.find((row) => row.function === 'flaky');
    expect(flaky?.attempts).toMatchObject({ failed: 2, finished: 1 });
    expect(full.waiting.map(({ waitsFor }) => waitsFor)).toContain('a node with CPU 999: no node has as much');
    expect(full.actors.find(({ className }) => className === 'Counter')?.incarnations).toHaveLength(2);
    const status = (await read(fixture.bridge.app, '/api/v1/status')).body as unknown as StatusAnswer;
    expect(status.events.accepted).toBeGreaterThan(100);
    expect(status.health.state).toBe('running');
  });

  it('the tasks are selected by state, name, node, error and text, a page at a time', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const tasks = async (query: string): Promise<AttemptsAnswer> =>
      (await read(fixture.bridge.app, `${JOB}/tasks?${query}`)).body as unknown as AttemptsAnswer;
    const all = await tasks('limit=1000');
    expect(all.tasks.map(({ startMs }) => startMs)).toEqual(all.tasks.map(({ startMs }) => startMs).toSorted((a = 0, b = 0) => a - b));
    const paged = [...(await tasks('limit=10')).tasks, ...(await tasks('limit=1000&offset=10')).tasks];
    expect(paged.map(({ task }) => task)).toEqual(all.tasks.map(({ task }) => task));
    const pending = await tasks('state=pending');
    expect(pending.total).toBeGreaterThan(0);
    expect(new Set(pending.tasks.map(({ stage }) => stage.startsWith('pending_')))).toEqual(new Set([true]));
    const failed = await tasks('state=failed');
    expect(failed.tasks.map(({ name }) => name)).toContain('boom');
    expect(failed.tasks.map(({ name }) => name)).not.toContain('flaky');
    const [flaky, ...others] = (await tasks('name=FLAKY')).tasks;
    expect(others).toEqual([]);
    expect([flaky?.attempt, flaky?.stage, flaky?.earlier?.map(({ stage }) => stage)]).toEqual([2, 'finished', ['failed', 'failed']]);
    expect((await tasks('error=flaky attempt 0')).tasks.map(({ name }) => name)).toEqual(['flaky']);
    expect((await tasks(`search=${flaky?.task}`)).total).toBe(1);
    expect((await tasks(`node=${flaky?.nodeName}`)).total).toBeGreaterThan(5);
    expect((await tasks('node=nowhere')).total).toBe(0);
    expect((await tasks('limit=0')).tasks).toEqual([]);
    const tree = (await tasks('limit=1000&order=tree')).tasks;
    expect(tree.map(({ task }) => task).toSorted()).toEqual(all.tasks.map(({ task }) => task).toSorted());
    for (const [index, { depth = 0, parentTask }] of tree.entries()) {
      const above = tree.slice(0, index).findLast((each) => (each.depth ?? 0) < depth);
      if (depth > 0) expect([above?.task, above?.depth]).toEqual([parentTask, depth - 1]);
    }
    expect(tree.filter(({ depth }) => depth === 1).length).toBeGreaterThan(4);
  });

  it('the tree is rolled up by function, and requested rows are expanded', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const tree = async (query: string): Promise<TreeAnswer> =>
      (await read(fixture.bridge.app, `${JOB}/tree?${query}`)).body as unknown as TreeAnswer;
    const collapsed = await tree('limit=1000');
    const leaves = collapsed.rows.find(({ fold }) => fold?.function === 'leaf' && fold.tasks === 5);
    expect(leaves).toMatchObject({ depth: 1, fold: { below: 0, isUnfolded: false, stages: { finished: 5 } } });
    const hidden = collapsed.rows.reduce((sum, { fold }) => sum + (fold === undefined ? 1 : fold.tasks + fold.below), 0);
    expect(hidden).toBe(collapsed.tasks);
    const expanded = await tree(`limit=1000&unfold=${leaves?.fold?.key}`);
    expect(expanded.total).toBe(collapsed.total + 5);
    const at = expanded.rows.findIndex(({ fold }) => fold?.isUnfolded === true);
    expect(expanded.rows.slice(at + 1, at + 6).map(({ depth, task }) => [depth, task?.function])).toEqual(
      Array.from({ length: 5 }, () => [2, 'leaf']),
    );
    expect((await tree('limit=2&offset=1')).rows).toEqual(collapsed.rows.slice(1, 3));
  });

  it('the steps of the critical path add up, and so does the use of nodes', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const { app } = fixture.bridge;
    const path = (await read(app, `${JOB}/critical-path`)).body as unknown as CriticalPathAnswer;
    const total = path.shares.reduce((sum, { totalMs }) => sum + totalMs, 0);
    expect(path.isOver).toBe(true);
    expect(total).toBeCloseTo(path.endMs - path.startMs, 3);
    expect(path.steps[0]?.startMs).toBeCloseTo(path.startMs, 2);
    expect(path.steps.at(-1)?.endMs).toBeCloseTo(path.endMs, 2);
    expect(path.shares.map((share) => share.function)).toEqual(expect.arrayContaining([undefined, 'leaf', 'flaky', 'AsyncA.work']));
    const { tasks } = (await read(app, `${JOB}/tasks?limit=1000`)).body as unknown as AttemptsAnswer;
    for (const { task, spanId, attempt } of path.steps) {
      if (task === undefined) continue;
      const row = tasks.find((each) => each.task === task);
      const attempts = row === undefined ? [] : [row, ...(row.earlier ?? [])];
      expect(attempts.find((each) => each.attempt === attempt)?.spanId).toBe(spanId);
    }
    fixture.pass(4_000_000);
    await until(() => fixture.bridge.stats().correlator.openAttempts === 0);
    const use = (await read(app, `${JOB}/node-use`)).body as unknown as NodeUseAnswer;
    const ran = ((await read(app, `${JOB}/tasks?limit=1000`)).body as unknown as AttemptsAnswer).tasks
      .flatMap((task) => [task, ...(task.earlier ?? [])])
      .filter(({ runningMs, node }) => runningMs !== undefined && node !== undefined);
    const ranMs = ran.reduce((sum, { runningMs = 0, endMs = 0 }) => sum + endMs - runningMs, 0);
    const usedMs = use.nodes.reduce((sum, { running }) => sum + running.reduce((of, mean) => of + mean * use.bucketMs, 0), 0);
    expect(use.nodes).toMatchObject([{ cpus: 4 }]);
    expect(usedMs / ranMs).toBeCloseTo(1, 1);
  });

  it('the session is required only if two sessions have a job with the same id', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const { app } = fixture.bridge;
    const event = (sessionName: string, id: string): string =>
      JSON.stringify([
        {
          eventId: Buffer.alloc(28, id).toString('base64'),
          eventType: 'DRIVER_JOB_LIFECYCLE_EVENT',
          sourceType: 'GCS',
          severity: 'INFO',
          message: '',
          timestamp: '2026-11-23T22:19:22Z',
          sessionName,
          driverJobLifecycleEvent: { jobId: 'AQAAAA==', stateTransitions: [{ state: 'CREATED', timestamp: '2026-11-23T22:19:22Z' }] },
        },
      ]);
    const hostile = 'a/b?c=<script>alert(1)</script>&"';
    await postTo(app, event(hostile, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await read(app, JOB)).body.error.code).toBe('job_ambiguous');
    const { body } = await read(app, `${JOB}?session=${encodeURIComponent(hostile)}`);
    expect(body.job).toMatchObject({ session: hostile, job: '01000000', state: 'running' });
  });

  it('the API does not exist when the view is off', async () => {
    const { bridge } = await startViewBridge({ settings: { view: 'off' } });
    expect((await read(bridge.app, '/api/v1/jobs')).status).toBe(404);
    expect((await read(bridge.app, '/')).status).toBe(405);
  });
});
