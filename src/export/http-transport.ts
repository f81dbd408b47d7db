import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { brotliDecompress, gzip, unzip } from 'node:zlib';
import { textOfAnswer } from './answer-text.ts';
import { type Clock, childSignal } from './clock.ts';
import type { OtlpSettings } from './otlp-environment.ts';
import type { OtlpTransport, TransportAnswer } from './otlp-exporter.ts';
import { outcomeOfError, outcomeOfHttpStatus } from './outcome.ts';

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
  const secure = url.protocol === 'https:';
  const agents = createAgents(settings, secure);
  const headers: Record<string, string> = {
    'User-Agent': USER_AGENT,
    ...settings.headers,
    'Content-Type': settings.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
    ...(settings.compression === 'gzip' ? { 'Content-Encoding': 'gzip' } : {}),
  };

  const exchange = async (body: Uint8Array, signal: AbortSignal): Promise<TransportAnswer> => {
    const payload = settings.compression === 'gzip' ? await compress(body) : body;
    const options = {
      method: 'POST',
      agent: agents.current(),
      headers: { ...headers, 'Content-Length': String(payload.byteLength) },
      signal,
    };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = (secure ? https : http).request(url, options, resolve);
      request.on('error', reject);
      request.end(payload);
    });
    return answerOf(response, await readAnswer(response), clock.now());
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
        return await exchange(body, limit.signal);
      } catch (error) {
        if (timedOut) return { kind: 'retry_after', reason: `no answer within ${settings.timeoutMs} ms (OTEL_EXPORTER_OTLP_TIMEOUT)` };
        return outcomeOfError(error);
      } finally {
        timer.abort();
        await watching;
        timer.release();
        limit.release();
      }
    },
    close: agents.destroy,
  };
}

/** Keeps connections, until the certificates change: those that come then are for new connections. */
function createAgents({ tls }: OtlpSettings, secure: boolean): { current(): http.Agent; destroy(): void } {
  let material = tls.current();
  const create = (): http.Agent => (secure ? new https.Agent({ keepAlive: true, ...material }) : new http.Agent({ keepAlive: true }));
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
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the response and its connection.
    if (size > MAX_ANSWER_BYTES) break;
  }
  return await decompressed(Buffer.concat(chunks), response.headers['content-encoding'] ?? '');
}

async function decompressed(body: Uint8Array, encoding: string): Promise<Uint8Array> {
  const decompress = DECOMPRESS[encoding.trim().toLowerCase()];
  // What cannot be unpacked is no answer of OTLP, and is reported as such.
  return decompress === undefined || body.length === 0 ? body : await decompress(body).catch(() => body);
}
