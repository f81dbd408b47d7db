import { validateHeaderName, validateHeaderValue } from 'node:http';

export type ReadHeader =
  | { readonly ok: true; readonly name: string; readonly value: string }
  | { readonly ok: false; readonly problem: string };

/** Headers that belong to one connection or frame the message: each of them breaks every request, or leaks to the backend what is for a proxy. */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The characters of a metadata key. Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const GRPC_NAME = /^[0-9a-z_.-]+$/;
const GRPC_VALUE = /^[\x20-\x7e]*$/;

const NOT_A_HEADER = 'is not name=value with a valid header name and a percent-encoded value';

/**
 * Reads one `name=value` pair, the value percent-encoded as in W3C Baggage, and makes sure that the protocol can send it. A problem holds
 * neither the value nor a name that is not well known: an entry without a name may be a key.
 */
export function readHeader(entry: string, isGrpc: boolean): ReadHeader {
  const header = parse(entry);
  if (header === undefined) return { ok: false, problem: NOT_A_HEADER };
  if (FRAMING.has(header.name))
    return { ok: false, problem: `names ${header.name}, which the bridge or the connection sets: leave it out` };
  const problem = isGrpc ? grpcProblem(header.name, header.value) : undefined;
  return problem === undefined ? { ok: true, ...header } : { ok: false, problem };
}

function parse(entry: string): { readonly name: string; readonly value: string } | undefined {
  const equals = entry.indexOf('=');
  if (equals < 1) return undefined;
  try {
    const name = decodeURIComponent(entry.slice(0, equals).trim()).toLowerCase();
    const value = decodeURIComponent(entry.slice(equals + 1).trim());
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return { name, value };
  } catch {
    return undefined;
  }
}

function grpcProblem(name: string, value: string): string | undefined {
  if (!GRPC_NAME.test(name)) return 'has a name that gRPC cannot send: letters, digits, "-", "_" and "." only';
  if (name.endsWith('-bin')) return 'has a name that ends in -bin, which gRPC takes for binary values only: use another name';
  if (name.startsWith('grpc-')) return 'has a name that begins with grpc-, which gRPC keeps for itself: use another name';
  if (!GRPC_VALUE.test(value)) return 'has a value that gRPC cannot send: printable ASCII only';
  return undefined;
}
