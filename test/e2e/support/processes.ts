import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program under test with all that it printed. */
export class RunningProgram {
  output = '';
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    this.name = [command, ...args].join(' ');
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (chunk: Buffer): void => {
      this.output += chunk.toString('utf8');
    };
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.output += String(error);
        resolve(null);
      });
      this.child.once('close', resolve);
    });
  }

  /** The exit code, or the output in an error when the program takes longer than `timeoutMs`. */
  async exit(timeoutMs: number): Promise<number | null> {
    const timeout = new AbortController();
    const late = sleep(timeoutMs, 'late' as const, { signal: timeout.signal }).catch(() => 'late' as const);
    const code = await Promise.race([this.exited, late]);
    timeout.abort();
    if (code === 'late') throw new Error(`${this.name} has not ended after ${timeoutMs} ms:\n${this.output}`);
    return code;
  }

  async waitForOutput(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    return eventually(`${this.name} to print ${pattern}`, timeoutMs, () => {
      const match = pattern.exec(this.output);
      if (!match)
        throw new Error(this.child.exitCode === null ? `printed:\n${this.output}` : `ended with ${this.child.exitCode}:\n${this.output}`);
      return match;
    });
  }

  /** SIGTERM, then the exit code. */
  async stop(timeoutMs = 30_000): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exit(timeoutMs);
  }

  /** Ends it as a power cut would: the process gets no signal that it could handle. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** The last resort of a test's clean-up: ends the program and everything that it started. */
  async destroy(): Promise<void> {
    const pid = this.child.pid;
    if (pid === undefined) return;
    const family = [...descendants(pid), pid];
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      await Promise.race([this.exited, sleep(15_000, undefined, { ref: false })]);
    }
    for (const member of family) {
      // The id may have gone to another program since: only what is still of this family is ended.
      if (member === pid ? this.child.exitCode === null && this.child.signalCode === null : isAlive(member))
        process.kill(member, 'SIGKILL');
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // "pid (name) state ppid ...": the name may hold spaces and brackets.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It ended while we looked.
    }
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const below = children.get(next) ?? [];
    found.push(...below);
    queue.push(...below);
  }
  return found;
}

/** Tries until `attempt` does not throw; at the end of the time, what it threw last. */
export async function eventually<Result>(what: string, timeoutMs: number, attempt: () => Result | Promise<Result>): Promise<Result> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: error });
    }
    await sleep(250);
  }
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
    return address.port;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
