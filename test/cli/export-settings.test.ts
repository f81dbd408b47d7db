import { beforeAll, describe, expect, test } from 'vitest';
import { buildCli, runCli, startCli } from './built-cli.ts';

let cli: string;
beforeAll(async () => {
  cli = await buildCli();
});

const serve = ['serve', '--listen', '127.0.0.1:0'];

describe('serve', () => {
  test('refuses headers that cannot be sent at the start, with the other settings and without their values', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key-bin=TOPSECRET,x-name=M%C3%BCller,transfer-encoding=chunked',
    };
    const { code, stdout, stderr } = await runCli(cli, [...serve, '--settle', 'soon'], env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('entry 1 has a name that ends in -bin');
    expect(stderr).toContain('entry 2 has a value that gRPC cannot send');
    expect(stderr).toContain('entry 3 names transfer-encoding');
    expect(stderr).toContain('--settle');
    expect(stderr).not.toMatch(/TOPSECRET|ller|chunked/);
  });

  test('refuses a proxy that cannot be used at the start, without its password', async () => {
    const { code, stderr } = await runCli(cli, serve, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      HTTP_PROXY: 'socks5://user:TOPSECRET@proxy.test:1080',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('HTTP_PROXY is not the http:// URL of a proxy');
    expect(stderr).not.toContain('TOPSECRET');
  });

  test('says at the start which proxy is used', async () => {
    const program = startCli(cli, serve, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.test',
      https_proxy: 'http://user:TOPSECRET@proxy.test:3128',
    });
    const [line] = await program.shows(/sending traces by .*\n/);
    expect(line).toBe(
      'sending traces by OTLP (http/protobuf) to https://collector.test/v1/traces, through the proxy http://proxy.test:3128 (https_proxy)\n',
    );
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.stdout() + program.stderr()).not.toContain('TOPSECRET');
  });
});
