import type { Context, Hono } from 'hono';
import { type TokenSet, peerOf } from '../http/index.ts';
import type { ReceiverTelemetry } from '../receiver/index.ts';
import type { Scheduler } from '../runtime/index.ts';
import { describeJob, describeJobInFull, describeNodeUse, describeSession } from './describe.ts';
import { refuseReader } from './guard.ts';
import type { ViewModel } from './model.ts';
import { openApiDocument } from './openapi.ts';
import { PAGE_LIMITS, type Read } from './query.ts';
import { answerViewRefusal, refuseRead } from './refusal.ts';
import type { Health, JobAnswer, JobsAnswer, SessionsAnswer, StatusAnswer } from './shapes.ts';
import { DEFAULT_STREAM_LIMITS, Stream, type StreamEvent, type StreamLimits } from './stream.ts';
import { createTaskAnswers } from './task-answers.ts';
import type { IntakeCounts } from './watch-intake.ts';
import type { JobView, SessionView } from './records.ts';
import { SessionNow } from './session-now.ts';

export interface ApiOptions {
  readonly model: ViewModel;
  readonly intake: IntakeCounts;
  readonly health: () => Health;
  readonly scheduler: Scheduler;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** When the view started to collect data. */
  readonly sinceMs: () => number;
  readonly traceUrl: string | undefined;
  readonly listenHost: string;
  readonly readTokens: TokenSet;
  readonly needsIngestToken: () => boolean;
  /** Shell lines that make Ray send its events; `{url}` stands for the address to post to. */
  readonly setupLines: readonly string[];
  readonly telemetry: Pick<ReceiverTelemetry, 'readRefused' | 'internalError'>;
  readonly streamLimits?: Partial<StreamLimits>;
  /** Maximum number of concurrent searches. Default 8. */
  readonly maxSearches?: number;
}

/** The content of a stream: the overview, and one job in full if `job` is set. */
interface Topic {
  readonly session: string | undefined;
  readonly job: string | undefined;
}

/** Open attempts that the verdicts of one list of jobs examine. Jobs beyond them are judged by their counts. */
const MAX_OPEN_OF_LIST = 20_000;

/** Jobs in the overview of a stream. */
const MAX_STREAMED_JOBS = 200;

export const API_ROUTES = [
  '/api/v1/status',
  '/api/v1/sessions',
  '/api/v1/jobs',
  '/api/v1/jobs/:job',
  '/api/v1/jobs/:job/tasks',
  '/api/v1/jobs/:job/tree',
  '/api/v1/jobs/:job/critical-path',
  '/api/v1/jobs/:job/node-use',
  '/api/v1/stream',
  '/api/v1/openapi.json',
] as const;

type Route = (typeof API_ROUTES)[number];

export interface Api {
  mount(app: Hono): void;
  readonly guard: (context: Context, isPage: boolean) => Response | undefined;
  readonly stream: Pick<Stream<unknown>, 'stats' | 'close'>;
}

