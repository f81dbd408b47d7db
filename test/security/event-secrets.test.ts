import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { otlpJsonLines } from '../../src/export/index.ts';
import { openDiskJournal } from '../../src/journal/index.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { createTestBridge, HOURS_MS, until } from '../bridge/bridge-fixture.ts';
import { everyTypeOfEvent } from '../event/every-type.ts';
import { inSnakeCase, type Raw, rawEvent, rawLifecycle, TIME } from '../event/raw-events.ts';

// Whatever an event holds that is a secret reaches no disk, log, metric, answer, page or backend.

const SECRET = 'Qz7hunter2';
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** In the places where secrets are found in real events, in each type that has them. */
const TEXTS = {
  entrypoint: `TOKEN=${SECRET} PW="a \\"${SECRET}\\"" python /app/train.py --key ${SECRET}`,
  serializedRuntimeEnv: JSON.stringify({
    env_vars: { API_KEY: SECRET },
    pip: [`p @ https://u:${SECRET}@h/p.whl`, `--index-url=https://${SECRET}@h`],
    working_dir: `s3://u:${SECRET}@b/k?sig=${SECRET}`,
    [SECRET]: 1,
  }),
  errorMessage: `raise ValueError("password='${SECRET}'") at https://u:${SECRET}@h/p?t=${SECRET}#${SECRET}\n{'env_vars': {'A': '${SECRET}'}}`,
  exitDetail: `Authorization: Bearer ${SECRET}`,
  reasonMessage: `token=${SECRET}`,
  callSite: `  f.options(runtime_env={"env_vars": {"A": "${SECRET}"}}).remote(api_key="${SECRET}")`,
  message: `Cookie: sid=${SECRET}`,
  extraData: JSON.stringify({ type: "<class 'E'>", value: `secret: ${SECRET}`, traceback: `x(password="${SECRET}")`, mine: SECRET }),
  serializedException: Buffer.from(SECRET).toString('base64'),
};
const METADATA = { owner_token: SECRET, [SECRET]: 'x', job_name: 'nightly' };

/** The event with secrets in its own fields, and in some that no release of Ray has. */
function withSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (key === 'metadata' && !('platform' in value)) return [key, METADATA];
    const text: unknown = Reflect.get(TEXTS, key);
    return [key, typeof inner === 'string' && text !== undefined ? text : withSecrets(inner)];
  });
  return Object.fromEntries(entries);
}

const good = everyTypeOfEvent.map((event, index) => ({ ...(withSecrets(event) as Raw), eventId: `event-${index}`, authToken: SECRET }));
const bad: unknown[] = [
  SECRET,
  [SECRET],
  { password: SECRET, [SECRET]: SECRET },
  { ...rawLifecycle(), sessionName: `\n${SECRET}` },
  { ...rawLifecycle(), eventId: `${SECRET}\u0000` },
  { ...rawLifecycle(), eventType: SECRET },
  { ...rawLifecycle(), eventType: `password=${SECRET}` },
  rawLifecycle({ taskId: SECRET, command: SECRET }),
  rawLifecycle({ stateTransitions: [{ state: { [SECRET]: SECRET } }] }),
  rawEvent('TASK_EXECUTION_EVENT', 'taskExecutionEvent', { taskId: 'x', taskState: { [SECRET]: TIME } }),
  rawEvent('A_NEW_EVENT', 'newEvent', { env: { [SECRET]: SECRET }, command: `run ${SECRET}`, metadata: METADATA, [SECRET]: 1 }),
  rawEvent(
    'A_NEW_AUTOSCALER_EVENT',
    'autoscalerEvent',
    { pw: SECRET },
    { sourceType: 'AUTOSCALER', message: `token: ${SECRET}`, eventId: '' },
  ),
  JSON.parse(`${'{"a":'.repeat(80)}"${SECRET}"${'}'.repeat(80)}`),
];

it('no secret of an event leaves the bridge, whatever becomes of the event', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ray-otel-secrets-'));
  folders.push(dataDir);
  const lines: string[] = [];
  const telemetry = createTelemetry({ logLevel: 'trace', destination: { write: (line) => lines.push(line) } });
  const journal = await openDiskJournal({
    folder: join(dataDir, 'journal'),
    sync: 'interval',
    syncIntervalMs: 5,
    now: () => performance.now(),
    epochMs: Date.now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  if (!journal.ok) throw new Error(journal.message);
  const { bridge, backend, pass } = createTestBridge({ telemetry, journal: journal.journal, settings: { dataDir, view: 'on' } });
  await bridge.start();
  const said: string[] = [];
  const ask = async (path: string, body?: string): Promise<number> => {
    const headers = { host: 'localhost', 'content-type': 'application/json' };
    const response = await bridge.app.request(path, body === undefined ? { headers } : { method: 'POST', body, headers });
    said.push(await response.text());
    return response.status;
  };
  for (const events of [good, good.map(inSnakeCase), bad, [...bad, ...good]]) expect(await ask('/', JSON.stringify(events))).toBe(200);
  for (const broken of [`[{"password": "${SECRET}"`, `{"password": "${SECRET}"} x`]) expect(await ask('/', broken)).toBe(400);
  await until(() => bridge.stats().quarantineQueued === 0 && bridge.stats().journal.entries === 0);
  for (const path of ['/metrics', '/api/v1/status', '/api/v1/sessions', '/api/v1/jobs', '/']) expect(await ask(path)).toBe(200);
  for (const view of ['', '/tasks', '/tree', '/critical-path', '/node-use']) expect(await ask(`/api/v1/jobs/01000000${view}`)).toBe(200);
  pass(3 * HOURS_MS);
  await until(() => backend.spans.length > 5);
  await bridge.stop();
  said.push(lines.join(''), [...otlpJsonLines(backend.spans)].join(''));
  // What may be shown was shown: the test would see nothing if nothing came through.
  expect(said.join('')).toContain('python train.py');
  expect(said.join('')).toContain('raise ValueError');
  for (const text of said) expect(placeOf(text)).toBe('');
  for (const file of filesIn(dataDir)) expect(placeOf(readFileSync(file).toString('latin1'))).toBe('');
  expect(filesIn(dataDir).some((file) => file.includes('quarantine'))).toBe(true);
});

function placeOf(text: string): string {
  for (const secret of [SECRET, TEXTS.serializedException]) {
    const at = text.indexOf(secret);
    if (at >= 0) return text.slice(Math.max(0, at - 200), at + 100);
  }
  return '';
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}
