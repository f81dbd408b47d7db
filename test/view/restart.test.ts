import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ActorView } from '../../src/view/actor-view.ts';
import type { NodeView } from '../../src/view/node-view.ts';
import type { JobView } from '../../src/view/records.ts';
import type { ViewModel } from '../../src/view/model.ts';
import type { JobRow, JobsAnswer } from '../../src/view/index.ts';
import { postTo, recordedBodies, type TestBridge, until } from '../bridge/bridge-fixture.ts';
import { newFolder, openJournal, removeFolder } from '../journal/disk-journal-fixture.ts';
import { read, startViewBridge } from './view-bridge.ts';
import { createFedModel, recordedPosts } from './view-fixture.ts';

/** The facts that survive a restart. Attempts that ended before it have no row any more. */
function whatIsKnown(model: ViewModel, sessionName: string, jobId: string): unknown {
  const job: JobView | undefined = model.sessions.get(sessionName)?.jobs.get(jobId);
  if (job === undefined) return undefined;
  return {
    tasks: job.tasks,
    attempts: job.attempts,
    retried: job.retried,
    name: job.name,
    state: job.state,
    startMs: job.startMs,
    open: [...job.open].map(({ taskId, number, stage, name, nodeId }) => ({ taskId, number, stage, name, nodeId })).toSorted(byTask),
    nodes: [...(model.sessions.get(sessionName)?.nodes.values() ?? [])].map(nodeFacts).toSorted(byId),
    actors: [...job.actors.values()].map(actorFacts).toSorted(byId),
    endMs: job.endMs,
    endInferred: job.endInferred,
    error: job.error,
    entrypoint: job.entrypoint,
    traceId: job.traceId,
    isInternal: job.isInternal,
    isEnded: job.closedMs !== undefined,
  };
}

function nodeFacts({ id, name, ip, state, resources, labels }: NodeView): { readonly id: string } & Record<string, unknown> {
  return { id, name, ip, state, resources, labels };
}

function actorFacts(actor: ActorView): { readonly id: string } & Record<string, unknown> {
  const { id, name, className, isDetached, isClosed, state, incarnationsNotShown } = actor;
  return { id, name, className, isDetached, isClosed, state, incarnationsNotShown, lives: actor.incarnations() };
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

function byTask(a: { readonly taskId: string }, b: { readonly taskId: string }): number {
  return a.taskId < b.taskId ? -1 : 1;
}

const recordings = readdirSync(new URL('../fixtures/recordings/', import.meta.url)).filter((name) => !name.startsWith('load-'));

function keysOf(model: ViewModel): readonly string[] {
  return [...model.sessions.values()].flatMap(({ name, jobs }) =>
    [...jobs.values()].filter(({ hasContent }) => hasContent).map(({ id }) => `${name} ${id}`),
  );
}

describe('after a restart', () => {
  it.each(recordings)('every running or ended job, node and actor is shown as before: %s', (name) => {
    const posts = recordedPosts(name);
    let compared = 0;
    for (const share of [0.3, 0.6, 0.9, 1]) {
      for (const silentMs of [6_000, 30_000, 7_200_000]) {
        const fed = createFedModel();
        const cut = Math.floor(posts.length * share);
        for (const { events, receivedAtMs } of posts.slice(0, cut)) for (const event of events) fed.take(event, receivedAtMs);
        fed.pass((posts[Math.max(0, cut - 1)]?.receivedAtMs ?? 0) + silentMs);
        const model = fed.restarted().model;
        expect(keysOf(model).toSorted()).toEqual(keysOf(fed.model).toSorted());
        for (const session of fed.model.sessions.values()) {
          const again = model.sessions.get(session.name);
          expect(again?.isClosed).toBe(session.isClosed);
          expect(again?.clockMs(1e13)).toBeCloseTo(session.clockMs(1e13), -4);
          for (const job of session.jobs.values()) {
            if (!job.hasContent) continue;
            compared += 1;
            expect(whatIsKnown(model, session.name, job.id)).toEqual(whatIsKnown(fed.model, session.name, job.id));
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(2);
  });

  it('a job whose start was not received began with its first task', () => {
    const posts = recordedPosts('data-job-ray-2.60.0.ndjson.gz');
    const fed = createFedModel();
    for (const { events, receivedAtMs } of posts) for (const event of events) fed.take(event, receivedAtMs);
    fed.pass((posts.at(-1)?.receivedAtMs ?? 0) + 21_000);
    for (const { sessions } of [fed.model, fed.restarted().model]) {
      const job = [...sessions.values()].flatMap(({ jobs }) => [...jobs.values()]).find(({ id }) => id === '07000000');
      expect(job?.startMs).toBeCloseTo(1_795_737_695_000, -5);
    }
  });

  it('a job that ended and left a detached actor keeps its outcome, times and counts', () => {
    const posts = recordedPosts('data-job-ray-2.60.0.ndjson.gz');
    const fed = createFedModel();
    for (const { events, receivedAtMs } of posts) for (const event of events) fed.take(event, receivedAtMs);
    fed.pass((posts.at(-1)?.receivedAtMs ?? 0) + 21_000);
    for (const { sessions } of [fed.model, fed.restarted().model]) {
      const [job] = [...sessions.values()].flatMap(({ jobs }) => [...jobs.values()]);
      expect(job).toMatchObject({
        state: 'failed',
        verdict: { outcome: 'failed', reason: 'tasks_failed' },
        closedMs: expect.any(Number) as number,
      });
      expect([...(job?.actors.values() ?? [])].some(({ isDetached, state }) => isDetached && state === 'ALIVE')).toBe(true);
      expect((job?.endMs ?? 0) - (job?.startMs ?? 0)).toBeGreaterThan(5_000);
      expect(job?.tasks.finished).toBeGreaterThan(10);
    }
  });
});

describe('a bridge that is started again', () => {
  it.each(['checkpoint', 'no checkpoint'])('a running job is shown as before, from a journal with a %s', async (kind) => {
    const folder = await newFolder();
    const bodies = recordedBodies('features-ray-2.60.0.ndjson').slice(0, 14);
    try {
      const limits = { checkpointBytes: kind === 'checkpoint' ? 1 : 1e9 };
      const first = await startViewBridge({ journal: (await openJournal(folder, { limits })).journal });
      for (const body of bodies) await postTo(first.bridge.app, body);
      await until(() => first.bridge.stats().journal.entries === 0);
      const before = await jobNow(first);
      expect(before).toMatchObject({ state: 'running' });
      await first.bridge.stop({ timeoutMs: 1000 });
      const second = await startViewBridge({ journal: (await openJournal(folder)).journal });
      await until(() => second.bridge.stats().journal.entries === 0);
      await expect.poll(() => jobNow(second)).toEqual(before);
      for (const body of recordedBodies('features-ray-2.60.0.ndjson').slice(14)) await postTo(second.bridge.app, body);
      await expect.poll(async () => (await jobNow(second))?.tasks).toMatchObject({ failed: 3, cancelled: 1 });
      await second.bridge.stop({ timeoutMs: 1000 });
    } finally {
      await removeFolder(folder);
    }
  });
});

async function jobNow({
  bridge,
}: TestBridge): Promise<Pick<JobRow, 'state' | 'tasks' | 'attempts' | 'retried' | 'name' | 'traceId'> | undefined> {
  const { jobs } = (await read(bridge.app, '/api/v1/jobs')).body as unknown as JobsAnswer;
  const [job] = jobs;
  if (job === undefined) return undefined;
  const { state, tasks, attempts, retried, name, traceId } = job;
  return { state, tasks, attempts, retried, name, traceId };
}
