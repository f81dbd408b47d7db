import type { Facts, LocalFacts } from '../facts.ts';
import { isOn } from '../ray-release.ts';
import { RAY_VARIABLES, type RayVariable, type RayVariables } from '../variables.ts';

/** Flags of `--system-config`, which apply to the whole cluster. Undefined when no head runs on this machine. */
export function systemFlagsOf({ processes }: LocalFacts): RayVariables | undefined {
  const head = processes.find(({ kind }) => kind === 'gcs_server');
  return head?.systemFlags;
}

/** Whether a flag is on in a process. The system configuration takes precedence over the variable. */
export function isFlagOn(flag: RayVariable, variables: RayVariables, systemFlags: RayVariables | undefined): boolean {
  return isOn(systemFlags?.[flag] ?? variables[flag]);
}

/** Whether a process sends task events: with the core worker's flag, or with the recorder of Ray 2.58 and later plus the head's flag. */
export function sendsTaskEvents(variables: RayVariables, systemFlags: RayVariables | undefined): boolean {
  const on = (flag: RayVariable): boolean => isFlagOn(flag, variables, systemFlags);
  return on('taskEvent') || (on('taskRecorder') && on('rayEvent'));
}

/** 'RAY_x is not set', or the value that Ray reads as off. */
export function offText(flag: RayVariable, variables: RayVariables, systemFlags: RayVariables | undefined): string {
  const value = systemFlags?.[flag] ?? variables[flag];
  const isReadAsOff = value !== undefined && value !== '' && !/^(?:0|false)$/i.test(value);
  if (value === undefined || value === '') return `${RAY_VARIABLES[flag]} is not set`;
  return `${RAY_VARIABLES[flag]} is ${JSON.stringify(value.slice(0, 40))}${isReadAsOff ? ', which Ray reads as off: only 1 and true mean on' : ''}`;
}

/** Events that all agents received. Undefined unless all counters are known. */
export function receivedByNodes({ ray }: Facts): number | undefined {
  const counts = ray.nodes.map((node) => node.counts);
  if (counts.length === 0 || ray.nodesLeftOut > 0) return undefined;
  return counts.reduce<number | undefined>((sum, each) => (sum === undefined || each === undefined ? undefined : sum + each.received), 0);
}
