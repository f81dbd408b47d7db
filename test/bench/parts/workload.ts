import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type GeneratedStreamOptions, generatedPosts } from '../../support/generated-stream.ts';

const RECORDING = new URL('../../../../../test/fixtures/recordings/load-20k-tasks-ray-2.60.0.ndjson.gz', import.meta.url).pathname;

/** The bodies of posts, named so that another process can have the same ones. */
export type Workload = { readonly kind: 'recording' } | { readonly kind: 'generated'; readonly options: GeneratedStreamOptions };

/**
 * The recording of 20,000 tasks; where it is absent, a generated stream of the same size and kind.
 */
export function recordedWorkload(): { readonly name: string; readonly workload: Workload } {
  if (existsSync(RECORDING)) return { name: 'the 20,000-task recording', workload: { kind: 'recording' } };
  const options = { seed: 20, jobs: 1, tasksPerJob: 20_000, failed: 0, retried: 0, lost: 0, endlessJobs: 1 };
  return { name: 'a generated stream of 20,000 tasks, as the recording is absent', workload: { kind: 'generated', options } };
}

export function* bodiesOf(workload: Workload): Generator<string> {
  if (workload.kind === 'generated') {
    yield* generatedPosts(workload.options);
    return;
  }
  for (const line of gunzipSync(readFileSync(RECORDING)).toString('utf8').split('\n')) {
    if (line === '') continue;
    const post = JSON.parse(line) as { body: string };
    yield post.body;
  }
}

/** All bodies, encoded beforehand, so that a sender does nothing but send. */
export const encodedBodies = (workload: Workload): Buffer[] => [...bodiesOf(workload)].map((body) => Buffer.from(body));
