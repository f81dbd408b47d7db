import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../../src/correlate/index.ts';
import type { JobView } from '../../src/view/records.ts';
import { ViewModel } from '../../src/view/model.ts';
import type { JobRow, JobsAnswer } from '../../src/view/index.ts';
import { postTo, recordedBodies, type TestBridge, until } from '../bridge/bridge-fixture.ts';
import { newFolder, openJournal, removeFolder } from '../journal/disk-journal-fixture.ts';
import { read, startViewBridge } from './view-bridge.ts';
import { createFedModel, recordedPosts } from './view-fixture.ts';

/** What stays the same over a restart. What was over before has no row any more. */
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
    nodes: [...(model.sessions.get(sessionName)?.nodes.values() ?? [])].filter(({ state }) => state === 'ALIVE'),
  };
}

function byTask(a: { readonly taskId: string }, b: { readonly taskId: string }): number {
  return a.taskId < b.taskId ? -1 : 1;
}

describe('after a restart', () => {
  it.each(['features-ray-2.60.0.ndjson', 'mix-ray-2.58.1.ndjson', 'node-death-three-jobs-ray-2.60.0.ndjson'])(
    'a view that is told what is open knows the counts of jobs that run, and goes on: %s',
    (name) => {
      const posts = recordedPosts(name);
      let compared = 0;
      for (const share of [0.3, 0.6, 0.9]) {
        const fed = createFedModel();
        const cut = Math.floor(posts.length * share);
        for (const { events, receivedAtMs } of posts.slice(0, cut)) for (const event of events) fed.take(event, receivedAtMs);
        fed.pass((posts[cut]?.receivedAtMs ?? 0) + 6_000);
        const restored = createCorrelator({ measure: () => ({ spans: 1, bytes: 1 }) });
        for (const record of fed.correlator.checkpoint()) restored.restore(record);
        const model = new ViewModel();
        for (const retold of restored.retell()) model.takeUp(retold, 0);
        for (const session of fed.model.sessions.values()) {
          for (const job of session.jobs.values()) {
            if (job.closedMs !== undefined) continue;
            compared += 1;
            expect(whatIsKnown(model, session.name, job.id)).toEqual(whatIsKnown(fed.model, session.name, job.id));
          }
        }
      }
      expect(compared).toBeGreaterThan(2);
    },
  );
});

describe('a bridge that is started again', () => {
  it.each(['checkpoint', 'no checkpoint'])('shows the job that goes on as it was, from a journal with a %s', async (kind) => {
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
      await expect.poll(async () => (await jobNow(second))?.tasks).toMatchObject({ failed: 4 });
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
