import { serve } from '@hono/node-server';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { Hono } from 'hono';
import { createBridge } from 'ray-otel-bridge';

// The exporter that this service has for its own spans; the bridge sends Ray's through it too.
const exporter = new OTLPTraceExporter();
const bridge = createBridge({ exporter });

const app = new Hono();
app.get('/', (context) => context.text('A service with a bridge inside: Ray posts to /ray/v1/events.\n'));
app.route('/ray', bridge.app);

await bridge.start();
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) }, ({ port }) => {
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});

async function stop(): Promise<void> {
  server.close();
  const { undelivered } = await bridge.stop({ timeoutMs: 10_000 });
  process.stdout.write(`stopped, ${undelivered} spans undelivered\n`);
  process.exit(0);
}
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
