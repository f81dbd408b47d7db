import http from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompress, gzip, unzip } from 'node:zlib';
import { readAtMost } from '../http/index.ts';
import { type Clock, childSignal, errorCode } from '../runtime/index.ts';
import { type Proxy, proxyHeaders, speaksTls, TunnelAgent } from './connection.ts';
import { type FailedOutcome, outcomeOfError, outcomeOfHttpStatus, outcomeOfProxyError, outcomeOfTlsPort, viaProxy } from './outcome.ts';
import { type OtlpTransport, textOfAnswer, type TransportAnswer } from './otlp-sender.ts';
import type { OtlpSettings } from './otlp-settings.ts';

/** Maximum size of an answer. The rest is not read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const compress = promisify(gzip);
/** Without Accept-Encoding the server may choose any encoding (RFC 9110, 12.5.3). */
const DECOMPRESS: Readonly<Record<string, (body: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  'x-gzip': (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  deflate: (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  br: (body) => promisify(brotliDecompress)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
};

/**
 * OTLP over HTTP: one POST per request, over a kept connection. Redirects are not followed, because
 * credentials would follow them.
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function createHttpTransport(settings: OtlpSettings, clock: Clock): OtlpTransport {
  const url = new URL(settings.url);
  const isSecure = url.protocol === 'https:';
  const { proxy } = settings.route;
  // For plain HTTP the proxy forwards the request, which has the whole URL in its first line. For
  // HTTPS it opens a tunnel.
  const forwarder = isSecure ? undefined : proxy;
  const agents = createAgents(settings, isSecure);
  const headers: Record<string, string> = {
    'User-Agent': USER_AGENT,
    ...(forwarder === undefined ? {} : { Host: url.host, ...proxyHeaders(forwarder) }),
    ...settings.headers,
    'Content-Type': settings.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
    ...(settings.compression === 'gzip' ? { 'Content-Encoding': 'gzip' } : {}),
  };
  const target: http.RequestOptions = { ...urlToHttpOptions(url), method: 'POST', ...(forwarder && forwarding(url, forwarder)) };
  const isTls = forwarder?.isSecure ?? isSecure;
  /**
   * True once the server has answered: the protocol is right, so a closed connection has another
   * cause.
   */
  let hasAnswered = false;

  const exchange = async (body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer> => {
    const payload = settings.compression === 'gzip' ? await compress(body) : body;
    const sized = { ...headers, 'Content-Length': String(payload.byteLength) };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = (isTls ? https : http).request({ ...target, agent: agents.current(), headers: sized, signal }, resolve);
      request.on('error', reject);
      request.end(payload);
    });
    hasAnswered = true;
    return answerOf(response, await readAnswer(response), clock.now());
  };

  /** Adds the proxy to the reason of a failure. */
  const withProxy = (outcome: FailedOutcome): FailedOutcome =>
    proxy === undefined || outcome.reason.startsWith('the proxy ') ? outcome : viaProxy(outcome, proxy);

  const failed = async (error: unknown, signal: AbortSignal): Promise<FailedOutcome> => {
    // The bridge connects to the proxy only.
    if (forwarder !== undefined && error instanceof Error) return outcomeOfProxyError(error, forwarder);
    const outcome = outcomeOfError(error);
    const mayNeedTls = !isSecure && !hasAnswered && isClosedSilently(error);
    if (mayNeedTls && (await speaksTls({ hostname: url.hostname, port: Number(url.port || 80) }, signal))) return outcomeOfTlsPort(outcome);
    return withProxy(outcome);
  };

  return {
    send: async (body, signal) => {
      const limit = childSignal(signal);
      const timer = childSignal(signal);
      let timedOut = false;
      const endAfterTimeout = async (): Promise<void> => {
        await clock.sleep(settings.timeoutMs, timer.signal);
        timedOut = !timer.signal.aborted;
        limit.abort();
      };
      const timing = endAfterTimeout();
      try {
        const answer = await exchange(body, limit.signal);
        return answer.kind === 'answered' ? answer : withProxy(answer);
      } catch (error) {
        const reason = `no answer within ${settings.timeoutMs} ms (OTEL_EXPORTER_OTLP_TIMEOUT)`;
        return timedOut ? withProxy({ kind: 'retry_after', reason }) : await failed(error, signal);
      } finally {
        timer.abort();
        await timing;
        timer.release();
        limit.release();
      }
    },
    close: () => agents.destroy(),
  };
}

/** True when the server closed the connection without an answer. */
function isClosedSilently(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(errorCode(error) ?? '');
}

/**
 * Request options for a forwarding proxy: its address, and the whole URL without credentials as the
 * path.
 */
function forwarding(url: URL, { host, port, isSecure }: Proxy): http.RequestOptions {
  const protocol = isSecure ? 'https:' : 'http:';
  return { protocol, host, hostname: host, port, path: `${url.protocol}//${url.host}${url.pathname}${url.search}` };
}

/** Keeps connections open until the certificates change. */
function createAgents({ tls, route, timeoutMs }: OtlpSettings, isSecure: boolean): { current(): http.Agent; destroy(): void } {
  const { proxy } = route;
  let material = tls.current();
  const create = (): http.Agent => {
    if (isSecure && proxy !== undefined) return new TunnelAgent({ keepAlive: true, ...material }, proxy, timeoutMs);
    if (isSecure) return new https.Agent({ keepAlive: true, ...material });
    return proxy?.isSecure === true ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  };
  let agent = create();
  return {
    // Called before a request, when no other request is in progress.
    current: () => {
      if (tls.current() !== material) {
        agent.destroy();
        material = tls.current();
        agent = create();
      }
      return agent;
    },
    destroy: () => agent.destroy(),
  };
}

/**
 * The User-Agent that the specification asks for, so that operators of a backend can identify the
 * sender.
 */
export const USER_AGENT = 'ray-otel-bridge OTel-OTLP-Exporter-JavaScript';

function answerOf(response: http.IncomingMessage, body: Uint8Array, nowMs: number): TransportAnswer {
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? '';
  if (status >= 200 && status < 300) return { kind: 'answered', status: `HTTP ${status}`, contentType: type, body };
  return outcomeOfHttpStatus(status, textOfAnswer(body, type), retryAfterMs(response.headers['retry-after'], nowMs));
}

/** Parses seconds or an HTTP date; undefined for anything else. Source: RFC 9110, 10.2.3 */
function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? undefined : Math.max(0, until - nowMs);
}

async function readAnswer(response: http.IncomingMessage): Promise<Uint8Array> {
  const { bytes } = await readAtMost(response, MAX_ANSWER_BYTES);
  return await decompressed(bytes, response.headers['content-encoding'] ?? '');
}

async function decompressed(body: Uint8Array, encoding: string): Promise<Uint8Array> {
  const decompress = DECOMPRESS[encoding.trim().toLowerCase()];
  // A body that cannot be decompressed is reported as an answer that is not OTLP.
  return decompress === undefined || body.length === 0 ? body : await decompress(body).catch(() => body);
}
