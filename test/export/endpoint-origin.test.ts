import { expect, test } from 'vitest';
import { endpointOrigin } from '../../src/export/index.ts';

test.each([
  ['http://tempo:4318/v1/traces', 'http://tempo:4318'],
  ['https://ingest.example/KEY/v1/traces?token=SECRET', 'https://ingest.example'],
  ['http://[::1]:4317', 'http://[::1]:4317'],
  ['unix:///run/collector.sock', 'unix:///run/collector.sock'],
  ['/var/traces.ndjson', '/var/traces.ndjson'],
])('the origin of the endpoint %s is %s, without path and query', (endpoint, origin) => {
  expect(endpointOrigin(endpoint)).toBe(origin);
});
