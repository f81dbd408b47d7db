import { parseOptions } from '../options/index.ts';
import type { JobAnswer, JobsAnswer, StatusAnswer } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, type Output, failed, usage } from './command.ts';
import { shownJobs, type TopState, topLines } from './top-screen.ts';
import { openClient, type ViewClient, VIEW_OPTIONS } from './view-client.ts';
import { durationText } from './view-text.ts';

export const topCommand: Command = {
  name: 'top',
  summary: 'a live view of jobs in the terminal',
  usage: '[--url URL] [options]',
  description: [
    'Shows the jobs that a running bridge knows of, and of one of them the functions, what pending tasks wait for, and failures, as they change. Up and down choose the job; i shows and hides jobs of Ray itself; q or Ctrl-C ends it.',
    'It follows what `serve` tells at /api/v1/stream, which needs --view on, the default. When the bridge is away, it shows what was known, and tries again.',
  ],
  options: VIEW_OPTIONS,
  examples: [
    { says: 'on the machine of the bridge', line: 'ray-otel-bridge top' },
    { says: 'from elsewhere', line: 'ray-otel-bridge top --url http://bridge:8080 --read-token-file reader' },
  ],
  run: top,
};

const ENTER_SCREEN = '\u001b[?1049h\u001b[?25l';
const LEAVE_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_TO_LINE_END = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Between two tries to reach a bridge that is away: twice as long each time, up to the last. */
const RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

