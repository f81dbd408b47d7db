import * as grpc from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { createExporters } from '../../src/export/index.ts';

function problemsOf(protocol: string, headers: string, variable = 'OTEL_EXPORTER_OTLP_HEADERS'): readonly string[] {
  const created = createExporters({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol, [variable]: headers });
  return created.ok ? [] : created.problems;
}

describe('headers that gRPC cannot send are reported at startup', () => {
  it.each([
    ['a name for binary values', 'x-key-bin=topsecret', 'entry 1 has a name that ends in -bin'],
    ['a value with an umlaut', 'x-name=M%C3%BCller-topsecret', 'entry 1 has a value that gRPC cannot send: printable ASCII only'],
    ['a value with a tab', 'a=1,x-name=a%09topsecret', 'entry 2 has a value that gRPC cannot send'],
    ['a value with DEL', 'x-name=%7Ftopsecret', 'entry 1 is not name=value'],
    ['a name with a tick', 'x%27topsecret=1', 'entry 1 has a name that gRPC cannot send'],
    ['a name of gRPC itself', 'grpc-timeout=1S', 'entry 1 has a name that begins with grpc-'],
  ])('%s', (_, headers, text) => {
    const problems = problemsOf('grpc', headers);
    expect(problems).toEqual([expect.stringContaining(`OTEL_EXPORTER_OTLP_HEADERS: ${text}`)]);
    expect(problems.join()).not.toContain('topsecret');
    expect(problems.join()).not.toContain('ller');
  });

  it('headers that are accepted can be sent over gRPC', () => {
    const headers = 'Authorization=Bearer%20a%3Db,x_y.z-1=%20~%21,x-empty=';
    expect(problemsOf('grpc', headers)).toEqual([]);
    const metadata = new grpc.Metadata();
    for (const [name, value] of [
      ['authorization', 'Bearer a=b'],
      ['x_y.z-1', ' ~!'],
      ['x-empty', ''],
    ] as const)
      expect(() => metadata.set(name, value)).not.toThrow();
  });

  it('the same names and values can be sent over HTTP', () => {
    expect(problemsOf('http/protobuf', 'x-key-bin=abc,x-name=M%C3%BCller')).toEqual([]);
  });
});

describe.each(['http/protobuf', 'http/json', 'grpc'])(
  'headers of the connection and of framing are a problem at the start: %s',
  (protocol) => {
    it.each([
      'transfer-encoding=chunked',
      'Content-Length=5',
      'connection=close',
      'keep-alive=timeout%3D5',
      'content-encoding=zstd',
      'Content-Type=text/plain',
      'expect=100-continue',
      'te=trailers',
      'trailer=x',
      'upgrade=h2c',
      'http2-settings=AAA',
      'proxy-authorization=Basic%20topsecret',
      'proxy-connection=keep-alive',
    ])('%s', (header) => {
      const [name = ''] = header.split('=');
      for (const variable of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']) {
        const problems = problemsOf(protocol, `good=1,${header}`, variable);
        expect(problems).toEqual([`${variable}: entry 2 names ${name.toLowerCase()}, which the bridge or the connection sets: remove it`]);
      }
    });
  },
);
