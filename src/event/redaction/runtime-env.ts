import { cutText, isControl } from '../clean-text.ts';
import { getField, isRawObject, type Problem, type RawObject, readObject } from '../fields.ts';
import type { RuntimeEnvNames } from '../ray-event.ts';
import { redactTokens } from '../redact-tokens.ts';
import { endOfCredentials } from './redact-text.ts';

/** Maximum length of a runtime environment that is read. UTF-16 units. */
export const MAX_RUNTIME_ENV_LENGTH = 1024 * 1024;
/** Maximum packages; further ones are dropped. */
export const MAX_PACKAGES = 200;
/** Maximum length of a requirement, environment name or path. UTF-16 units. */
const MAX_PART_LENGTH = 1024;

/**
 * PEP 508 without URLs and markers: name, extras, version specifiers. Spaces are removed before.
 */
const PIP_REQUIREMENT =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]*\])?(?:(?:===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+(?:,(?:===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+)*)?$/;
/** Conda's `name`, `name=version=build`, `name>=1,<2`, and lists of them. */
const CONDA_NAMES = /^[A-Za-z0-9_][A-Za-z0-9_.=<>!*,+ -]*$/;
const NOTHING_SET = new Set(['', '{}']);

/**
 * Reads the runtime environment of a definition: `serializedRuntimeEnv`, or inside `runtimeEnvInfo`
 * (Ray 2.49 and 2.50).
 */
export function readRuntimeEnv(raw: RawObject, problem: Problem): RuntimeEnvNames | undefined {
  const direct = readText(raw, problem);
  const info = readObject(raw, 'runtimeEnvInfo', problem);
  const nested = info === undefined ? undefined : getField(info, 'serializedRuntimeEnv');
  return reduced(direct) ?? reduced(nested);
}

function readText(raw: RawObject, problem: Problem): unknown {
  const direct = getField(raw, 'serializedRuntimeEnv');
  if (direct !== undefined && typeof direct !== 'string') problem.report('serializedRuntimeEnv', 'is not a string');
  return direct;
}

function reduced(text: unknown): RuntimeEnvNames | undefined {
  return typeof text === 'string' && !NOTHING_SET.has(text) ? reduceRuntimeEnv(text) : undefined;
}

/**
 * Reduces a runtime environment (JSON) to names: pip packages with versions, the conda environment
 * or its packages, and the working directory without credentials and query. Values of `env_vars`,
 * options, and URLs of indexes or packages are never kept. Returns undefined when nothing remains.
 */
export function reduceRuntimeEnv(text: string): RuntimeEnvNames | undefined {
  const env = parseObject(text);
  if (env === undefined) return undefined;
  const pip = pipPackages(env['pip']);
  const conda = condaNames(env['conda']);
  const workingDir = withoutSecrets(env['working_dir']);
  if (pip.length === 0 && conda === undefined && workingDir === undefined) return undefined;
  return {
    ...(pip.length > 0 && { pip }),
    ...(conda !== undefined && { conda }),
    ...(workingDir !== undefined && { workingDir }),
  };
}

/** Writes the reduced names as the JSON of a runtime environment; `{}` when nothing remains. */
export function redactRuntimeEnv(text: string): string {
  if (NOTHING_SET.has(text)) return text;
  const names = reduceRuntimeEnv(text);
  return JSON.stringify({ pip: names?.pip, conda: names?.conda, working_dir: names?.workingDir });
}

function parseObject(text: string): RawObject | undefined {
  if (text.length > MAX_RUNTIME_ENV_LENGTH) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isRawObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the packages of `["a==1", ...]`, or `{"packages": [...]}`. */
function pipPackages(pip: unknown): readonly string[] {
  const list: unknown = isRawObject(pip) ? pip['packages'] : pip;
  if (!Array.isArray(list)) return [];
  const packages: string[] = [];
  for (const item of list.slice(0, MAX_PACKAGES)) {
    const requirement = pipRequirement(item);
    if (requirement !== undefined) packages.push(requirement);
  }
  return packages;
}

/**
 * Returns the text before a marker (`;`), comment, option or URL (`name @ https://...`), if it is a
 * plain requirement.
 */
function pipRequirement(item: unknown): string | undefined {
  if (typeof item !== 'string' || item.length > MAX_PART_LENGTH) return undefined;
  const [beforeMarker = ''] = item.split(/[;#@]| --/, 1);
  const requirement = beforeMarker.replaceAll(' ', '');
  return PIP_REQUIREMENT.test(requirement) ? requirement : undefined;
}

/**
 * Returns the name of the environment or its file; for an inline definition its name, or else its
 * packages.
 */
function condaNames(conda: unknown): string | undefined {
  if (typeof conda === 'string') return condaName(conda);
  if (!isRawObject(conda)) return undefined;
  if (typeof conda['name'] === 'string') return condaName(conda['name']);
  const dependencies = conda['dependencies'];
  if (!Array.isArray(dependencies)) return undefined;
  const names = dependencies
    .slice(0, MAX_PACKAGES)
    .map(condaName)
    .filter((name) => name !== undefined);
  return names.length > 0 ? cutText(names.join(', '), MAX_PART_LENGTH) : undefined;
}

/**
 * Removes the channel (`channel::name`), which may be a URL with a token, and the folders of a
 * file.
 */
function condaName(item: unknown): string | undefined {
  if (typeof item !== 'string' || item.length > MAX_PART_LENGTH || item.includes('://')) return undefined;
  const name = item.slice(Math.max(item.lastIndexOf(':'), item.lastIndexOf('/')) + 1).trim();
  return CONDA_NAMES.test(name) ? name : undefined;
}

function withoutSecrets(workingDir: unknown): string | undefined {
  if (typeof workingDir !== 'string' || workingDir.length > MAX_PART_LENGTH || !workingDir.isWellFormed()) return undefined;
  for (let index = 0; index < workingDir.length; index += 1) {
    if (isControl(workingDir.charCodeAt(index))) return undefined;
  }
  const [path = ''] = workingDir.split(/[?#]/, 1);
  const scheme = path.indexOf('://');
  if (scheme < 0) return redactTokens(path) || undefined;
  const start = scheme + 3;
  return redactTokens(path.slice(0, start) + path.slice(start + endOfCredentials(path.slice(start)) + 1));
}
