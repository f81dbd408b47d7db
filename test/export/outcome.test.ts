import { ExportResultCode } from '@opentelemetry/core';
import { describe, expect, it } from 'vitest';
import { ExportFailure, outcomeOfError, outcomeOfGrpcStatus, outcomeOfHttpStatus } from '../../src/export/outcome.ts';
import { outcomeOfResult } from '../../src/export/sender.ts';
import { containing } from './support.ts';

const fromHttp: readonly (readonly [number, string])[] = [
  ...[408, 425, 429, 500, 502, 503, 504, 507, 520, 599].map((status) => [status, 'retry_after'] as const),
  ...[400, 409, 411, 418, 422].map((status) => [status, 'refused'] as const),
  ...[301, 302, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 415, 421, 426, 431, 501, 505].map(
    (status) => [status, 'misconfigured'] as const,
  ),
  [413, 'too_large'],
];

const fromGrpc: readonly (readonly [number, string])[] = [
  ...[1, 2, 4, 8, 10, 11, 13, 14, 15, 99].map((code) => [code, 'retry_after'] as const),
  ...[3, 6, 9].map((code) => [code, 'refused'] as const),
  ...[5, 7, 12, 16].map((code) => [code, 'misconfigured'] as const),
];

describe('the outcome of a request', () => {
  it.each(fromHttp)('for HTTP %i is %s', (status, kind) => {
    expect(outcomeOfHttpStatus(status, 'why')).toMatchObject({ kind, reason: `HTTP ${status}: why` });
  });

  it.each(fromGrpc)('for gRPC status %i is %s', (code, kind) => {
    expect(outcomeOfGrpcStatus(code, 'why').kind).toBe(kind);
  });

  it('distinguishes a failing backend from one that a single span may make fail', () => {
    expect(outcomeOfHttpStatus(500)).toHaveProperty('maybeSpans', true);
    expect(outcomeOfHttpStatus(503)).not.toHaveProperty('maybeSpans');
    expect(outcomeOfGrpcStatus(13)).toHaveProperty('maybeSpans', true);
    expect(outcomeOfGrpcStatus(14)).not.toHaveProperty('maybeSpans');
  });

  it('distinguishes an exhausted gRPC quota from a request that is too large', () => {
    expect(outcomeOfGrpcStatus(8, 'grpc: received message larger than max (5000000 vs. 4194304)').kind).toBe('too_large');
    expect(outcomeOfGrpcStatus(8, 'gRPC message exceeds maximum size 4194304: 5000000').kind).toBe('too_large');
    expect(outcomeOfGrpcStatus(8, 'ingestion rate limit', 7000)).toEqual({
      kind: 'retry_after',
      reason: 'gRPC RESOURCE_EXHAUSTED: ingestion rate limit',
      retryAfterMs: 7000,
    });
  });

  it('contains the fix for a misconfiguration', () => {
    expect(outcomeOfHttpStatus(401)).toMatchObject({ fix: containing('OTEL_EXPORTER_OTLP_HEADERS') });
    expect(outcomeOfHttpStatus(404)).toMatchObject({ fix: containing('OTEL_EXPORTER_OTLP_ENDPOINT') });
    expect(outcomeOfGrpcStatus(12)).toMatchObject({ fix: containing('OTEL_EXPORTER_OTLP_PROTOCOL') });
  });

  it.each([
    ['ECONNREFUSED', 'retry_after'],
    ['ENOTFOUND', 'retry_after'],
    ['ECONNRESET', 'retry_after'],
    ['ENOSPC', 'retry_after'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'misconfigured'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'misconfigured'],
    ['CERT_HAS_EXPIRED', 'misconfigured'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'misconfigured'],
    ['EPROTO', 'misconfigured'],
    ['EACCES', 'misconfigured'],
    ['EISDIR', 'misconfigured'],
  ])('for the system error %s is %s', (code, kind) => {
    expect(outcomeOfError(Object.assign(new Error('no'), { code })).kind).toBe(kind);
  });

  it.each([
    ['Name resolution failed for target dns:collector.test:4317', 'if only a proxy can resolve it'],
    ['No connection established. Last error: Error: connect ECONNREFUSED 10.1.2.3:4317. Resolution note: ', 'start the backend'],
    ['No connection established. Last error: Failed to connect', 'http:// or https://'],
    ['EVERYTHING is lost', 'http:// or https://'],
  ])('has the same hint for the gRPC message "%s" as for the failure over HTTP', (details, advice) => {
    expect(outcomeOfGrpcStatus(14, details)).toMatchObject({ kind: 'retry_after', hint: containing(advice) });
  });

  it('is read from errors of the stock OTLP exporters, and keeps the spans for an unknown error', () => {
    expect(outcomeOfResult({ code: ExportResultCode.FAILED, error: Object.assign(new Error('Bad Request'), { code: 400 }) }).kind).toBe(
      'refused',
    );
    expect(outcomeOfResult({ code: ExportResultCode.FAILED, error: Object.assign(new Error('no'), { code: 16 }) }).kind).toBe(
      'misconfigured',
    );
    expect(outcomeOfResult({ code: ExportResultCode.FAILED, error: new Error('odd') })).toEqual({
      kind: 'retry_after',
      reason: 'Error: odd',
      maybeSpans: true,
    });
    expect(outcomeOfResult({ code: ExportResultCode.FAILED }).kind).toBe('retry_after');
    expect(outcomeOfResult(undefined).kind).toBe('retry_after');
    expect(outcomeOfError('text').kind).toBe('retry_after');
    const outcome = { kind: 'refused', reason: 'bad' } as const;
    expect(outcomeOfResult({ code: ExportResultCode.FAILED, error: new ExportFailure(outcome) })).toBe(outcome);
  });

  it('contains no control character of a server', () => {
    const { reason } = outcomeOfHttpStatus(400, '\u001b[31mred\r\nline\u202e') as { reason: string };
    expect(reason).toBe('HTTP 400: \\u001b[31mred line\\u202e');
    expect((outcomeOfHttpStatus(400, 'x'.repeat(10_000)) as { reason: string }).reason.length).toBeLessThan(400);
  });
});
