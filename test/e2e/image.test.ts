import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandOf, copyOf, lastOf, parseDockerfile, type Stage, variablesOf } from '../support/dockerfile.ts';
import { checkTraces } from '../support/oracle.ts';
import { readOtlpJsonLines } from '../support/otlp-spans.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { bridgeCommand, needing } from './support/parts.ts';
import { eventually, freePorts, RunningProgram } from './support/processes.ts';

// Without a Docker engine: the Dockerfile followed step by step on this system's Node, and its command run as the first process of its own
// PID namespace, as its user, without capabilities, in a read-only root file system.

const project = join(import.meta.dirname, '../..');
const RECORDING = join(project, 'test/fixtures/recordings/features-ray-2.60.0.ndjson');

const isolation = spawnSync('unshare', ['--mount', '--pid', '--fork', 'setpriv', '--bounding-set=-all', 'true']).status === 0;
const parts = needing('the image', ['build']);
const title = isolation ? parts.title : `${parts.title} (absent: root, for unshare and setpriv)`;

describe.skipIf(parts.skip || (!isolation && process.env['CI'] === undefined))(title, () => {
  const stages = parseDockerfile(readFileSync(join(project, 'Dockerfile'), 'utf8'));
  const image = stages.at(-1) as Stage;
  let folder = '';
  let root = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-image-'));
    chmodSync(folder, 0o755);
    for (const [index, stage] of stages.entries()) follow(stage, join(folder, stage.name ?? String(index)));
    root = join(folder, String(stages.length - 1));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** WORKDIR, COPY and RUN, with `place` as the root of the stage. */
  function follow(stage: Stage, place: string): void {
    let workFolder = place;
    mkdirSync(place, { recursive: true });
    for (const { name, rest } of stage.instructions) {
      if (name === 'WORKDIR') {
        workFolder = join(place, rest);
        mkdirSync(workFolder, { recursive: true });
      } else if (name === 'COPY') {
        const { stage: from, sources, target } = copyOf(rest);
        for (const source of sources) {
          const origin = from === undefined ? join(project, source) : join(folder, from, source);
          const into = target.endsWith('/') ? join(workFolder, target, basename(source)) : resolve(workFolder, target);
          cpSync(origin, into, { recursive: true, verbatimSymlinks: true });
        }
      } else if (name === 'RUN') {
        // Paths from the root are those of the stage.
        execFileSync('sh', ['-c', rest.replaceAll(/(?<= )\/(?=\w)/g, `${place}/`)], { cwd: workFolder, stdio: 'pipe' });
      }
    }
  }

  it('is small, and has no tools of development', () => {
    const packages = readdirSync(join(root, 'app/node_modules'));
    expect(packages).toContain('hono');
    for (const tool of ['typescript', 'vitest', '@biomejs']) expect(packages).not.toContain(tool);
    const bytes = Number(execFileSync('du', ['--summarize', '--bytes', join(root, 'app')], { encoding: 'utf8' }).split('\t')[0]);
    expect(bytes).toBeLessThan(60 * 2 ** 20);
  });

  it('serves as its user with a read-only root, writes to its volume alone, is healthy, and ends cleanly by SIGTERM', async () => {
    const [port] = await freePorts(1);
    const data = join(root, lastOf(image, 'VOLUME'));
    const [uid] = lastOf(image, 'USER').split(':');
    expect(statSync(data).uid).toBe(Number(uid));
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...variablesOf(image),
      RAY_OTEL_DATA_DIR: data,
      RAY_OTEL_LISTEN: `127.0.0.1:${port}`,
      RAY_OTEL_SETTLE: '500ms',
      RAY_OTEL_ORPHAN_TIMEOUT: '2s',
      OTEL_TRACES_EXPORTER: 'file',
      OTEL_EXPORTER_FILE_PATH: join(data, 'traces.jsonl'),
    };
    const command = [...commandOf(lastOf(image, 'ENTRYPOINT')), ...commandOf(lastOf(image, 'CMD'))];
    const inside = command.map((word) => (word.startsWith('/') ? join(root, word) : word)).join(' ');
    const script = [
      `mount --bind ${data} ${data}`,
      'mount -o remount,bind,ro /',
      `cd ${join(root, 'app')}`,
      `exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --no-new-privs --bounding-set=-all ${inside}`,
    ].join(' && ');
    const unshared = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script], { env, stdio: 'pipe' });
    let output = '';
    for (const stream of [unshared.stdout, unshared.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    try {
      const url = `http://127.0.0.1:${port}`;
      await eventually('the bridge to be ready', 60_000, async () => {
        if (!(await fetch(`${url}/readyz`)).ok) throw new Error(output);
      });
      const pid = Number(readFileSync(`/proc/${unshared.pid}/task/${unshared.pid}/children`, 'utf8').trim());
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t`, 'm'));
      expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).toMatch(/ \/ \/ ro[, ]/);

      const [node = '', ...healthCheck] = commandOf(lastOf(image, 'HEALTHCHECK'));
      expect(spawnSync(node, healthCheck, { env }).status).toBe(0);

      const replay = new RunningProgram(process.execPath, [bridgeCommand, 'replay', RECORDING, '--to', url, '--speed', 'max']);
      expect(await replay.exit(60_000), replay.output).toBe(0);
      const events = readRecordedEvents(RECORDING);
      await eventually('right traces', 60_000, () => {
        expect(existsSync(env.OTEL_EXPORTER_FILE_PATH), output).toBe(true);
        const text = readFileSync(env.OTEL_EXPORTER_FILE_PATH, 'utf8');
        expect(checkTraces(events, readOtlpJsonLines(text.slice(0, text.lastIndexOf('\n') + 1)))).toEqual([]);
      });
      process.kill(pid, 'SIGTERM');
      expect(await once(unshared, 'exit'), output).toEqual([0, null]);
      expect(output).toContain('all finished spans are delivered');
      expect(readdirSync(data)).toContain('traces.jsonl');
    } finally {
      unshared.kill('SIGKILL');
    }
  });
});
