import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { EXIT_CODES, runProgram } from '../../src/command/index.ts';
import { listen, type ListeningServer } from '../../src/http/server.ts';
import { topLines } from '../../src/command/top-screen.ts';
import { openClient } from '../../src/command/view-client.ts';
import { tableLines } from '../../src/command/view-text.ts';
import { textWidth } from '../../src/terminal/index.ts';
import type { JobAnswer, JobsAnswer, StatusAnswer } from '../../src/view/index.ts';
import { feed, read, startViewBridge } from '../view/view-bridge.ts';
import { invocation, Screen } from './invocation.ts';
import { freePort, scriptedServer } from './scripted-server.ts';

const features = 'features-ray-2.60.0.ndjson';
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const servers: ListeningServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0);
});

async function serveRecording(settings: Parameters<typeof startViewBridge>[0] = {}, recording = features): Promise<string> {
  const fixture = await startViewBridge(settings);
  await feed(fixture, recording);
  const listening = await listen(fixture.bridge.app.fetch, { host: '127.0.0.1', port: 0 });
  if (!listening.ok) throw new Error(listening.problem);
  servers.push(listening.value);
  return listening.value.url;
}

async function run(...argv: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const context = invocation(argv);
  const code = await runProgram(context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

describe('jobs', () => {
  test('jobs lists all jobs, and --job shows one in detail', async () => {
    const url = await serveRecording();
    const all = await run('jobs', '--url', url);
    expect(all.code).toBe(EXIT_CODES.done);
    expect(all.stdout).toMatch(
      /^STATE +JOB +NAME +STARTED +AGE +DONE +TASKS +PENDING +RUNNING +FAILED +PER S\nended +01000000 +python w_basic.py +2026-11-23 21:48:53Z /,
    );
    const one = await run('jobs', '--url', url, '--job', '01000000');
    expect(one.stdout).toMatch(/^leaf +7 +1 /m);
    expect(one.stdout).toMatch(/a node with CPU 999: no node has as much$/m);
    expect(one.stdout).toMatch(/^ +1 +boom +TASK_EXECUTION_EXCEPTION: RuntimeError: boom: é unicode line2$/m);
    expect(one.stdout).toMatch(/^critical path:\nCRITICAL PATH +SHARE .*\n\(the driver itself\) +54 % +8\.76 ?s/m);
  });

  test('jobs --json prints the answer of the API', async () => {
    const url = await serveRecording();
    const answer = JSON.parse((await run('jobs', '--url', url, '--json')).stdout) as JobsAnswer;
    expect(answer.jobs[0]?.job).toBe('01000000');
    expect(
      (JSON.parse((await run('jobs', '--url', url, '--job', '01000000', '--json')).stdout) as JobAnswer).functions.length,
    ).toBeGreaterThan(5);
  });

  test('jobs reports why the bridge does not answer', async () => {
    const url = await serveRecording({ settings: { readTokens: ['the-reader-token-0123456789'] } });
    expect(await run('jobs', '--url', url)).toMatchObject({ code: 1, stderr: expect.stringContaining('requires a token') as string });
    expect((await run('jobs', '--url', url.replace('//', '//x:the-reader-token-0123456789@'))).code).toBe(0);
    expect((await run('jobs', '--url', `http://127.0.0.1:${await freePort()}`)).stderr).toContain('nothing listens there');
    const page = await scriptedServer([{ status: 200, body: '<html>' }]);
    expect((await run('jobs', '--url', page.url)).stderr).toContain('is not a bridge with a live view');
    const older = await scriptedServer([{ status: 404, body: '{"error":{"code":"not_found","message":"nothing"}}' }]);
    expect((await run('jobs', '--url', older.url)).stderr).toContain('--view off');
    const silent = await scriptedServer(['silent']);
    expect((await run('jobs', '--url', silent.url, '--timeout', '20ms')).stderr).toContain('no answer in time');
    expect(await run('jobs', '--read-token-file', '/nowhere')).toMatchObject({ code: 2 });
  });
});

describe('finding a job', () => {
  const nodeDeath = 'node-death-three-jobs-ray-2.60.0.ndjson';

  test('a job is found by its id, its name or its submission id, without a flag', async () => {
    const url = await serveRecording({}, 'job-submit-ray-2.60.0.ndjson');
    for (const id of ['03000000', 'raysubmit_iDgX7FqSnxeZ2EPa'])
      expect((await run('jobs', id, '--url', url, '-o', 'name')).stdout).toBe('03000000\n');
    expect((await run('jobs', '03000000', '02000000', '--url', url, '-o', 'name')).stdout).toBe('03000000\n02000000\n');
    expect((await run('jobs', '--latest', '--url', url, '-o', 'name')).stdout).toBe('03000000\n');
  });

  test('a name that several jobs have is refused with the candidates, and --latest takes the newest', async () => {
    const url = await serveRecording({}, nodeDeath);
    const rows = (JSON.parse((await run('jobs', '--url', url, '-o', 'json')).stdout) as JobsAnswer).jobs;
    const server = await scriptedServer([{ status: 200, body: JSON.stringify({ jobs: rows.map((row) => ({ ...row, name: 'train' })) }) }]);
    const { code, stderr } = await run('jobs', 'train', '--url', server.url);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /several jobs match train:\n(.* 0[123]000000 {2}session_\S+ {2}2026-11-23 21:5[56]:\d\dZ {2}train\n){3}.*--latest\n$/,
    );
    expect((await run('jobs', 'train', '--latest', '--url', server.url, '-o', 'name')).stdout).toBe('03000000\n');
  });

  test('an unknown job is reported with what to do', async () => {
    const url = await serveRecording();
    expect(await run('jobs', 'nothing', '--url', url)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no job nothing: .*See: ray-otel-bridge jobs/) as string,
    });
  });
});

