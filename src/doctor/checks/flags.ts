import type { Facts, LocalFacts } from '../facts.ts';
import { isOn } from '../ray-release.ts';
import { RAY_VARIABLES, type RayVariable, type RayVariables } from '../variables.ts';

/** Flags that `--system-config` of a head on this machine gives to the whole cluster; undefined when no head runs here. */
export function systemFlagsOf({ processes }: LocalFacts): RayVariables | undefined {
  const head = processes.find(({ kind }) => kind === 'gcs_server');
  return head?.systemFlags;
}

/** Whether a flag is on in a process: the system's configuration wins over the variable. */
export function isFlagOn(flag: RayVariable, variables: RayVariables, systemFlags: RayVariables | undefined): boolean {
  return isOn(systemFlags?.[flag] ?? variables[flag]);
}

/** Tasks are told by the core worker's flag, or by the recorder of 2.58 and later with the head's flag. */
export function tellsTasks(variables: RayVariables, systemFlags: RayVariables | undefined): boolean {
  const on = (flag: RayVariable): boolean => isFlagOn(flag, variables, systemFlags);
  return on('taskEvent') || (on('taskRecorder') && on('rayEvent'));
}

/** 'RAY_x is not set', or what it is set to when Ray does not read that as on. */
export function offText(flag: RayVariable, variables: RayVariables, systemFlags: RayVariables | undefined): string {
  const value = systemFlags?.[flag] ?? variables[flag];
  const isReadAsOff = value !== undefined && value !== '' && !/^(?:0|false)$/i.test(value);
  if (value === undefined || value === '') return `${RAY_VARIABLES[flag]} is not set`;
  return `${RAY_VARIABLES[flag]} is ${JSON.stringify(value.slice(0, 40))}${isReadAsOff ? ', which Ray reads as off: only 1 and true are on' : ''}`;
}

/** Events that all agents got, where each of them told. */
export function receivedByNodes({ ray }: Facts): number | undefined {
  const counts = ray.nodes.map((node) => node.counts);
  if (counts.length === 0 || ray.nodesLeftOut > 0) return undefined;
  return counts.reduce<number | undefined>((sum, each) => (sum === undefined || each === undefined ? undefined : sum + each.received), 0);
}
