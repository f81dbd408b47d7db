import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { rayBinFolder } from './parts.ts';
import { eventually, freePorts, RunningProgram } from './processes.ts';

const WORKLOAD = join(import.meta.dirname, '../workload');

/** A head node of a real Ray with the variables that the bridge says to set. */
export class RayCluster {
  readonly head: RunningProgram;
  readonly dashboard: string;
  private readonly env: Readonly<Record<string, string>>;
  private readonly folder: string;
  private readonly bin: string;

  private constructor(head: RunningProgram, bin: string, env: Readonly<Record<string, string>>, dashboard: string, folder: string) {
    this.head = head;
    this.bin = bin;
    this.env = env;
    this.dashboard = dashboard;
    this.folder = folder;
  }

  /** `flags` for `ray start`. */
  static async start(version: string, variables: Readonly<Record<string, string>>, flags: readonly string[] = []): Promise<RayCluster> {
    const [gcs, dashboard, agent, client] = await freePorts(4);
    // Ray puts sockets into it, whose paths must be short.
    const folder = mkdtempSync(join(tmpdir(), 'ray-e2e-'));
    const bin = rayBinFolder(version);
    const env = {
      ...variables,
      PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
      // Its default is on from 2.59; `ray job submit` from here would need the token.
      RAY_AUTH_MODE: 'disabled',
      PYTHONUNBUFFERED: '1',
    };
    const args = ['start', '--head', '--block', '--num-cpus=4', '--disable-usage-stats', `--temp-dir=${folder}`];
    const ports = [
      `--port=${gcs}`,
      `--dashboard-port=${dashboard}`,
      `--dashboard-agent-listen-port=${agent}`,
      `--ray-client-server-port=${client}`,
    ];
    const head = new RunningProgram(join(bin, 'ray'), [...args, ...ports, ...flags], { env });
    const cluster = new RayCluster(head, bin, { ...env, RAY_ADDRESS: `127.0.0.1:${gcs}` }, `http://127.0.0.1:${dashboard}`, folder);
    try {
      await head.waitForOutput(/Ray runtime started/, 120_000);
      if (!flags.includes('--include-dashboard=false'))
        await eventually('the job agent to answer', 120_000, async () => {
          const { ok } = await fetch(`${cluster.dashboard}/api/jobs/`);
          if (!ok) throw new Error(head.output);
        });
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
    return cluster;
  }

  /** Runs a driver of the workload folder, or any by its whole path; resolves with what it printed. */
  async runDriver(script: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<string> {
    const driver = new RunningProgram(join(this.bin, 'python'), [script, ...args], { cwd: WORKLOAD, env: { ...this.env, ...env } });
    const code = await driver.exit(240_000);
    if (code !== 0) throw new Error(`${script} ended with ${code}:\n${driver.output}`);
    return driver.output;
  }

  /** A driver of the workload folder that nobody waits for yet. */
  startDriver(script: string, env: Readonly<Record<string, string>> = {}): RunningProgram {
    return new RunningProgram(join(this.bin, 'python'), [script], { cwd: WORKLOAD, env: { ...this.env, ...env } });
  }

  /** `ray job submit --no-wait` of a script of the workload folder. */
  async submitAndLeave(script: string, submissionId: string): Promise<void> {
    await this.job([
      'submit',
      '--address',
      this.dashboard,
      '--no-wait',
      '--submission-id',
      submissionId,
      '--',
      'python',
      join(WORKLOAD, script),
    ]);
  }

  /** `ray job stop`, waiting until it has stopped. */
  async stopJob(submissionId: string): Promise<void> {
    await this.job(['stop', '--address', this.dashboard, submissionId]);
  }

  private async job(args: readonly string[]): Promise<void> {
    // RAY_ADDRESS would win over --address.
    const { RAY_ADDRESS: _, ...env } = this.env;
    const command = new RunningProgram(join(this.bin, 'ray'), ['job', ...args], { env });
    const code = await command.exit(120_000);
    if (code !== 0) throw new Error(`${command.name} ended with ${code}:\n${command.output}`);
  }

  /** `ray job submit`, waiting for the job's end; resolves with the command's exit code. */
  async submitJob(entrypoint: readonly string[], options: readonly string[] = []): Promise<number | null> {
    const [script = '', ...rest] = entrypoint;
    // RAY_ADDRESS would win over --address.
    const { RAY_ADDRESS: _, ...env } = this.env;
    const args = ['job', 'submit', '--address', this.dashboard, ...options, '--', 'python', join(WORKLOAD, script), ...rest];
    const submission = new RunningProgram(join(this.bin, 'ray'), args, { env });
    const code = await submission.exit(180_000);
    if (!/succeeded|failed/.test(submission.output)) throw new Error(`ray job submit ended with ${code}:\n${submission.output}`);
    return code;
  }

  /** As an operator ends a head node: SIGTERM. */
  async stop(): Promise<void> {
    await this.destroy();
  }

  async destroy(): Promise<void> {
    await this.head.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
