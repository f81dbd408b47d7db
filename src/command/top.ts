import { parseOptions } from '../options/index.ts';
import type { JobAnswer, JobsAnswer, StatusAnswer } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, type Output, failed, usage } from './command.ts';
import { shownJobs, type TopState, topLines } from './top-screen.ts';
import { openClient, type ViewClient, VIEW_OPTIONS } from './view-client.ts';
import { durationText } from './view-text.ts';

export const topCommand: Command = {
  name: 'top',
  summary: 'watch jobs live in the terminal',
  usage: '[--url URL] [options]',
  description: [
    "Shows the jobs that a running bridge knows, and for the selected job its functions, what its pending tasks wait for, and its failures. Up and down select a job, i shows or hides Ray's own jobs, q or Ctrl-C quits.",
    'It follows the stream of `serve` at /api/v1/stream, which requires --view on (the default). While the bridge is unreachable, it keeps the last answers on the screen and reconnects.',
  ],
  options: VIEW_OPTIONS,
  examples: [
    { purpose: 'on the machine of the bridge', line: 'ray-otel-bridge top' },
    { purpose: 'from another machine', line: 'ray-otel-bridge top --url http://bridge:8080 --read-token-file reader' },
  ],
  run: top,
};

const ENTER_SCREEN = '\u001b[?1049h\u001b[?25l';
const LEAVE_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_TO_LINE_END = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** First pause before a reconnect. It doubles up to `MAX_RETRY_MS`. */
const RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

async function top(context: CommandContext): Promise<Outcome> {
  const { argv, env, stdout, stdin, stop } = context;
  const parsed = parseOptions(VIEW_OPTIONS, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0) return usage(...parsed.positionals.map((word) => `unexpected argument ${JSON.stringify(word)}`));
  if (stdout.isTTY !== true) return usage('standard output is not a terminal; use: ray-otel-bridge jobs');
  const opened = openClient(parsed.values, stop);
  if (!opened.ok) return usage(opened.problem);
  // A problem at the start is reported as by every other command, without the screen.
  const first = await opened.value.ask<JobsAnswer>('jobs');
  if (!first.ok) return failed(first.problem);
  const url = `${parsed.values.url.origin}${parsed.values.url.pathname}`;
  const start: TopState = {
    url,
    status: undefined,
    jobs: first.value,
    showsInternal: false,
    job: undefined,
    problem: undefined,
    selected: 0,
  };

  stdout.write(ENTER_SCREEN);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  stop.addEventListener('abort', end, { once: true });
  const follower = createFollower(opened.value, start, (state) => draw(stdout, state));
  const keys = listenToKeys(stdin, (key) => {
    if (key === 'end') end();
    else if (key === 'internal') follower.toggleInternal();
    else follower.select(key === 'down' ? 1 : -1);
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
  /** Moves the selection by `rows`. */
  select(rows: number): void;
  /** Shows or hides Ray's own jobs. */
  toggleInternal(): void;
  run(signal: AbortSignal, context: Pick<CommandContext, 'sleep' | 'random'>): Promise<void>;
}

/** Follows the stream of the selected job. Keeps the last answers on the screen while the bridge is unreachable. */
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

  /** Keeps the same job selected when its row moves. */
  function keepSelection(): void {
    const at = shownJobs(state).findIndex(({ job, session }) => job === topic?.job && session === topic.session);
    state = { ...state, selected: at === -1 ? clamp(state.selected, state) : at };
    moveTo(topicOf(state));
  }

  function onEvent(event: string, data: unknown): void {
    failures = 0;
    // oxlint-disable typescript/no-unsafe-type-assertion -- the shapes that version 1 of the API promises
    if (event === 'overview') {
      const { status, jobs } = data as { readonly status: StatusAnswer; readonly jobs: JobsAnswer };
      state = { ...state, status, jobs, problem: undefined };
      keepSelection();
    } else if (event === 'job') state = { ...state, job: data as JobAnswer };
    else if (event === 'gone') state = { ...state, job: undefined };
    // oxlint-enable typescript/no-unsafe-type-assertion
    show(state);
  }

  return {
    select(rows) {
      state = { ...state, selected: clamp(state.selected + rows, state) };
      moveTo(topicOf(state));
      show(state);
    },
    toggleInternal() {
      state = { ...state, showsInternal: !state.showsInternal };
      keepSelection();
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

/** Job whose details the stream sends. */
interface Topic {
  readonly session: string;
  readonly job: string;
}

function topicOf(state: TopState): Topic | undefined {
  const row = shownJobs(state)[state.selected];
  return row === undefined ? undefined : { session: row.session, job: row.job };
}

function clamp(row: number, state: TopState): number {
  return Math.max(0, Math.min(row, shownJobs(state).length - 1));
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

/** Calls `onKey` with each key. Turns off the echo of a terminal meanwhile. */
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
