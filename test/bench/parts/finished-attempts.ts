import { createCorrelator } from '../../support/correlator.ts';
import { decodeEvent, type RayEvent } from '../../../src/event/index.ts';
import { generatedStream } from '../../support/generated-stream.ts';
import { eventsOfBody } from '../../support/posts.ts';
import { Program } from './process.ts';

export interface FinishedQuestion {
  /** As many as are remembered as tombstones: from there on nothing may grow. */
  readonly few: number;
  readonly many: number;
  /** Over which the `many` are spread. */
  readonly jobs: number;
}

export interface FinishedMemory {
  readonly fewBytes: number;
  readonly manyBytes: number;
  readonly fewRssBytes: number;
  readonly manyRssBytes: number;
  /** Lifecycles that came out, for the proof that attempts were finished. */
  readonly finished: number;
  readonly cpuMs: number;
}

/**
 * What the correlator holds after many finished attempts, in a process of its own. Without HTTP and
 * JSON: ten million attempts are 33 GB of posts, and what is before the journal and behind the
 * correlator holds nothing that grows with them.
 */
export async function measureFinished(question: FinishedQuestion): Promise<FinishedMemory> {
  const program = new Program(new URL(import.meta.url).pathname, ['child'], { execArgv: ['--expose-gc'] });
  try {
    return await program.ask<FinishedMemory>(question, 900_000);
  } finally {
    await program.end('SIGKILL');
  }
}

/** The events of one job with one attempt, decoded: all others are copies with other ids. */
function templates(): { readonly start: RayEvent[]; readonly attempt: RayEvent[]; readonly end: RayEvent[] } {
  const options = { seed: 1, jobs: 1, tasksPerJob: 1, actors: 0, failed: 0, retried: 0, lost: 0, parents: 0, nodes: 1 };
  const events = generatedStream(options)
    .posts.flatMap(eventsOfBody)
    .flatMap((raw) => {
      const decoded = decodeEvent(raw);
      return decoded.ok ? [decoded.event] : [];
    });
  const isOfAttempt = (event: RayEvent): boolean => 'taskId' in event && event.taskId !== undefined && !event.taskId.startsWith('ffffffff');
  const first = events.findIndex(isOfAttempt);
  const last = events.findLastIndex(isOfAttempt);
  return {
    start: events.slice(0, first).filter((event) => !event.type.startsWith('node')),
    attempt: events.slice(first, last + 1),
    end: events.slice(last + 1),
  };
}

function withIds(event: RayEvent, jobId: string, taskId: string | undefined): RayEvent {
  const own = taskId ?? ('taskId' in event ? `${'ff'.repeat(20)}${jobId}` : undefined);
  const parent = 'parentTaskId' in event && event.parentTaskId !== undefined ? { parentTaskId: `${'ff'.repeat(20)}${jobId}` } : {};
  return { ...event, ...('jobId' in event ? { jobId } : {}), ...(own === undefined ? {} : { taskId: own }), ...parent };
}

function run({ few, many, jobs }: FinishedQuestion): FinishedMemory {
  const { start, attempt, end } = templates();
  const correlator = createCorrelator({
    maxSpansPerTrace: 0,
    maxBytesPerTrace: 0,
    maxTombstones: few,
  });
  const perJob = many / jobs;
  let finished = 0;
  let fewMemory = process.memoryUsage();
  let nowMs = 0;
  const advance = (): void => {
    for (const lifecycle of correlator.advance(nowMs)) if (lifecycle.kind === 'attempt') finished += 1;
  };
  const before = process.cpuUsage();
  for (let number = 0; number < many; number += 1) {
    const jobNumber = Math.floor(number / perJob) + 1;
    const jobId = Buffer.from(Uint32Array.of(jobNumber).buffer).toString('hex');
    if (number % perJob === 0) for (const event of start) correlator.apply(withIds(event, jobId, undefined), nowMs);
    const taskId = `${number.toString(16).padStart(16, '0')}${'f'.repeat(24)}${jobId}`;
    for (const event of attempt) correlator.apply(withIds(event, jobId, taskId), nowMs);
    if (number % 100 === 99) {
      nowMs += 100;
      advance();
    }
    if ((number + 1) % perJob === 0) for (const event of end) correlator.apply(withIds(event, jobId, undefined), nowMs);
    if (number + 1 === few) fewMemory = collected();
  }
  const manyMemory = collected();
  const { user, system } = process.cpuUsage(before);
  return {
    fewBytes: fewMemory.heapUsed + fewMemory.external,
    manyBytes: manyMemory.heapUsed + manyMemory.external,
    fewRssBytes: fewMemory.rss,
    manyRssBytes: manyMemory.rss,
    finished,
    cpuMs: (user + system) / 1000,
  };
}

function collected(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}

if (process.argv[2] === 'child') {
  process.on('message', (question: FinishedQuestion) => {
    process.send?.(run(question), () => process.exit(0));
  });
}
