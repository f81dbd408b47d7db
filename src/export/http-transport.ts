import http from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompress, gzip, unzip } from 'node:zlib';
import { textOfAnswer } from './answer-text.ts';
import { readAtMost } from '../http/index.ts';
import { type Clock, childSignal } from '../runtime/index.ts';
import type { OtlpSettings } from './otlp-environment.ts';
import type { OtlpTransport, TransportAnswer } from './otlp-exporter.ts';
import { type FailedOutcome, outcomeOfError, outcomeOfHttpStatus, outcomeOfProxyError, outcomeOfTlsPort, viaProxy } from './outcome.ts';
import { type Proxy, proxyHeaders } from './proxy.ts';
import { speaksTls } from './tls-probe.ts';
import { TunnelAgent } from './tunnel-agent.ts';

/** What is read of an answer, at most; the rest is left. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const compress = promisify(gzip);
/** A request that names no encodings leaves the choice to the server (RFC 9110, 12.5.3). */
const DECOMPRESS: Readonly<Record<string, (body: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  'x-gzip': (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  deflate: (body) => promisify(unzip)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
  br: (body) => promisify(brotliDecompress)(body, { maxOutputLength: MAX_ANSWER_BYTES }),
};

/**
 * OTLP/HTTP, one POST a request over a connection that is kept. Redirects are not followed: credentials would go with them.
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function createHttpTransport(settings: OtlpSettings, clock: Clock): OtlpTransport {
  const url = new URL(settings.url);
  const isSecure = url.protocol === 'https:';
  const { proxy } = settings.route;
  // Over plain HTTP a proxy reads the request itself: with the whole URL in its first line. Through HTTPS it gets a tunnel.
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
  /** The server speaks what the bridge speaks: then a connection that it closes has another cause. */
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

  /** Of what went wrong, names the proxy. */
  const named = (outcome: FailedOutcome): FailedOutcome =>
    proxy === undefined || outcome.reason.startsWith('the proxy ') ? outcome : viaProxy(outcome, proxy);

  const failed = async (error: unknown, signal: AbortSignal): Promise<FailedOutcome> => {
    // The proxy is all that the bridge is connected to.
    if (forwarder !== undefined && error instanceof Error) return outcomeOfProxyError(error, forwarder);
    const outcome = outcomeOfError(error);
    const mayNeedTls = !isSecure && !hasAnswered && isSilentEnd(error);
    if (mayNeedTls && (await speaksTls({ hostname: url.hostname, port: Number(url.port || 80) }, signal))) return outcomeOfTlsPort(outcome);
    return named(outcome);
  };

  return {
    send: async (body, signal) => {
      const limit = childSignal(signal);
      const timer = childSignal(signal);
      let timedOut = false;
      const watch = async (): Promise<void> => {
        await clock.sleep(settings.timeoutMs, timer.signal);
        timedOut = !timer.signal.aborted;
        limit.abort();
      };
      const watching = watch();
      try {
        const answer = await exchange(body, limit.signal);
        return answer.kind === 'answered' ? answer : named(answer);
      } catch (error) {
        const reason = `no answer within ${settings.timeoutMs} ms (OTEL_EXPORTER_OTLP_TIMEOUT)`;
        return timedOut ? named({ kind: 'retry_after', reason }) : await failed(error, signal);
      } finally {
        timer.abort();
        await watching;
        timer.release();
        limit.release();
      }
    },
    close: () => agents.destroy(),
  };
}

/** The server closed the connection and said nothing. */
function isSilentEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** The proxy in place of the server, and the whole URL, without user and password, in place of its path. */
function forwarding(url: URL, { host, port, isSecure }: Proxy): http.RequestOptions {
  const protocol = isSecure ? 'https:' : 'http:';
  return { protocol, host, hostname: host, port, path: `${url.protocol}//${url.host}${url.pathname}${url.search}` };
}

/** Keeps connections, until the certificates change: those that come then are for new connections. */
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
    // Called before a request, when no other one is under way.
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

/** As the specification asks: who sends, so that a backend's operator can tell. */
export const USER_AGENT = 'ray-otel-bridge OTel-OTLP-Exporter-JavaScript';

function answerOf(response: http.IncomingMessage, body: Uint8Array, nowMs: number): TransportAnswer {
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? '';
  if (status >= 200 && status < 300) return { kind: 'answered', status: `HTTP ${status}`, contentType: type, body };
  return outcomeOfHttpStatus(status, textOfAnswer(body, type), retryAfterMs(response.headers['retry-after'], nowMs));
}

/** Seconds or an HTTP date; undefined when it is neither. Source: RFC 9110, 10.2.3 */
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
  // What cannot be unpacked is no answer of OTLP, and is reported as such.
  return decompress === undefined || body.length === 0 ? body : await decompress(body).catch(() => body);
}
