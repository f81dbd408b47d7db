import { describe, expect, it } from 'vitest';
import { describeJobInFull } from '../../../src/view/describe.ts';
import type { JobAnswer } from '../../../src/view/shapes.ts';
import { createFedModel, recordedPosts } from '../view-fixture.ts';

/** The answer about a job after a share of a recording, and after a further time of silence. */
function answerTo(recording: string, jobId: string, { share = 1, silenceMs = 0 } = {}): JobAnswer {
  const fed = createFedModel();
  const posts = recordedPosts(recording);
  let nowMs = 0;
  for (const post of posts.slice(0, Math.ceil(posts.length * share))) {
    nowMs = post.receivedAtMs;
    for (const event of post.events) fed.take(event, nowMs);
  }
  nowMs += silenceMs;
  fed.pass(nowMs);
  for (const { jobs } of fed.model.sessions.values()) {
    const job = jobs.get(jobId);
    if (job !== undefined) return describeJobInFull(job, { nowMs, since: 0, traceUrl: undefined });
  }
  throw new Error('no such job');
}

const nodeDeath = 'node-death-three-jobs-ray-2.60.0.ndjson';

describe('the verdict on recorded jobs', () => {
  it('the death of a node is the first cause of the failures after it, at the time of the first of them', () => {
    const { job, deaths, failures, nodes } = answerTo(nodeDeath, '01000000', { silenceMs: 30_000 });
    expect(job.verdict).toMatchObject({
      kind: 'failed',
      text: 'Node 192.0.2.2 died 21:55:38 UTC: 1 task and 7 actor calls failed; actor W restarted.',
      notes: ['2 tasks failed (2 ACTOR_UNAVAILABLE in W.step).'],
    });
    expect(deaths).toMatchObject([{ kind: 'node', tasks: 1, calls: 7, restarted: ['W'] }]);
    // What failed finally comes before what was retried.
    expect(failures.map(({ function: name, attempts, retried, cause }) => [name, attempts, retried, cause])).toEqual([
      ['W.step', 7, 5, 'node 192.0.2.2 died 21:55:38 UTC'],
      ['on', 1, 1, 'node 192.0.2.2 died 21:55:38 UTC'],
    ]);
    expect(nodes[0]).toMatchObject({ state: 'DEAD', ip: '192.0.2.2', deathReason: expect.stringContaining('missing too many heartbeats') });
    expect(nodes.filter(({ isHead }) => isHead === true)).toHaveLength(1);
  });

  it('the death of a node does not concern jobs that it did not break', () => {
    expect(answerTo(nodeDeath, '02000000', { silenceMs: 30_000 }).job.verdict.text).toBe('Finished in 7 s; 21 tasks finished.');
  });

  it('failures of a finished job are named by type and function', () => {
    const { verdict } = answerTo('features-ray-2.60.0.ndjson', '01000000', { silenceMs: 30_000 }).job;
    expect(verdict.kind).toBe('failed');
    expect(verdict.text).toBe(
      'Finished; 3 tasks failed (1 WORKER_DIED in die, 1 RuntimeError in boom, 1 KeyError in Counter.fail); 1 never started.',
    );
  });

  it('a driver that was killed is the verdict, and its open tasks are a note', () => {
    const { verdict } = answerTo('driver-sigkill-ray-2.60.0.ndjson.gz', '16000000', { silenceMs: 30_000 }).job;
    expect(verdict.text).toMatch(/^The driver ended without shutting down/);
    expect(verdict.notes).toEqual(['5 never started.']);
  });
});
