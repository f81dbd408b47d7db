import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { missingBackendLine } from '../../src/command/default-backend.ts';
import { createExporters } from '../../src/export/index.ts';

function exporterTo(port: number): Parameters<typeof missingBackendLine>[1] {
  const created = createExporters({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  return created.ok ? created.exporters : [];
}

test('serve without a named backend says in one line that nothing answers at the default address, and what to set', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await missingBackendLine({}, exporterTo(port))).toBeUndefined();
  server.close();
  await once(server, 'close');
  const line = await missingBackendLine({}, exporterTo(port));
  expect(line).toContain(`nothing answers at 127.0.0.1:${port}`);
  expect(line).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  expect(line).toContain('OTEL_TRACES_EXPORTER=none');
});

test('serve does not look for a backend that the user named, nor for one when spans go elsewhere', async () => {
  expect(await missingBackendLine({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, exporterTo(9))).toBeUndefined();
  expect(await missingBackendLine({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9' }, exporterTo(9))).toBeUndefined();
  expect(await missingBackendLine({}, [])).toBeUndefined();
});
