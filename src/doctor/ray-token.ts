import { join } from 'node:path';
import { readSmallFile } from '../runtime/index.ts';

export interface RayToken {
  /** Secret. */
  readonly token: string;
  /** Source of the token, for people. */
  readonly from: string;
}

const MAX_TOKEN_FILE_BYTES = 4096;

/** Finds the token of Ray's dashboard in the places that Ray's own tools check, in the same order. */
export function findRayToken(env: Readonly<Record<string, string | undefined>>): RayToken | undefined {
  const fromVariable = env['RAY_AUTH_TOKEN']?.trim();
  if (fromVariable !== undefined && fromVariable !== '') return { token: fromVariable, from: 'RAY_AUTH_TOKEN' };
  const path = env['RAY_AUTH_TOKEN_PATH'];
  if (path !== undefined && path !== '') return readToken(path, 'the file of RAY_AUTH_TOKEN_PATH');
  const home = env['HOME'];
  return home === undefined || home === '' ? undefined : readToken(join(home, '.ray', 'auth_token'), '~/.ray/auth_token');
}

function readToken(path: string, from: string): RayToken | undefined {
  const read = readSmallFile(path, MAX_TOKEN_FILE_BYTES);
  const token = read.ok ? read.value.trim() : '';
  return token === '' ? undefined : { token, from };
}