describe('output formats', () => {
  test('yaml is the answer of the API, and name prints ids only', async () => {
    const url = await serveRecording();
    const { body } = await read((await startViewBridge()).bridge.app, '/api/v1/jobs');
    expect(Object.keys(parse((await run('jobs', '--url', url, '-o', 'yaml')).stdout) as object).toSorted()).toEqual(
      Object.keys(body).toSorted(),
    );
    const asJson = JSON.parse((await run('jobs', '01000000', '--url', url, '-o', 'json')).stdout) as JobAnswer;
    const asYaml = parse((await run('jobs', '01000000', '--url', url, '-o', 'yaml')).stdout) as JobAnswer;
    expect(asYaml.functions).toEqual(asJson.functions);
    expect(asYaml.failures).toEqual(asJson.failures);
    expect((await run('jobs', '--url', url, '-o', 'name')).stdout).toBe('01000000\n');
    expect((await run('tasks', '01000000', '--state', 'failed', '--url', url, '-o', 'name')).stdout).toMatch(/^(?:[0-9a-f]{48}\n){3}$/);
    expect(await run('jobs', '-o', 'xml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('table, wide, json, yaml, name') as string,
    });
  });

  test.each([
    [80, 'STATE NAME AGE PENDING RUNNING FAILED', 'JOB TASKS'],
    [130, 'STATE JOB NAME STARTED AGE DONE TASKS PENDING RUNNING FAILED PER S', ''],
  ])('a terminal of %i columns keeps the most important columns', async (columns, kept, also) => {
    const url = await serveRecording();
    const context = invocation(['jobs', '--url', url]);
    const stdout = Object.assign(new Screen(true), { columns });
    await runProgram({ ...context, stdout });
    const [head = '', row = ''] = stdout.text.split('\n');
    for (const title of [...kept.split(' '), ...also.split(' ')]) expect(head).toContain(title);
    expect(row).toMatch(/3 *(?:\d\.\d)?$/);
    for (const line of stdout.text.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(columns);
  });

  test('wide adds the session, the submission and the trace', async () => {
    expect((await run('jobs', '-o', 'wide', '--url', await serveRecording())).stdout).toMatch(
      /SUBMISSION +SESSION +TRACE\n.* session_2026\S+ +[0-9a-f]{32}\n/,
    );
  });

  test('--since leaves out jobs that ended before, and --watch prints again until it is stopped', async () => {
    const url = await serveRecording({}, 'job-submit-ray-2.60.0.ndjson');
    expect((await run('jobs', '--since', '1s', '--url', url)).stdout).toMatch(/^no job since/);
    expect((await run('jobs', '--since', '500d', '--url', url, '-o', 'name')).stderr).toContain('--since');
    const context = invocation(['jobs', '--watch', '--url', url]);
    let prints = 0;
    const sleep = (): Promise<void> => {
      prints += 1;
      if (prints === 3) context.interrupt();
      return Promise.resolve();
    };
    expect(await runProgram({ ...context, sleep })).toBe(EXIT_CODES.done);
    expect(context.stdout.text.match(/^STATE /gm)).toHaveLength(3);
  });
});

describe('tasks', () => {
  test('without pending tasks, tasks says where the failed ones are', async () => {
    const url = await serveRecording({}, 'job-submit-ray-2.60.0.ndjson');
    expect((await run('tasks', '03000000', '--state', 'pending', '--url', url)).stdout).toBe(
      'nothing pending; 1 task failed: ray-otel-bridge tasks 03000000 --state failed\n',
    );
  });

  test('tasks lists the tasks of a state with what they wait for', async () => {
    const url = await serveRecording();
    const { code, stdout } = await run('tasks', '--url', url, '--job', '01000000', '--state', 'pending');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pending node +leaf +0 +.*waits for a node with CPU 999: no node has as much$/m);
    expect(stdout).toMatch(/\d+ tasks?\n$/);
    const json = await run('tasks', '--url', url, '--job', '01000000', '--name', 'flaky', '--json');
    expect((JSON.parse(json.stdout) as { total: number }).total).toBe(1);
    expect((await run('tasks', '--url', url, '--job', '01000000', '--limit', '3')).stdout).toMatch(/3 tasks of \d+ tasks\n$/);
  });

  test('tasks reports wrong options and unknown jobs', async () => {
    expect(await run('tasks')).toMatchObject({ code: 2, stderr: expect.stringContaining('JOB is required') as string });
    expect(await run('tasks', '--job', '01000000', '--state', 'asleep')).toMatchObject({ code: 2 });
    const url = await serveRecording();
    expect(await run('tasks', '--url', url, '--job', '99')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('job_not_found') as string,
    });
  });
});

