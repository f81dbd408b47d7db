import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { DriverFacts, LocalFacts, OwnNode, ProcessFacts } from './facts.ts';
import type { ListedDriver } from './gather-ray.ts';
import { suspectVariables } from '../known-variables.ts';
import { parseJson } from '../runtime/index.ts';
import { at } from './json.ts';
import {
  MAX_MISSPELT,
  type MisspeltVariable,
  misspeltRayVariables,
  namesOfEnviron,
  pickRayVariables,
  type RayVariables,
  RAY_VARIABLES,
  rayVariablesOfEnviron,
} from './variables.ts';
import type { World } from './world.ts';

/**
 * Reads the variables of the shell and of the Ray processes on this machine. Keeps only the documented variables of Ray and misspelt
 * names. Reads the raylet instead of the agent: the agent has the same variables, but overwrites its environment with a title.
 */
export function gatherLocal(world: World): Omit<LocalFacts, 'drivers'> {
  const shell = pickRayVariables(world.env);
  const misspelt = misspeltIn(world.env);
  const pids = listPids(world);
  if (pids === undefined) return { shell, misspelt, hasProcFolder: false, processes: [], isDashboardOff: false };
  const processes: ProcessFacts[] = [];
  let isDashboardOff = false;
  for (const pid of pids) {
    const commandLine = readProcFile(world, pid, 'cmdline')?.split('\0') ?? [];
    isDashboardOff ||= isDisabledDashboard(commandLine);
    const kind = kindOf(commandLine[0] ?? '');
    const node = kind === 'raylet' ? ownNodeOf(commandLine) : undefined;
    if (kind === undefined) continue;
    processes.push({
      kind,
      pid,
      session: sessionOf(commandLine),
      ...environmentOf(readProcFile(world, pid, 'environ')),
      systemFlags: systemFlagsOf(commandLine),
      isMinimal: commandLine.some((part) => part.startsWith('--dashboard_agent_command=') && / --minimal(?: |$)/.test(part)),
      ...(node === undefined ? {} : { node }),
    });
    if (processes.length >= world.limits.maxProcesses) break;
  }
  return { shell, misspelt, hasProcFolder: true, processes, isDashboardOff };
}

function misspeltIn(env: World['env']): readonly MisspeltVariable[] {
  const ofBridge = suspectVariables(env).flatMap(({ name, meant }) => (meant === undefined ? [] : [{ name, meant }]));
  return [...misspeltRayVariables(Object.keys(env)), ...ofBridge].slice(0, MAX_MISSPELT);
}

/** Reads the variables of the drivers that run on this machine. */
export function gatherDrivers(drivers: readonly ListedDriver[], world: World): readonly DriverFacts[] {
  return drivers
    .filter(({ ip }) => world.ownAddresses.has(ip))
    .slice(0, world.limits.maxProcesses)
    .map(({ pid, jobId }) => ({ pid, jobId, ...environmentOf(readProcFile(world, pid, 'environ')) }));
}

function listPids({ procFolder }: World): readonly number[] | undefined {
  try {
    return readdirSync(procFolder)
      .filter((name) => /^\d{1,10}$/.test(name))
      .map(Number);
  } catch {
    return undefined;
  }
}

function kindOf(program: string): ProcessFacts['kind'] | undefined {
  if (program.endsWith('/raylet/raylet')) return 'raylet';
  return program.endsWith('/gcs/gcs_server') ? 'gcs_server' : undefined;
}

/** Whether the process is a dashboard without its web server, which a head starts for `--include-dashboard=false`. */
function isDisabledDashboard(commandLine: readonly string[]): boolean {
  return commandLine.includes('--disable-frontend') && commandLine.some((part) => part.endsWith('/ray/dashboard/dashboard.py'));
}

function ownNodeOf(commandLine: readonly string[]): OwnNode | undefined {
  const valueOf = (flag: string): string | undefined => commandLine.find((part) => part.startsWith(`${flag}=`))?.slice(flag.length + 1);
  const [id, ip, sessionFolder] = [valueOf('--node_id') ?? '', valueOf('--node_ip_address') ?? '', valueOf('--session_dir') ?? ''];
  const isWhole = /^[0-9a-f]{1,64}$/.test(id) && isIP(ip) !== 0 && isAbsolute(sessionFolder);
  return isWhole ? { id, ip, isHead: commandLine.includes('--head'), sessionFolder } : undefined;
}

/** Session of a Ray process: its command line names a socket or folder of the session, or the session itself. */
function sessionOf(commandLine: readonly string[]): string | undefined {
  const [session] = commandLine.flatMap((part) => /session_[\w-]{1,100}/.exec(part)?.[0] ?? []);
  return session;
}

/** Processes of the given session, or all processes when the session is unknown. */
export function ofSession(processes: readonly ProcessFacts[], session: string | undefined): readonly ProcessFacts[] {
  return session === undefined ? processes : processes.filter((each) => each.session === session);
}

function environmentOf(environ: string | undefined): Pick<ProcessFacts, 'variables' | 'misspelt'> {
  if (environ === undefined) return { variables: undefined, misspelt: [] };
  return { variables: rayVariablesOfEnviron(environ), misspelt: misspeltRayVariables(namesOfEnviron(environ)) };
}

/** Flags of `--system-config`, which the GCS has in `--config_list` as JSON in base64. */
function systemFlagsOf(commandLine: readonly string[]): RayVariables {
  const encoded = commandLine.find((part) => part.startsWith('--config_list='))?.slice('--config_list='.length);
  const config = encoded === undefined ? undefined : parseJson(Buffer.from(encoded, 'base64').toString('utf8'));
  const flags: Record<string, string> = {};
  for (const name of Object.values(RAY_VARIABLES)) {
    const value = at(config, name.replace(/^RAY_/, ''));
    if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') flags[name] = String(value);
  }
  return pickRayVariables(flags);
}

/** Reads a file of a process, up to a limit. Undefined when the process ended or this user may not read it. */
function readProcFile({ procFolder, limits }: World, pid: number, name: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(join(procFolder, String(pid), name), 'r');
    const buffer = Buffer.alloc(limits.maxProcFileBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    return buffer.toString('utf8', 0, length);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
