import type * as GrpcJs from '@grpc/grpc-js';
import { printable } from '../runtime/index.ts';

type Listener = (line: string) => void;
const listeners = new Set<Listener>();

/**
 * Hands on what grpc-js writes to its log, which is the console otherwise: plain text between the lines of JSON. Its traces, which
 * GRPC_TRACE turns on, are left out: they hold headers. The log is one for the whole process. Returns what ends it.
 */
export function listenToGrpc(grpc: typeof GrpcJs, listener: Listener): () => void {
  grpc.setLogger({ error: handOn, info: handOn, debug: () => undefined });
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function handOn(...parts: unknown[]): void {
  const line = printable(parts.map(String).join(' '));
  for (const listener of listeners) listener(line);
}