describe('jobs of Ray itself', () => {
  const submitted = 'job-submit-ray-2.60.0.ndjson';

  test('jobs hides and counts jobs of Ray itself without --internal', async () => {
    const url = await serveRecording({}, submitted);
    const some = await run('jobs', '--url', url);
    expect(some.stdout).toMatch(
      /\n.* 03000000 .*\n {2}Finished; 1 task failed.*\n.* 02000000 .*\n {2}Ended after 3 s\. .*\n1 job of Ray itself hidden \(show with --internal\)\n$/,
    );
    expect(some.stdout).not.toContain('01000000');
    const all = await run('jobs', '--url', url, '--internal');
    expect(all.stdout).toMatch(/ 02000000 .*\n.*\nrunning +01000000 +01000000 \(of Ray itself\) .*\n {2}Running: no task yet\.\n$/);
    const json = JSON.parse((await run('jobs', '--url', url, '--json')).stdout) as JobsAnswer;
    expect(json.jobs.map(({ isInternal }) => isInternal)).toEqual([false, false, true]);
  });

  test('top hides jobs of Ray itself and never selects them until i is pressed', async () => {
    const url = await serveRecording({}, submitted);
    const keys = new PassThrough();
    const context = { ...invocation(['top', '--url', url], { stdin: keys }), stdout: new Screen(true) };
    const ended = runProgram(context);
    await context.stdout.shows(/> ended +03000000[^]*i: show 1 of Ray itself/);
    keys.write('\u001b[B');
    await context.stdout.shows(/> ended +02000000/);
    keys.write('\u001b[B');
    await context.stdout.shows(/> ended +02000000(?![^]*> )/);
    expect(context.stdout.text).not.toContain('01000000');
    keys.write('i');
    await context.stdout.shows(/running +01000000[^]*i: hide jobs of Ray itself/);
    keys.write('\u001b[B');
    await context.stdout.shows(/> running +01000000/);
    keys.write('i');
    await context.stdout.shows(/> ended +02000000[^]*i: show 1 of Ray itself(?![^]*> running)/);
    keys.write('q');
    expect(await ended).toBe(EXIT_CODES.done);
  });
});

