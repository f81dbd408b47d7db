import { batch, computed, signal } from '@preact/signals';
import type { AttemptsAnswer, CriticalPathAnswer, JobAnswer, JobsAnswer, NodeUseAnswer, StatusAnswer, TreeAnswer } from '../shapes.ts';

// One store: the route, the latest answers, and the connection.

/** The part of the address after #. It holds all that a reader chose, so that reload, Back and links restore it. */
export interface Route {
  readonly kind: 'jobs' | 'job' | 'unknown';
  readonly session: string;
  readonly job: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface Overview {
  readonly status: StatusAnswer;
  readonly jobs: JobsAnswer;
}

export const TABS = ['timeline', 'failures', 'waiting', 'functions', 'actors', 'nodes', 'path'] as const;
export type Tab = (typeof TABS)[number];

/** Maximum length of a value in the address. */
const MAX_PARAM_LENGTH = 8_000;

export const route = signal<Route>(readRoute());
export const overview = signal<Overview | undefined>(undefined);
export const job = signal<JobAnswer | undefined>(undefined);
/** `loading` until the bridge has confirmed that the job exists. */
export const jobPart = signal<'loading' | 'gone' | 'job'>('loading');
export const criticalPath = signal<CriticalPathAnswer | undefined>(undefined);
export const nodeUse = signal<NodeUseAnswer | undefined>(undefined);
export const connection = signal({ isLost: false, isLive: false, text: '', lastDataMs: 0 });
/** The reader's clock. Ticks every second. */
export const clockMs = signal(Date.now());
/** When the shown answer about a job arrived, on the reader's clock. */
const answeredMs = signal(0);
/** The task list has something new to ask for. */
export const changes = signal(0);

/** The present on Ray's clock, for ages. Stands still while the bridge is unreachable. */
export const rayNowMs = computed(() => {
  const shown = job.value;
  if (shown === undefined) return clockMs.value;
  return shown.nowMs + (connection.value.isLost ? 0 : Math.max(0, clockMs.value - answeredMs.value));
});

export const tab = computed<Tab>(() => TABS.find((each) => each === route.value.params['tab']) ?? 'timeline');

function readRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#/, '').split(/\?(.*)/s);
  const params = Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, value.slice(0, MAX_PARAM_LENGTH)]));
  const [, session, id] = /^\/job\/([^/]*)\/([^/]*)$/.exec(path) ?? [];
  if (session !== undefined && id !== undefined) {
    try {
      return { kind: 'job', session: decodeURIComponent(session), job: decodeURIComponent(id), params };
    } catch {
      return { kind: 'unknown', session: '', job: '', params: {} };
    }
  }
  return { kind: path.startsWith('/job/') ? 'unknown' : 'jobs', session: '', job: '', params };
}

export function jobHref(
  { session, job: id }: { readonly session: string; readonly job: string },
  params: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(params).toString();
  return `#/job/${encodeURIComponent(session)}/${encodeURIComponent(id)}${query === '' ? '' : `?${query}`}`;
}

type Params = Readonly<Record<string, string | undefined>>;

/** The address with other parameters; undefined and empty ones are left out. */
export function hrefWith(change: Params): string {
  const { kind, params } = route.value;
  const next = Object.fromEntries(
    Object.entries({ ...params, ...change }).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])),
  );
  if (kind === 'job') return jobHref(route.value, next);
  const query = new URLSearchParams(next).toString();
  return `#/${query === '' ? '' : `?${query}`}`;
}

/** Changes the address without a new page. `push`: the reader can go back to the address before. */
export function setParams(change: Params, how: 'push' | 'replace' = 'replace'): void {
  const href = hrefWith(change);
  if (href === location.hash || (href === '#/' && location.hash === '')) return;
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  route.value = readRoute();
}

/** Closes the panel of a task. The focus returns to the list, where it was opened. */
export function closePanel(): void {
  setParams({ task: undefined }, 'push');
  requestAnimationFrame(() => document.getElementById('rows')?.focus({ preventScroll: true }));
}

let source: EventSource | undefined;
let polling: ReturnType<typeof setInterval> | undefined;

const POLL_MS = 5_000;
/** Minimum time between two requests for answers that cover all tasks of a job. */
const SLOW_REFRESH_MS = 3_000;
/** Silence of a live stream after which the bridge counts as unreachable. The bridge sends a message at least every 5 s. */
const MAX_SILENCE_MS = 15_000;

function noteAnswer(text: string, isLive: boolean): void {
  connection.value = { isLost: false, isLive, text, lastDataMs: Date.now() };
}

/** The bridge refused, or did not answer. `status` is 0 without an answer. */
export function noteLost(status = 0): void {
  const { lastDataMs } = connection.value;
  const asOf = lastDataMs === 0 ? '' : ` Data as of ${new Date(lastDataMs).toLocaleTimeString('en-GB')}.`;
  const refusal = status === 401 || status === 403 ? 'Reload the page to sign in.' : `It answers ${status}.`;
  const text = `${status === 0 ? 'Bridge unreachable.' : `The bridge refuses this page. ${refusal}`}${asOf}`;
  connection.value = { isLost: true, isLive: false, text, lastDataMs };
}

interface Asked<Answer> {
  /** HTTP status. 0 when the bridge did not answer, or only a proxy did. */
  readonly status: number;
  readonly answer: Answer | undefined;
}

export async function ask<Answer>(path: string): Promise<Asked<Answer>> {
  try {
    const response = await fetch(`api/v1/${path}`, { headers: { accept: 'application/json' } });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shapes that version 1 of the API promises
    if (response.ok) return { status: response.status, answer: (await response.json()) as Answer };
    const isUnreachable = response.status === 502 || response.status === 504;
    if (isUnreachable) noteLost();
    return { status: isUnreachable ? 0 : response.status, answer: undefined };
  } catch {
    noteLost();
    return { status: 0, answer: undefined };
  }
}

