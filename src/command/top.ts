import { duration, type Option, parseOptions } from '../options/index.ts';
import type { JobAnswer, JobsAnswer, StatusAnswer } from '../view/index.ts';
import { type Command, type CommandContext, done, type Outcome, type Output, trouble, usage } from './command.ts';
import { type TopState, topLines } from './top-screen.ts';
import { openClient, type ViewClient, viewOptions } from './view-client.ts';

const options = {
  ...viewOptions,
  intervalMs: {
    flag: '--interval',
    placeholder: '<duration>',
    default: '1s',
    parse: duration('200ms'),
    group: 'Running',
    help: 'Between two looks.',
  },
} satisfies Record<string, Option<unknown>>;

export const topCommand: Command = {
  name: 'top',
  summary: 'a live view of jobs in the terminal',
  usage: '[--url URL] [options]',
  description: [
    'Shows the jobs that a running bridge knows of, and of one of them the functions, what pending tasks wait for, and failures, anew every second. Up and down choose the job; q or Ctrl-C ends it.',
    'It reads what `serve` tells at /api/v1, which needs --view on, the default.',
  ],
  options,
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

async function top(context: CommandContext): Promise<Outcome> {
  const { argv, env, stdout, stdin, stop, sleep } = context;
  const parsed = parseOptions(options, argv, env);
  if (!parsed.ok) return usage(...parsed.problems);
  if (parsed.positionals.length > 0)
    return usage(...parsed.positionals.map((word) => `${JSON.stringify(word)}: no argument is expected here`));
  if (stdout.isTTY !== true) return usage('this is for a terminal; elsewhere use: ray-otel-bridge jobs');
  const opened = openClient(parsed.values, stop);
  if (!opened.ok) return usage(opened.problem);
  const url = `${parsed.values.url.origin}${parsed.values.url.pathname}`;
  let state: TopState = { url, status: undefined, jobs: undefined, job: undefined, problem: undefined, chosen: 0 };
  state = await look(opened.client, state);
  if (state.status === undefined) return trouble(state.problem ?? 'no answer');

  const ended = new AbortController();
  const end = (): void => ended.abort();
  stop.addEventListener('abort', end, { once: true });
  let awake = new AbortController();
  const keys = listenToKeys(stdin, (key) => {
    if (key === 'end') return end();
    const last = Math.max(0, (state.jobs?.jobs.length ?? 1) - 1);
    state = { ...state, chosen: Math.min(last, Math.max(0, state.chosen + (key === 'down' ? 1 : -1))) };
    awake.abort();
  });
  stdout.write(ENTER_SCREEN);
  try {
    while (!ended.signal.aborted) {
      draw(stdout, state);
      awake = new AbortController();
      await sleep(parsed.values.intervalMs, AbortSignal.any([ended.signal, awake.signal]));
      if (!ended.signal.aborted) state = await look(opened.client, state);
    }
  } finally {
    stdout.write(LEAVE_SCREEN);
    keys.stop();
    stop.removeEventListener('abort', end);
  }
  return done;
}

/** What is known of before stays on the screen while there is no answer. */
async function look(client: ViewClient, before: TopState): Promise<TopState> {
  const status = await client.ask<StatusAnswer>('status');
  if (!status.ok) return { ...before, problem: status.problem };
  const jobs = await client.ask<JobsAnswer>('jobs');
  if (!jobs.ok) return { ...before, problem: jobs.problem };
  const { chosen } = before;
  const row = jobs.answer.jobs[Math.min(chosen, jobs.answer.jobs.length - 1)];
  const job = row === undefined ? undefined : await client.ask<JobAnswer>(`jobs/${encodeURIComponent(row.job)}`, { session: row.session });
  return {
    ...before,
    status: status.answer,
    jobs: jobs.answer,
    job: job?.ok === true ? job.answer : undefined,
    problem: job?.ok === false ? job.problem : undefined,
  };
}

function draw(stdout: Output, state: TopState): void {
  const height = 'rows' in stdout && typeof stdout.rows === 'number' ? stdout.rows : 24;
  const lines = topLines(state, { width: stdout.columns ?? 80, height });
  stdout.write(HOME + lines.map((line) => line + ERASE_TO_LINE_END).join('\r\n') + ERASE_BELOW);
}

type Key = 'up' | 'down' | 'end';

const KEYS: ReadonlyMap<string, Key> = new Map([
  ['q', 'end'],
  ['Q', 'end'],
  ['\u0003', 'end'],
  ['\u0004', 'end'],
  ['\u001b[A', 'up'],
  ['\u001bOA', 'up'],
  ['k', 'up'],
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
