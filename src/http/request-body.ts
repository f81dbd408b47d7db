import { Readable } from 'node:stream';
import type { Context } from 'hono';

/**
 * The body of a request, piece by piece; null when it has none. Behind Hono's server for Node it is read from the connection itself:
 * the web stream around it costs as much again as reading it. Not if somebody before us took or replaced it.
 */
export function requestBody(context: Context): AsyncIterable<Uint8Array> | null {
  const incoming = incomingOf(context);
  // The answer to a refused body goes out on the same connection.
  return incoming === undefined ? context.req.raw.body : incoming.iterator({ destroyOnReturn: false });
}

/** A request that the server made is no direct instance of Request; one that a middleware puts in its place is. */
function incomingOf({ env, req }: Context): Readable | undefined {
  const bindings: unknown = env;
  const incoming: unknown = typeof bindings === 'object' && bindings !== null ? Reflect.get(bindings, 'incoming') : undefined;
  const isReplaced = Object.getPrototypeOf(req.raw) === Request.prototype;
  if (!(incoming instanceof Readable) || isReplaced || req.raw.bodyUsed || incoming.readableDidRead || 'rawBody' in incoming)
    return undefined;
  return incoming;
}
