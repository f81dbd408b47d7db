import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { DriverFacts, LocalFacts, OwnNode, ProcessFacts } from './facts.ts';
import type { ListedDriver } from './gather-ray.ts';
import { at, parseJson } from './json.ts';
import { suspectVariables } from '../known-variables.ts';
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
 * Looks at this machine: the variables of the shell, and of the processes of Ray that run here. Of an environment only the documented variables
 * of Ray, and misspelt names of them, are kept. The agent's own environment is no use, because it writes its title over it; it has that of its raylet.
 */
export function gatherLocal(world: World): Omit<LocalFacts, 'drivers'> {
  const shell = pickRayVariables(world.env);
  const misspelt = misspeltIn(world.env);
  const pids = listPids(world);
  if (pids === undefined) return { shell, misspelt, canLook: false, processes: [], isDashboardOff: false };
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
  return { shell, misspelt, canLook: true, processes, isDashboardOff };
}

function misspeltIn(env: World['env']): readonly MisspeltVariable[] {
  const ofBridge = suspectVariables(env).flatMap(({ name, meant }) => (meant === undefined ? [] : [{ name, meant }]));
  return [...misspeltRayVariables(Object.keys(env)), ...ofBridge].slice(0, MAX_MISSPELT);
}

/** Those of the drivers that run on this machine. */
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

/** The head starts it all the same, without the part that answers. */
function isDisabledDashboard(commandLine: readonly string[]): boolean {
  return commandLine.includes('--disable-frontend') && commandLine.some((part) => part.endsWith('/ray/dashboard/dashboard.py'));
}

function ownNodeOf(commandLine: readonly string[]): OwnNode | undefined {
  const valueOf = (flag: string): string | undefined => commandLine.find((part) => part.startsWith(`${flag}=`))?.slice(flag.length + 1);
  const [id, ip, sessionFolder] = [valueOf('--node_id') ?? '', valueOf('--node_ip_address') ?? '', valueOf('--session_dir') ?? ''];
  const isWhole = /^[0-9a-f]{1,64}$/.test(id) && isIP(ip) !== 0 && isAbsolute(sessionFolder);
  return isWhole ? { id, ip, isHead: commandLine.includes('--head'), sessionFolder } : undefined;
}

/** Both name a socket or folder of the session, or the session itself. */
function sessionOf(commandLine: readonly string[]): string | undefined {
  const [session] = commandLine.flatMap((part) => /session_[\w-]{1,100}/.exec(part)?.[0] ?? []);
  return session;
}

/** Processes of the cluster that was asked; all of them while it is not known which that is. */
export function ofSession(processes: readonly ProcessFacts[], session: string | undefined): readonly ProcessFacts[] {
  return session === undefined ? processes : processes.filter((each) => each.session === session);
}

function environmentOf(environ: string | undefined): Pick<ProcessFacts, 'variables' | 'misspelt'> {
  if (environ === undefined) return { variables: undefined, misspelt: [] };
  return { variables: rayVariablesOfEnviron(environ), misspelt: misspeltRayVariables(namesOfEnviron(environ)) };
}

/** `--config_list` of the GCS: what `--system-config` said, as JSON in base64. */
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

/** At most so many bytes; undefined when this user may not read it, or it is gone. */
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
