import { createHash } from 'node:crypto';

/** The published id formula, written a second time: the tests must not learn it from the code that they test. */
function hash(kind: string, session: string, parts: readonly (string | number | bigint)[], bytes: number): string {
  const text = ['ray-otel-bridge/v1', kind, session, ...parts.map(String)].join('\0');
  const id = createHash('sha256')
    .update(text, 'utf8')
    .digest('hex')
    .slice(0, bytes * 2);
  return /^0+$/.test(id) ? `${id.slice(0, -2)}01` : id;
}

export const traceId = (kind: string, session: string, ...parts: (string | number | bigint)[]): string => hash(kind, session, parts, 16);
export const spanId = (kind: string, session: string, ...parts: (string | number | bigint)[]): string => hash(kind, session, parts, 8);
