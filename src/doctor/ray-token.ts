import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface RayToken {
  /** Secret. */
  readonly token: string;
  /** For people. */
  readonly from: string;
}

const maxTokenFileBytes = 4096;

/** The token of Ray's dashboard, where Ray's own tools look for it, in their order. */
export function findRayToken(env: Readonly<Record<string, string | undefined>>): RayToken | undefined {
  const fromVariable = env['RAY_AUTH_TOKEN']?.trim();
  if (fromVariable !== undefined && fromVariable !== '') return { token: fromVariable, from: 'RAY_AUTH_TOKEN' };
  const path = env['RAY_AUTH_TOKEN_PATH'];
  if (path !== undefined && path !== '') return readToken(path, 'the file of RAY_AUTH_TOKEN_PATH');
  const home = env['HOME'];
  return home === undefined || home === '' ? undefined : readToken(join(home, '.ray', 'auth_token'), '~/.ray/auth_token');
}

function readToken(path: string, from: string): RayToken | undefined {
  try {
    const status = statSync(path);
    if (!status.isFile() || status.size > maxTokenFileBytes) return undefined;
    const token = readFileSync(path, 'utf8').trim();
    return token === '' ? undefined : { token, from };
  } catch {
    return undefined;
  }
}
