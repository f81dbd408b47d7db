import type * as GrpcJs from '@grpc/grpc-js';
import type { ChannelOptions, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { USER_AGENT } from './http-transport.ts';
import type { TlsMaterial } from './otlp-certificates.ts';
import type { OtlpSettings } from './otlp-settings.ts';
import type { OtlpTransport, TransportAnswer } from './otlp-sender.ts';
import {
  type FailedOutcome,
  outcomeOfError,
  outcomeOfGrpcStatus,
  outcomeOfProxyError,
  outcomeOfProxyStatus,
  outcomeOfTlsPort,
  viaProxy,
} from './outcome.ts';
import { readRpcStatus } from '../otlp/index.ts';
import { printableExcerpt } from '../runtime/index.ts';
import { type Proxy, type ServerAddress, speaksTls } from './connection.ts';

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/**
 * grpc-js would wait up to two minutes before it reconnects. The bridge has a backoff of its own.
 */
const MAX_RECONNECT_BACKOFF_MS = 5_000;
/**
 * A failed connection to a proxy explains calls that fail within this time: grpc-js reconnects
 * sooner.
 */
const PROXY_NOTE_VALID_MS = 3 * MAX_RECONNECT_BACKOFF_MS;

interface Connection {
  readonly material: TlsMaterial;
  readonly client: Client;
  readonly metadata: Metadata;
}

/** OTLP/gRPC over one channel. Source: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc */
export function createGrpcTransport(settings: OtlpSettings): OtlpTransport {
  let connection: Promise<Connection> | undefined;
  const { proxy } = settings.route;
  /**
   * True once the server has answered: the protocol is right, so a failed connection has another
   * cause.
   */
  let hasAnswered = false;
  const listeners: ((note: string) => void)[] = [];
  let stopListening: (() => void) | undefined;
  /**
   * The last log line of grpc-js about the proxy. The failed call itself does not contain the
   * reason.
   */
  let lastNote = { line: '', atMs: 0 };
  // Loaded on first use: most configurations use HTTP, and loading grpc-js takes more than half of
  // a start.
  const connect = async (): Promise<Connection> => {
    const grpc = await import('@grpc/grpc-js');
    stopListening ??= listenToGrpc(grpc, (line) => {
      if (isAboutProxy(line)) lastNote = { line, atMs: Date.now() };
      for (const listener of listeners) listener(line);
    });
    return open(grpc, settings);
  };

  /**
   * Opens a new channel when the certificates have changed. The old channel ends with its last
   * call.
   */
  const current = async (): Promise<Connection> => {
    const opened = await connection;
    if (opened !== undefined && opened.material === settings.tls.current()) return opened;
    opened?.client.close();
    connection = connect();
    return await connection;
  };

  const failed = async (error: ServiceError, signal: AbortSignal): Promise<FailedOutcome> => {
    const outcome = outcomeOfServiceError(error);
    if (proxy === undefined) {
      const mayNeedTls = settings.insecure && !hasAnswered && FAILED_CONNECTION.test(error.details);
      return mayNeedTls && (await speaksTls(splitAddress(settings.url), signal)) ? outcomeOfTlsPort(outcome) : outcome;
    }
    const isNew = outcome.kind === 'retry_after' && Date.now() - lastNote.atMs < PROXY_NOTE_VALID_MS;
    return (isNew ? outcomeOfProxyNote(lastNote.line, proxy) : undefined) ?? viaProxy(outcome, proxy);
  };

  const call = ({ client, metadata }: Connection, body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer> =>
    new Promise((resolve) => {
      // grpc-js compares deadlines with the system clock.
      const options = { deadline: Date.now() + settings.timeoutMs };
      const done = (error: ServiceError | null, answer?: Uint8Array): void => {
        signal.removeEventListener('abort', cancel);
        hasAnswered ||= error === null;
        resolve(error === null ? answered(answer ?? new Uint8Array(0)) : failed(error, signal));
      };
      const request = client.makeUnaryRequest(METHOD, toBuffer, toBytes, body, metadata, options, done);
      const cancel = (): void => request.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });

  return {
    send: async (body, signal) => {
      try {
        return await call(await current(), body, signal);
      } catch (error) {
        return outcomeOfError(error);
      }
    },
    onNote: (listener) => void listeners.push(listener),
    close: () => {
      stopListening?.();
      void connection?.then(
        ({ client }) => client.close(),
        () => undefined,
      );
    },
  };
}

function open(grpc: typeof GrpcJs, settings: OtlpSettings): Connection {
  const material = settings.tls.current();
  const [ca, key, cert] = [material.ca, material.key, material.cert].map((text) => (text === undefined ? null : Buffer.from(text)));
  const credentials = settings.insecure ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(ca, key, cert);
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(settings.headers)) metadata.set(name, value);
  const { proxy } = settings.route;
  const client = new grpc.Client(
    proxy === undefined ? settings.url : `dns:${proxyAddress(proxy)}`,
    credentials,
    channelOptions(settings, grpc),
  );
  return { material, client, metadata };
}

function answered(body: Uint8Array): TransportAnswer {
  return { kind: 'answered', status: 'gRPC OK', contentType: 'application/x-protobuf', body };
}

export function channelOptions(
  { url, compression, route: { proxy } }: OtlpSettings,
  { compressionAlgorithms }: Pick<typeof GrpcJs, 'compressionAlgorithms'>,
): ChannelOptions {
  return {
    // grpc-js reads proxy variables by other rules. `readRoute` has those of the bridge.
    'grpc.enable_http_proxy': 0,
    ...(proxy && {
      'grpc.http_connect_target': `dns:${url}`,
      'grpc.default_authority': url,
      ...(proxy.credentials === undefined ? {} : { 'grpc.http_connect_creds': proxy.credentials }),
    }),
    'grpc.primary_user_agent': USER_AGENT,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
    'grpc.default_compression_algorithm': compression === 'gzip' ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
  };
}

function proxyAddress({ host, port }: Proxy): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Splits `host:port`. */
function splitAddress(url: string): ServerAddress {
  const colon = url.lastIndexOf(':');
  return { hostname: url.slice(0, colon), port: Number(url.slice(colon + 1)) };
}

/** The texts of grpc-js for a connection that the server accepts and closes. */
const FAILED_CONNECTION = /Failed to connect|ECONNRESET|socket hang up/i;
const PROXY_STATUS = /^Failed to connect to .* through proxy .* with status (\d+)$/;
const PROXY_ERROR = /^Failed to connect to proxy .* with error (.*)$/;

function isAboutProxy(line: string): boolean {
  return PROXY_STATUS.test(line) || PROXY_ERROR.test(line);
}

function outcomeOfProxyNote(line: string, proxy: Proxy): FailedOutcome | undefined {
  const status = PROXY_STATUS.exec(line)?.[1];
  if (status !== undefined) return outcomeOfProxyStatus(Number(status), proxy);
  const message = PROXY_ERROR.exec(line)?.[1];
  return message === undefined ? undefined : outcomeOfProxyError(new Error(message), proxy);
}

function outcomeOfServiceError(error: ServiceError): FailedOutcome {
  const [details] = error.metadata.get('grpc-status-details-bin');
  const status = details instanceof Uint8Array ? readRpcStatus(details) : undefined;
  return outcomeOfGrpcStatus(error.code, error.details, status?.retryAfterMs);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toBytes(buffer: Buffer): Uint8Array {
  return buffer;
}

type Listener = (line: string) => void;
const LISTENERS = new Set<Listener>();

/**
 * Redirects the log of grpc-js to the listeners; it would write plain text to the console, between
 * lines of JSON. Traces enabled by GRPC_TRACE are dropped, because they contain headers. The log is
 * one for the whole process. Returns a function that removes the listener.
 */
function listenToGrpc(grpc: typeof GrpcJs, listener: Listener): () => void {
  grpc.setLogger({ error: notifyListeners, info: notifyListeners, debug: () => undefined });
  LISTENERS.add(listener);
  return () => void LISTENERS.delete(listener);
}

function notifyListeners(...parts: unknown[]): void {
  const line = printableExcerpt(parts.map(String).join(' '));
  for (const listener of LISTENERS) listener(line);
}