async function top(context: CommandContext): Promise<Outcome> {
  const { argv, env, stdout, stdin, stop } = context;
  const parsed = parseOptions(VIEW_OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage(...parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}`));
  if (stdout.isTTY !== true) return usage('this is for a terminal; elsewhere use: ray-otel-bridge jobs');
  const opened = openClient(parsed.values, stop);
  if (!opened.ok) return usage(opened.problem);
  // What is wrong from the start is told as it is by every other command.
  const first = await opened.client.ask<JobsAnswer>('jobs');
  if (!first.ok) return failed(first.problem);
  const url = `${parsed.values.url.origin}${parsed.values.url.pathname}`;
  const start: TopState = {
    url,
    status: undefined,
    jobs: first.answer,
    showsInternal: false,
    job: undefined,
    problem: undefined,
    chosen: 0,
  };

  stdout.write(ENTER_SCREEN);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  stop.addEventListener('abort', end, { once: true });
  const follower = createFollower(opened.client, start, (state) => draw(stdout, state));
  const keys = listenToKeys(stdin, (key) => {
    if (key === 'end') end();
    else if (key === 'internal') follower.toggleInternal();
    else follower.choose(key === 'down' ? 1 : -1);
  });
  try {
    await follower.run(ended.signal, context);
  } finally {
    stdout.write(LEAVE_SCREEN);
    keys.stop();
    stop.removeEventListener('abort', end);
  }
  return done;
}

interface Follower {
  /** The job so many rows below. */
  choose(rows: number): void;
  /** Shows jobs of Ray itself, or hides them again. */
  toggleInternal(): void;
  run(signal: AbortSignal, world: Pick<CommandContext, 'sleep' | 'random'>): Promise<void>;
}

/** Follows the stream of the job that is chosen. What was known before stays on the screen while the bridge is away. */
function createFollower(client: ViewClient, start: TopState, show: (state: TopState) => void): Follower {
  let state = start;
  let topic = topicOf(state);
  let moved = new AbortController();
  let failures = 0;

  function set(change: Partial<TopState>): void {
    state = { ...state, ...change };
    show(state);
  }

  function moveTo(next: Topic | undefined): void {
    if (next?.job === topic?.job && next?.session === topic?.session) return;
    topic = next;
    state = { ...state, job: undefined };
    moved.abort();
  }

  /** Rows move as jobs come and go: the job stays chosen as long as it is there. */
  function chooseSame(): void {
    const at = shownJobs(state).findIndex(({ job, session }) => job === topic?.job && session === topic.session);
    state = { ...state, chosen: at === -1 ? clamp(state.chosen, state) : at };
    moveTo(topicOf(state));
  }

  function onEvent(event: string, data: unknown): void {
    failures = 0;
    // oxlint-disable typescript/no-unsafe-type-assertion -- the shapes that version 1 of the API promises
    if (event === 'overview') {
      const { status, jobs } = data as { readonly status: StatusAnswer; readonly jobs: JobsAnswer };
      state = { ...state, status, jobs, problem: undefined };
      chooseSame();
    } else if (event === 'job') state = { ...state, job: data as JobAnswer };
    else if (event === 'gone') state = { ...state, job: undefined };
    // oxlint-enable typescript/no-unsafe-type-assertion
    show(state);
  }

  return {
    choose(rows) {
      state = { ...state, chosen: clamp(state.chosen + rows, state) };
      moveTo(topicOf(state));
      show(state);
    },
    toggleInternal() {
      state = { ...state, showsInternal: !state.showsInternal };
      chooseSame();
      show(state);
    },
    async run(signal, { sleep, random }) {
      show(state);
      while (!signal.aborted) {
        moved = new AbortController();
        const either = AbortSignal.any([signal, moved.signal]);
        const problem = await client.follow('stream', { ...topic }, either, onEvent);
        if (problem === undefined) continue;
        const delayMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failures) * (1 + random() / 4);
        failures += 1;
        set({ problem: `${problem}; next try in ${durationText(delayMs)}` });
        await sleep(delayMs, either);
      }
    },
  };
}

interface Topic {
  readonly session: string;
  readonly job: string;
}

function topicOf(state: TopState): Topic | undefined {
  const row = shownJobs(state)[state.chosen];
  return row === undefined ? undefined : { session: row.session, job: row.job };
}

function clamp(chosen: number, state: TopState): number {
  return Math.max(0, Math.min(chosen, shownJobs(state).length - 1));
}

function draw(stdout: Output, state: TopState): void {
  const height = 'rows' in stdout && typeof stdout.rows === 'number' ? stdout.rows : 24;
  const lines = topLines(state, { width: stdout.columns ?? 80, height });
  stdout.write(HOME + lines.map((line) => line + ERASE_TO_LINE_END).join('\r\n') + ERASE_BELOW);
}

type Key = 'up' | 'down' | 'internal' | 'end';

const KEYS: ReadonlyMap<string, Key> = new Map([
  ['q', 'end'],
  ['Q', 'end'],
  ['\u0003', 'end'],
  ['\u0004', 'end'],
  ['\u001b[A', 'up'],
  ['\u001bOA', 'up'],
  ['k', 'up'],
  ['i', 'internal'],
  ['\u001b[B', 'down'],
  ['\u001bOB', 'down'],
  ['j', 'down'],
]);

/** Keys as they are pressed; a terminal is told not to echo them. */
function listenToKeys(stdin: CommandContext['stdin'], onKey: (key: Key) => void): { readonly stop: () => void } {
  const setRawMode = (isRaw: boolean): void => {
    if (isTerminalInput(stdin)) stdin.setRawMode(isRaw);
  };
  const onData = (chunk: Buffer | string): void => {
    const text = chunk.toString();
    const whole = KEYS.get(text);
    if (whole !== undefined) return onKey(whole);
    for (const character of text) {
      const key = KEYS.get(character);
      if (key !== undefined) onKey(key);
    }
  };
  setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return {
    stop() {
      setRawMode(false);
      stdin.off('data', onData);
      stdin.pause();
    },
  };
}

function isTerminalInput(stdin: CommandContext['stdin']): stdin is CommandContext['stdin'] & { setRawMode(isRaw: boolean): void } {
  return 'setRawMode' in stdin && typeof stdin.setRawMode === 'function';
}