/** The routes under `/api/v1`. All are read-only. */
export function createApi(options: ApiOptions): Api {
  const { model, now, traceUrl } = options;
  const tasks = createTaskAnswers(options);

  function status(): StatusAnswer {
    const { attempts, leftOut } = model;
    return {
      nowMs: now(),
      since: options.sinceMs(),
      events: options.intake.counts(),
      health: options.health(),
      view: { openAttempts: attempts.open, rows: attempts.rows, sessionsLeftOut: leftOut.sessions, jobsLeftOut: leftOut.jobs },
      setup: { lines: options.setupLines, needsToken: options.needsIngestToken() },
    };
  }

  function sessions(): SessionsAnswer {
    model.prune(now());
    return { nowMs: now(), since: options.sinceMs(), sessions: [...model.sessions.values()].map(describeSession) };
  }

  function jobs(limit: number): JobsAnswer {
    model.prune(now());
    const all = [...model.sessions.values()]
      .flatMap((session) => [...session.jobs.values()])
      .filter(({ hasContent }) => hasContent)
      .map(ordered)
      .sort(newestFirst)
      .map(({ job }) => job);
    const nowMs = now();
    const present = new Map<SessionView, SessionNow>();
    let maxOpen = MAX_OPEN_OF_LIST;
    const rows = all.slice(0, limit).map((job) => {
      const sessionNow = present.get(job.session) ?? new SessionNow(job.session, nowMs);
      present.set(job.session, sessionNow);
      const row = describeJob(job, { nowMs, traceUrl, now: sessionNow, maxOpen });
      maxOpen = Math.max(0, maxOpen - job.open.size);
      return row;
    });
    return { nowMs, since: options.sinceMs(), jobs: rows, more: all.length - rows.length };
  }

  function jobInFull(job: JobView): JobAnswer {
    return describeJobInFull(job, { nowMs: now(), since: options.sinceMs(), traceUrl });
  }

  /** `session` is necessary only if several sessions have a job with this id. */
  function findJob(id: string, session: string | undefined): Read<JobView> {
    const candidates = [...model.sessions.values()].flatMap(({ name, jobs: own }) => {
      const job = session === undefined || session === name ? own.get(id.toLowerCase()) : undefined;
      return job?.hasContent === true ? [job] : [];
    });
    const [job] = candidates;
    if (job === undefined) return refuseRead('job_not_found', 'job not found: it never reported here, or it ended and is no longer kept');
    return candidates.length === 1
      ? { ok: true, value: job }
      : refuseRead('job_ambiguous', 'several sessions have a job with this id: add ?session=NAME');
  }

  function streamed({ job: id, session }: Topic): readonly StreamEvent[] {
    const overview = { event: 'overview', data: { status: status(), jobs: jobs(MAX_STREAMED_JOBS) } };
    if (id === undefined) return [overview];
    const job = findJob(id, session);
    return [
      overview,
      job.ok ? { event: 'job', data: jobInFull(job.value) } : { event: 'gone', data: { code: job.code, message: job.message } },
    ];
  }

  const stream = new Stream<Topic>({
    limits: { ...DEFAULT_STREAM_LIMITS, ...options.streamLimits },
    sleep: options.sleep,
    now,
    version: () => model.version,
    render: streamed,
    keyOf: ({ session, job }) => JSON.stringify([session, job]),
    onBug: (error) => options.telemetry.internalError('view', error),
  });

  function guard(context: Context, isPage: boolean): Response | undefined {
    context.header('cross-origin-resource-policy', 'same-origin');
    context.header('referrer-policy', 'no-referrer');
    const refusal = refuseReader(context, options, isPage);
    if (refusal === undefined) return undefined;
    if (refusal.code === 'token_missing' || refusal.code === 'token_invalid')
      options.telemetry.readRefused(refusal.code, refusal.message, peerOf(context));
    return answerViewRefusal(context, refusal);
  }

  function jobOf(context: Context): Read<JobView> {
    return findJob(context.req.param('job') ?? '', context.req.query('session'));
  }

  const handlers: Readonly<Record<Route, (context: Context) => Response | Promise<Response>>> = {
    '/api/v1/status': (context) => context.json(status()),
    '/api/v1/sessions': (context) => context.json(sessions()),
    '/api/v1/jobs': (context) => context.json(jobs(PAGE_LIMITS.jobs)),
    '/api/v1/jobs/:job': (context) => {
      const job = jobOf(context);
      return answer(context, job.ok ? { ok: true, value: jobInFull(job.value) } : job);
    },
    '/api/v1/jobs/:job/tasks': async (context) => {
      const job = jobOf(context);
      return answer(context, job.ok ? await tasks.list(job.value, (name) => context.req.query(name)) : job);
    },
    '/api/v1/jobs/:job/tree': async (context) => {
      const job = jobOf(context);
      return answer(context, job.ok ? await tasks.tree(job.value, (name) => context.req.query(name)) : job);
    },
    '/api/v1/jobs/:job/critical-path': async (context) => {
      const job = jobOf(context);
      return answer(context, job.ok ? await tasks.criticalPath(job.value) : job);
    },
    '/api/v1/jobs/:job/node-use': (context) => {
      const job = jobOf(context);
      return answer(context, job.ok ? { ok: true, value: describeNodeUse(job.value, { nowMs: now(), since: options.sinceMs() }) } : job);
    },
    '/api/v1/stream': (context) => {
      if (context.req.method === 'HEAD') return context.body(null, 200, { 'content-type': 'text/event-stream; charset=utf-8' });
      const body = stream.open({ session: context.req.query('session'), job: context.req.query('job') });
      if (body === undefined) return answerViewRefusal(context, refuseRead('view_busy', 'too many streams are open'));
      return context.body(body, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    },
    '/api/v1/openapi.json': (context) => context.json(openApiDocument()),
  };

  return {
    guard,
    stream,
    mount(app) {
      for (const path of API_ROUTES) {
        app.get(path, (context) => guard(context, false) ?? handlers[path](context));
        app.all(path, (context) => {
          context.header('allow', 'GET, HEAD');
          return answerViewRefusal(context, refuseRead('method_not_allowed', 'use GET'));
        });
      }
    },
  };
}

function answer(context: Context, read: Read<unknown>): Response {
  return read.ok ? context.json(read.value) : answerViewRefusal(context, read);
}

/** What the order of jobs follows from, found once for each. */
interface OrderedJob {
  readonly job: JobView;
  readonly isInternal: boolean;
  readonly isRunning: boolean;
  readonly ms: number;
}

function ordered(job: JobView): OrderedJob {
  const { isInternal, state } = job;
  return { job, isInternal, isRunning: state === 'running', ms: job.endMs || job.startMs || job.firstSeenMs };
}

/** Orders users' jobs before Ray's own, running jobs before ended ones, then the newest first. */
function newestFirst(a: OrderedJob, b: OrderedJob): number {
  if (a.isInternal !== b.isInternal) return a.isInternal ? 1 : -1;
  if (a.isRunning !== b.isRunning) return a.isRunning ? -1 : 1;
  return b.ms - a.ms;
}
