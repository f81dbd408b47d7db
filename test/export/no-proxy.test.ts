import { describe, expect, it } from 'vitest';
import { isInNoProxy, isThisMachine, normalizedHost } from '../../src/export/connection.ts';

describe('NO_PROXY', () => {
  it.each([
    ['*', 'anything.example', 4318],
    ['other, *', 'anything.example', 4318],
    ['example.com', 'example.com', 4318],
    ['example.com', 'otlp.example.com', 4318],
    ['.example.com', 'otlp.example.com', 4318],
    ['.example.com', 'example.com', 4318],
    ['*.example.com', 'a.b.example.com', 4318],
    ['EXAMPLE.com.', 'example.com', 4318],
    ['a,example.com b', 'b', 4318],
    [' ,, example.com', 'example.com', 4318],
    ['.svc,.cluster.local', 'collector.observability.svc', 4318],
    ['example.com:4318', 'otlp.example.com', 4318],
    ['192.0.2.7', '192.0.2.7', 4318],
    ['192.0.2.7:4318', '192.0.2.7', 4318],
    ['192.0.2.0/24', '192.0.2.255', 4318],
    ['0.0.0.0/0', '198.51.100.1', 4318],
    ['10.0.0.0/8', '::ffff:10.1.2.3', 4318],
    ['2001:db8::/32', '2001:db8:1::7', 4318],
    ['2001:DB8:0::7', '2001:db8::7', 4318],
    ['[2001:db8::7]', '2001:db8::7', 4318],
    ['[2001:db8::7]:4318', '2001:db8::7', 4318],
  ])('%j matches %s port %i', (noProxy, host, port) => {
    expect(isInNoProxy(noProxy, host, port)).toBe(true);
  });

  it.each([
    ['', 'example.com', 4318],
    ['example.com', 'badexample.com', 4318],
    ['example.com', 'example.com.evil.test', 4318],
    ['otlp.example.com', 'example.com', 4318],
    ['example.com:4317', 'example.com', 4318],
    ['192.0.2.7:4317', '192.0.2.7', 4318],
    ['192.0.2.7', '192.0.2.70', 4318],
    ['2.7', '192.0.2.7', 4318],
    ['.2.7', '192.0.2.7', 4318],
    ['192.0.2.0/24', '192.0.3.1', 4318],
    ['192.0.2.0/33', '192.0.2.1', 4318],
    ['192.0.2.0/24', 'name.example', 4318],
    ['name/24', 'name', 4318],
    ['2001:db8::/32', '2001:db9::1', 4318],
    ['2001:db8::/32', '192.0.2.1', 4318],
    ['[2001:db8::7]:4317', '2001:db8::7', 4318],
    ['.', 'example.com', 4318],
    ['*.', 'example.com', 4318],
    ['http://example.com', 'example.com', 4318],
  ])('%j does not match %s port %i', (noProxy, host, port) => {
    expect(isInNoProxy(noProxy, host, port)).toBe(false);
  });
});

describe('this machine', () => {
  it.each(['localhost', 'LOCALHOST.', 'a.localhost', '127.0.0.1', '127.8.9.10', '[::1]', '0.0.0.0', '::', '::ffff:127.0.0.1'])(
    'is %s',
    (host) => {
      expect(isThisMachine(normalizedHost(host))).toBe(true);
    },
  );

  it.each(['localhost.example.com', 'mylocalhost', '128.0.0.1', '::2', 'example.com'])('is not %s', (host) => {
    expect(isThisMachine(normalizedHost(host))).toBe(false);
  });
});