export function askTasks(of: Route, query: Readonly<Record<string, string>>): Promise<Asked<AttemptsAnswer>> {
  return ask(`jobs/${encodeURIComponent(of.job)}/tasks?${new URLSearchParams({ session: of.session, ...query })}`);
}

export function askTree(of: Route, query: Readonly<Record<string, string>>): Promise<Asked<TreeAnswer>> {
  return ask(`jobs/${encodeURIComponent(of.job)}/tree?${new URLSearchParams({ session: of.session, ...query })}`);
}

function isShown(of: Route): boolean {
  const { session, job: id } = route.value;
  return session === of.session && id === of.job;
}

function takeOverview(data: Overview): void {
  overview.value = data;
}

function takeJob(answer: JobAnswer): void {
  batch(() => {
    answeredMs.value = Date.now();
    clockMs.value = Date.now();
    job.value = answer;
    jobPart.value = 'job';
    changes.value += 1;
  });
  refreshSlowly();
}

/** Opens one stream for the overview and the shown job. */
function openStream(): void {
  source?.close();
  clearInterval(polling);
  polling = undefined;
  const of = route.value;
  const query = of.kind === 'job' ? `?${new URLSearchParams({ session: of.session, job: of.job })}` : '';
  source = new EventSource(`api/v1/stream${query}`);
  // oxlint-disable typescript/no-unsafe-type-assertion -- the shapes that version 1 of the API promises
  source.addEventListener('overview', (event) => {
    noteAnswer('', true);
    takeOverview(JSON.parse(String(event.data)) as Overview);
  });
  source.addEventListener('job', (event) => takeJob(JSON.parse(String(event.data)) as JobAnswer));
  // oxlint-enable typescript/no-unsafe-type-assertion
  source.addEventListener('gone', () => {
    jobPart.value = 'gone';
  });
  source.addEventListener('error', () => {
    // The browser reconnects after a lost connection, but not after a refusal.
    if (source?.readyState === EventSource.CLOSED) poll();
    else noteLost();
  });
}

/** Polls instead, because the bridge refused the stream: too many are open. */
function poll(): void {
  if (polling !== undefined) return;
  polling = setInterval(() => void askAll(), POLL_MS);
  void askAll();
}

async function askAll(): Promise<void> {
  const of = route.value;
  const { status: code, answer: status } = await ask<StatusAnswer>('status');
  const { answer: jobs } = await ask<JobsAnswer>('jobs');
  if (status === undefined || jobs === undefined) return noteLost(code === 200 ? 0 : code);
  noteAnswer('Not live: refreshed every 5 s', false);
  takeOverview({ status, jobs });
  if (of.kind !== 'job') return;
  const asked = await ask<JobAnswer>(`jobs/${encodeURIComponent(of.job)}?${new URLSearchParams({ session: of.session })}`);
  if (!isShown(of)) return;
  if (asked.status === 404) jobPart.value = 'gone';
  if (asked.answer !== undefined) takeJob(asked.answer);
}

const refreshSlowly = atMostEvery(SLOW_REFRESH_MS, () => void askSlowly());

async function askSlowly(): Promise<void> {
  const of = route.value;
  if (of.kind !== 'job') return;
  const path = `jobs/${encodeURIComponent(of.job)}`;
  const query = new URLSearchParams({ session: of.session });
  const { answer: foundPath } = await ask<CriticalPathAnswer>(`${path}/critical-path?${query}`);
  const { answer: foundUse } = await ask<NodeUseAnswer>(`${path}/node-use?${query}`);
  if (!isShown(of)) return;
  batch(() => {
    if (foundPath !== undefined) criticalPath.value = foundPath;
    if (foundUse !== undefined) nodeUse.value = foundUse;
  });
}

/** Throttles `work`: runs it at once, or as soon as `ms` have passed since its last run. */
export function atMostEvery(ms: number, work: () => void): () => void {
  let doneMs = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    waiting = undefined;
    doneMs = Date.now();
    work();
  };
  return () => {
    const waitMs = doneMs + ms - Date.now();
    if (waiting !== undefined) return;
    if (waitMs <= 0) run();
    else waiting = setTimeout(run, waitMs);
  };
}

/** Takes the address as it is now. Another job drops all that is known of the one before. */
function followAddress(): void {
  const before = route.value;
  const next = readRoute();
  const isOther = before.kind !== next.kind || before.session !== next.session || before.job !== next.job;
  batch(() => {
    route.value = next;
    if (!isOther) return;
    job.value = undefined;
    criticalPath.value = undefined;
    nodeUse.value = undefined;
    jobPart.value = next.kind === 'unknown' ? 'gone' : 'loading';
  });
  if (!isOther) return;
  openStream();
  window.scrollTo(0, 0);
  // Focus follows navigation, so that a screen reader begins with the new content.
  document.getElementById('main')?.focus({ preventScroll: true });
}

export function start(): void {
  jobPart.value = route.value.kind === 'unknown' ? 'gone' : 'loading';
  window.addEventListener('hashchange', followAddress);
  window.addEventListener('popstate', followAddress);
  setInterval(() => {
    clockMs.value = Date.now();
    const { isLive, isLost, lastDataMs } = connection.value;
    // Detects a dead connection that the browser still considers open.
    if (isLive && !isLost && Date.now() - lastDataMs > MAX_SILENCE_MS) noteLost();
  }, 1_000);
  openStream();
}
