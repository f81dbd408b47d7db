import { serve } from '@hono/node-server';
import { type Context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Hono } from 'hono';

// The obvious program, as a yardstick: a Map of what is known of each attempt, a span when it ends,
// the SDK's own batches. No journal, no late events, no computed ids: it keeps nothing of what the
// bridge promises.

interface Transition {
  readonly state: string;
  readonly timestamp: string;
}

interface Payload {
  readonly taskId: string;
  readonly taskAttempt?: number;
  readonly jobId: string;
  readonly parentTaskId?: string;
  readonly taskName?: string;
  readonly actorTaskName?: string;
  readonly nodeId?: string;
  readonly workerId?: string;
  readonly stateTransitions?: readonly Transition[];
  readonly rayErrorInfo?: { readonly errorType: string; readonly errorMessage: string };
}

interface RayEvent {
  readonly taskDefinitionEvent?: Payload;
  readonly actorTaskDefinitionEvent?: Payload;
  readonly taskLifecycleEvent?: Payload;
}

interface Attempt {
  definition?: Payload;
  workerId?: string;
  error?: { readonly errorType: string; readonly errorMessage: string };
  readonly transitions: Transition[];
}

const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
const tracer = provider.getTracer('naive');
const attempts = new Map<string, Attempt>();
const jobs = new Map<string, ReturnType<typeof tracer.startSpan>>();

function jobContext(jobId: string): Context {
  let span = jobs.get(jobId);
  if (span === undefined) {
    span = tracer.startSpan(`job ${jobId}`, {}, ROOT_CONTEXT);
    jobs.set(jobId, span);
  }
  return trace.setSpan(ROOT_CONTEXT, span);
}

function take(event: RayEvent): void {
  const payload = event.taskDefinitionEvent ?? event.actorTaskDefinitionEvent ?? event.taskLifecycleEvent;
  if (payload === undefined) return;
  const key = `${payload.taskId}/${payload.taskAttempt ?? 0}`;
  const attempt: Attempt = attempts.get(key) ?? { transitions: [] };
  attempts.set(key, attempt);
  if (event.taskLifecycleEvent === undefined) attempt.definition = payload;
  attempt.transitions.push(...(payload.stateTransitions ?? []));
  if (payload.workerId) attempt.workerId = payload.workerId;
  if (payload.rayErrorInfo) attempt.error = payload.rayErrorInfo;
  if (!attempt.transitions.some(({ state }) => state === 'FINISHED' || state === 'FAILED')) return;
  attempts.delete(key);
  end(attempt, payload);
}

function end({ definition, workerId, error, transitions }: Attempt, { taskId, taskAttempt, jobId }: Payload): void {
  const times = transitions.map(({ timestamp }) => Date.parse(timestamp));
  const span = tracer.startSpan(
    definition?.taskName ?? definition?.actorTaskName ?? 'task',
    {
      startTime: Math.min(...times),
      attributes: {
        'ray.task_id': Buffer.from(taskId, 'base64').toString('hex'),
        'ray.task_attempt': taskAttempt ?? 0,
        'ray.job_id': Buffer.from(jobId, 'base64').toString('hex'),
        'ray.parent_task_id': Buffer.from(definition?.parentTaskId ?? '', 'base64').toString('hex'),
        'ray.worker_id': Buffer.from(workerId ?? '', 'base64').toString('hex'),
      },
    },
    jobContext(jobId),
  );
  for (const { state, timestamp } of transitions) span.addEvent(state, Date.parse(timestamp));
  if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: error.errorMessage }).setAttribute('error.type', error.errorType);
  span.end(Math.max(...times));
}

const app = new Hono();
app.get('/readyz', (request) => request.text('ready'));
app.post('/', (request) =>
  request.req.json<RayEvent[]>().then((events) => {
    for (const event of events) take(event);
    return request.text('');
  }),
);
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.argv[2]) });
