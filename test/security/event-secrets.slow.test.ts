import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { runProgram } from '../../src/command/index.ts';
import { recordCommand } from '../../src/command/record.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { listen, type ListeningServer } from '../../src/http/server.ts';
import { openDiskJournal } from '../../src/journal/index.ts';
import { systemClock } from '../../src/runtime/index.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { createTestBridge, HOURS_MS, until } from '../bridge/bridge-fixture.ts';
import { invocation } from '../cli/invocation.ts';
import { inSnakeCase } from '../support/raw-events.ts';
import { badEvents, brokenBodies, goodEvents, placeOfSecret, SECRET } from './secret-events.ts';

// Whatever an event holds that is a secret reaches no disk, log, metric, answer, page, command's
// output or backend.

const folders: string[] = [];
const servers: ListeningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ray-otel-secrets-'));
  folders.push(folder);
  return folder;
}

async function openIn(dataDir: string) {
  const opened = await openDiskJournal({
    folder: join(dataDir, 'journal'),
    sync: 'interval',
    syncIntervalMs: 5,
    now: () => performance.now(),
    epochMs: Date.now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  if (!opened.ok) throw new Error(opened.message);
  return opened.journal;
}

/** All that a command writes for people. */
async function outputOf(...argv: readonly string[]): Promise<string> {
  // The clock of a test does not move while others work, which `demo` waits for.
  const run = invocation(argv, argv[0] === 'demo' ? { now: systemClock.now, sleep: systemClock.sleep } : {});
  await runProgram(run);
  return run.stdout.text + run.stderr.text;
}

const posted = [goodEvents, goodEvents.map(inSnakeCase), badEvents, [...badEvents, ...goodEvents]];

it('no secret of an event leaves the bridge, whatever becomes of the event', async () => {
  const dataDir = folderOfTest();
  const lines: string[] = [];
  const telemetry = createTelemetry({ logLevel: 'trace', destination: { write: (line) => lines.push(line) } });
  const journal = await openIn(dataDir);
  const settings = { dataDir, view: 'on', runtimeEnv: 'names', inFlight: 'running' } as const;
  const { bridge, backend, pass } = createTestBridge({ telemetry, journal, settings });
  await bridge.start();
  const said: string[] = [];
  const ask = async (path: string, body?: string): Promise<number> => {
    const headers = { host: 'localhost', 'content-type': 'application/json' };
    const response = await bridge.app.request(path, body === undefined ? { headers } : { method: 'POST', body, headers });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    said.push(isStream ? await firstPart(response) : await response.text());
    return response.status;
  };
  const files: { readonly file: string; readonly text: string }[] = [];
  for (const events of posted) {
    expect(await ask('/', JSON.stringify(events))).toBe(200);
    // Before the journal forgets what was exported, and before LevelDB compresses what is left.
    files.push(...readAll(dataDir));
  }
  for (const broken of brokenBodies) expect(await ask('/', broken)).toBe(400);
  await until(() => bridge.stats().quarantineQueued === 0 && bridge.stats().journal.entries === 0);
  for (const path of ['/metrics', '/api/v1/status', '/api/v1/sessions', '/api/v1/jobs?limit=500', '/']) expect(await ask(path)).toBe(200);
  for (const job of ['01000000', '02000000'])
    for (const view of ['', '/tasks?limit=500', '/tree', '/critical-path', '/node-use'])
      expect(await ask(`/api/v1/jobs/${job}${view}`)).toBe(200);
  for (const path of ['/api/v1/stream', '/api/v1/stream?job=01000000']) expect(await ask(path)).toBe(200);

  const listening = await listen(bridge.app.fetch, { host: '127.0.0.1', port: 0 });
  if (!listening.ok) throw new Error(listening.problem);
  servers.push(listening.value);
  const { url } = listening.value;
  said.push(await outputOf('jobs', '--url', url), await outputOf('jobs', '--url', url, '--job', '01000000'));
  said.push(await outputOf('tasks', '--url', url, '--job', '01000000'), await outputOf('doctor', '--ray-address', url, '--bridge', url));
  said.push(await outputOf('doctor', '--json', '--ray-address', url, '--bridge', url, '--endpoint', url));

  pass(3 * HOURS_MS);
  await until(() => backend.spans.length > 5);
  await bridge.stop();
  const quarantined = await outputOf('quarantine', 'list', '--json', '--data-dir', dataDir);
  const ids = quarantined.match(/(?<="id":")e[\w-]+/g) ?? [];
  expect(ids.length).toBeGreaterThan(10);
  said.push(quarantined, await outputOf('quarantine', 'list', '--data-dir', dataDir));
  said.push(await outputOf('quarantine', 'show', ...ids, '--data-dir', dataDir));
  said.push(lines.join(''), [...otlpJsonLines(backend.spans)].join(''));
  // What may be shown was shown: the test would see nothing if nothing came through.
  for (const text of ['python train.py', 'raise ValueError', 'CalledProcessError', 'torch==2.4', 's3://b/k', 'A_NEW_EVENT'])
    expect(said.join('')).toContain(text);
  for (const text of said) expect(placeOfSecret(text)).toBe('');
  files.push(...readAll(dataDir));
  for (const { text } of files) expect(placeOfSecret(text)).toBe('');
  for (const [kind, text] of [
    ['journal', 'CalledProcessError'],
    ['quarantine', 'A_NEW_EVENT'],
  ] as const)
    expect(files.some((each) => each.file.includes(kind) && each.text.includes(text))).toBe(true);
});

it('no secret of an event waits in the outbox while the backend is away', async () => {
  const dataDir = folderOfTest();
  const settings = { dataDir, runtimeEnv: 'names', inFlight: 'running' } as const;
  const { bridge, backend, pass } = createTestBridge({ journal: await openIn(dataDir), settings });
  backend.answer = 'is away';
  await bridge.start();
  const headers = { 'content-type': 'application/json' };
  for (const events of posted) await bridge.app.request('/', { method: 'POST', body: JSON.stringify(events), headers });
  await until(() => bridge.stats().journal.entries === 0);
  pass(3 * HOURS_MS);
  await until(() => bridge.stats().exported.queuedSpans > 5);
  await bridge.stop({ timeoutMs: 2_000 });
  const journal = await openIn(dataDir);
  const { outbox } = journal.durable;
  let text = '';
  for (let number = 0; number < outbox.restored.spans; ) {
    const stored = await outbox.read(number, new AbortController().signal);
    if (stored === undefined) break;
    text += stored.bytes.toString('latin1');
    number = stored.first + stored.count;
  }
  await journal.close();
  expect(text).toContain('CalledProcessError');
  expect(placeOfSecret(text)).toBe('');
  for (const file of readAll(dataDir)) expect(placeOfSecret(file.text)).toBe('');
});

it('no secret of an event is recorded', async () => {
  const file = join(folderOfTest(), 'events.ndjson');
  const run = invocation(['--listen', '127.0.0.1:0', '--output', file]);
  const outcome = recordCommand.run(run);
  const [, url = ''] = await run.stdout.shows(/listening on (\S+)\n[\s\S]*until Ctrl-C/);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET };
  for (const body of [...posted.map((events) => JSON.stringify(events)), ...brokenBodies])
    await fetch(`${url}/?token=${SECRET}`, { method: 'POST', body, headers });
  run.interrupt();
  expect(await outcome).toEqual({ kind: 'done' });
  const recorded = readFileSync(file, 'utf8');
  expect(recorded).toContain('CalledProcessError');
  for (const text of [recorded, run.stdout.text, run.stderr.text]) expect(placeOfSecret(text)).toBe('');
});

it('no secret of an event comes out of a command that reads events from a file, even one that nobody cleaned', async () => {
  const folder = folderOfTest();
  const file = join(folder, 'events.ndjson');
  writeFileSync(file, `${[...goodEvents, ...badEvents].map((event) => JSON.stringify(event)).join('\n')}\n${brokenBodies.join('\n')}\n`);
  const converted = await outputOf('convert', file, '--runtime-env', 'names');
  expect(converted).toContain('CalledProcessError');
  const shown = await outputOf('demo', file);
  expect(shown).toContain('job python train.py');
  for (const text of [converted, shown, await outputOf('replay', file, '--to', 'http://127.0.0.1:1', '--give-up', '1ms')])
    expect(placeOfSecret(text)).toBe('');
});

/** What a stream sends at once. */
async function firstPart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const part = await reader?.read();
  await reader?.cancel();
  return Buffer.from(part?.value ?? []).toString();
}

function readAll(folder: string): { readonly file: string; readonly text: string }[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => {
    const file = join(parentPath, name);
    return { file, text: readFileSync(file).toString('latin1') };
  });
}