describe('top', () => {
  test('top shows the jobs until q is pressed, and restores the terminal', async () => {
    const url = await serveRecording();
    const stdin = new PassThrough();
    const raw: boolean[] = [];
    const stdout = new Screen(true);
    const context = {
      ...invocation(['top', '--url', url], { stdin: Object.assign(stdin, { setRawMode: (is: boolean) => raw.push(is) }) }),
      stdout,
    };
    const ended = runProgram(context);
    await stdout.shows(/> ended +01000000/);
    stdin.write('\u001b[B');
    stdin.write('q');
    expect(await ended).toBe(EXIT_CODES.done);
    expect(stdout.text.startsWith('\u001b[?1049h')).toBe(true);
    expect(stdout.text.endsWith('\u001b[?1049l')).toBe(true);
    expect(raw).toEqual([true, false]);
  });

  const terminal = (argv: readonly string[]): ReturnType<typeof invocation> & { readonly keys: PassThrough } => {
    const keys = new PassThrough();
    return { ...invocation(argv, { stdin: keys }), stdout: new Screen(true), keys };
  };

  test('top shows changes as they stream in, and polls nothing', async () => {
    const fixture = await startViewBridge({ settings: { readTokens: ['the-reader-token-0123456789'] } });
    const asked: string[] = [];
    const listening = await listen(
      (request) => {
        asked.push(new URL(request.url).pathname);
        return fixture.bridge.app.fetch(request);
      },
      { host: '127.0.0.1', port: 0 },
    );
    if (!listening.ok) throw new Error(listening.problem);
    servers.push(listening.value);
    const context = terminal(['top', '--url', listening.value.url.replace('//', '//x:the-reader-token-0123456789@')]);
    const ended = runProgram(context);
    await context.stdout.shows(/no job yet/);
    await feed(fixture, features);
    await context.stdout.shows(/> \w+ +01000000/);
    await context.stdout.shows(/FUNCTION +ATTEMPTS/);
    context.keys.write('q');
    expect(await ended).toBe(EXIT_CODES.done);
    expect(asked.toSorted()).toEqual(['/api/v1/jobs', '/api/v1/stream', '/api/v1/stream']);
    expect(context.sleptMs).toEqual([]);
    expect(context.stdout.text).not.toContain('the-reader-token');
  });

  test('top keeps the last answers while the bridge is unreachable, reconnects with growing pauses, and continues', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const serve = async (port: number): Promise<ListeningServer> => {
      const listening = await listen(fixture.bridge.app.fetch, { host: '127.0.0.1', port });
      if (!listening.ok) throw new Error(listening.problem);
      return listening.value;
    };
    const first = await serve(0);
    const context = terminal(['top', '--url', first.url]);
    const ended = runProgram(context);
    await context.stdout.shows(/FUNCTION +ATTEMPTS/);
    await first.close(0);
    await context.stdout.shows(/nothing listens there; next try in 1[01](?:\.\d+)? s[^]*> \w+ +01000000/);
    expect(context.sleptMs.slice(0, 6)).toEqual([562.5, 1125, 2250, 4500, 9000, 11_250]);
    expect(Math.max(...context.sleptMs)).toBe(11_250);
    const before = context.stdout.text.length;
    servers.push(await serve(Number(new URL(first.url).port)));
    await context.stdout.shows(new RegExp(`^[^]{${before},}running\\u001b`));
    context.keys.write('q');
    expect(await ended).toBe(EXIT_CODES.done);
  });

  test('top follows the selected job and shows a refusal of the bridge', async () => {
    const url = await serveRecording();
    const answer = (await (await fetch(`${url}/api/v1/jobs`)).json()) as JobsAnswer;
    const other = { ...answer, jobs: [...answer.jobs, ...answer.jobs.map((row) => ({ ...row, job: '02000000' }))] };
    const busy = '{"error":{"code":"view_busy","message":"as many streams are open as may be"}}';
    const server = await scriptedServer([{ status: 200, body: JSON.stringify(other) }, { status: 503, body: busy }, 'silent']);
    const context = terminal(['top', '--url', server.url]);
    const ended = runProgram(context);
    await context.stdout.shows(/as many streams are open as may be \(view_busy\); next try in/);
    context.keys.write('\u001b[B');
    await context.stdout.shows(/> ended +02000000/);
    await vi.waitFor(() => expect(server.posts.at(-1)?.url).toContain('&job=02000000'));
    context.keys.write('q');
    expect(await ended).toBe(EXIT_CODES.done);
    expect(server.posts[1]?.url).toMatch(/^\/api\/v1\/stream\?session=session_[\w-]+&job=01000000$/);
  });

  test('a silent stream counts as disconnected after a time', async () => {
    const server = await scriptedServer(['silent']);
    const options = { url: new URL(server.url), readTokenFile: undefined, readTokens: [], timeoutMs: 20 };
    const opened = openClient(options, new AbortController().signal, 20);
    expect(opened.ok && (await opened.value.follow('stream', {}, new AbortController().signal, () => {}))).toMatch(/sent nothing in time$/);
  });

  test('top requires a terminal and a bridge', async () => {
    expect(await run('top')).toMatchObject({ code: 2, stderr: expect.stringContaining('ray-otel-bridge jobs') as string });
    const context = { ...invocation(['top', '--url', `http://127.0.0.1:${await freePort()}`]), stdout: new Screen(true) };
    expect(await runProgram(context)).toBe(EXIT_CODES.failed);
    expect(context.stdout.text).toBe('');
  });

  test('top fits any screen with any names', async () => {
    const fixture = await startViewBridge();
    await feed(fixture, features);
    const { app } = fixture.bridge;
    const body = async (path: string): Promise<unknown> => (await read(app, path)).body;
    const status = (await body('/api/v1/status')) as StatusAnswer;
    const jobs = (await body('/api/v1/jobs')) as JobsAnswer;
    const job = (await body('/api/v1/jobs/01000000')) as JobAnswer;
    const hostile = '\u001b[2J\u202e\u2028界😀'.repeat(20);
    const [first] = jobs.jobs;
    if (first === undefined) throw new Error('no job');
    const state = {
      url: 'http://x',
      status,
      problem: undefined,
      showsInternal: false,
      selected: 30,
      jobs: { ...jobs, jobs: Array.from({ length: 50 }, () => ({ ...first, name: hostile })) },
      job: {
        ...job,
        functions: job.functions.map((row) => ({ ...row, function: hostile })),
        waiting: job.waiting.map((row) => ({ ...row, waitsFor: hostile, function: hostile })),
      },
    };
    for (const [width, height] of [
      [80, 24],
      [40, 10],
      [200, 60],
      [20, 5],
    ] as const) {
      const lines = topLines(state, { width, height });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) {
        expect(textWidth(line)).toBeLessThanOrEqual(width);
        expect(line).not.toMatch(steering);
      }
      if (height > 20) expect(lines.filter((line) => line.startsWith('>'))).toHaveLength(1);
    }
    expect(topLines({ ...state, jobs: { ...jobs, jobs: [] }, job: undefined }, { width: 80, height: 24 }).join('\n')).toContain(
      'no job yet',
    );
    expect(topLines({ ...state, problem: 'away\u001b' }, { width: 80, height: 24 })[1]).toContain('away\\u001b');
  });
});

test('a table uses the available width and never more', () => {
  const rows = [{ a: 'x'.repeat(300), b: '1' }];
  const columns = [
    { title: 'A', text: (row: (typeof rows)[0]) => row.a, isWide: true },
    { title: 'B', text: (row: (typeof rows)[0]) => row.b, isRight: true },
  ];
  expect(tableLines(columns, rows, 40).map((line) => textWidth(line))).toEqual([40, 40]);
  expect(tableLines(columns, rows, undefined).map((line) => textWidth(line))).toEqual([203, 203]);
});
