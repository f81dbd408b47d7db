import type { Hono } from 'hono';
import { createMemoryJournal, type Journal } from '../../src/journal/index.ts';
import { createReceiver, type Receiver, type ReceiverOptions, type ReceiverTelemetry } from '../../src/receiver/index.ts';

/** The events that a receiver reported, in order. */
export interface RecordedTelemetry extends ReceiverTelemetry {
  readonly answered: Parameters<ReceiverTelemetry['batchAnswered']>[0][];
  readonly refused: string[];
  readonly internalErrors: { readonly stage: string; readonly error: unknown }[];
  readonly unknownTypes: Map<string, number>;
  readonly rejectedByCode: Map<string, number>;
}

export function createRecordedTelemetry(): RecordedTelemetry {
  const answered: RecordedTelemetry['answered'] = [];
  const refused: string[] = [];
  const internalErrors: RecordedTelemetry['internalErrors'] = [];
  const unknownTypes = new Map<string, number>();
  const rejectedByCode = new Map<string, number>();
  return {
    answered,
    refused,
    internalErrors,
    unknownTypes,
    rejectedByCode,
    batchAnswered: (answer) => answered.push(answer),
    batchAccepted({ batch }) {
      for (const [type, count] of batch.unknownTypes) unknownTypes.set(type, (unknownTypes.get(type) ?? 0) + count);
      for (const [code, count] of batch.rejectedByCode) rejectedByCode.set(code, (rejectedByCode.get(code) ?? 0) + count);
    },
    batchRefused: (code) => refused.push(code),
    readRefused: (code) => refused.push(code),
    internalError: (stage, error) => internalErrors.push({ stage, error }),
    metricsPage: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a_metric 1\n' }),
  };
}

export const NOW_MS = 1_795_472_400_000;

export interface TestReceiver extends Receiver {
  readonly journal: Journal;
  readonly telemetry: RecordedTelemetry;
}

export function createTestReceiver(overrides: Partial<Omit<ReceiverOptions, 'telemetry'>> = {}): TestReceiver {
  const journal = overrides.journal ?? createMemoryJournal({ now: () => NOW_MS });
  const telemetry = createRecordedTelemetry();
  const receiver = createReceiver({
    notReadyReason: () => undefined,
    pressure: () => undefined,
    ...overrides,
    journal,
    telemetry,
  });
  return { ...receiver, journal, telemetry };
}

/** A good event, as Ray 2.58 posts it; `number` makes its id. */
export function rawEvent(number: number, overrides: Record<string, unknown> = {}): Record<string, unknown> {
  const eventId = Buffer.alloc(28);
  eventId.writeUInt32BE(number + 1);
  return {
    eventId: eventId.toString('base64'),
    sourceType: 'GCS',
    eventType: 'DRIVER_JOB_LIFECYCLE_EVENT',
    timestamp: '2026-11-23T22:19:22.570785786Z',
    severity: 'INFO',
    sessionName: 'session_2026-11-23_22-19-14_735355_13108',
    driverJobLifecycleEvent: { jobId: 'AQAAAA==', stateTransitions: [{ state: 'CREATED', timestamp: '2026-11-23T22:19:22.570786357Z' }] },
    message: '',
    ...overrides,
  };
}

export function rawEvents(count: number, from = 0): readonly Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => rawEvent(from + index));
}

/** A platform event, whose updates come under one id. */
export function rawPlatformEvent(): Record<string, unknown> {
  return {
    eventId: 'OGYyMTQ2ZjAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAx',
    sourceType: 'CLUSTER_LIFECYCLE',
    eventType: 'PLATFORM_EVENT',
    timestamp: '2026-11-23T22:19:22Z',
    severity: 'WARNING',
    sessionName: 'session_2026-11-23_22-19-14_735355_13108',
    message: 'Back-off pulling image',
    platformEvent: {
      source: { platform: 'KUBERNETES', component: 'kubelet', metadata: {} },
      objectKind: 'Pod',
      objectName: 'worker-1',
      message: 'Back-off pulling image',
      reason: 'BackOff',
      customFields: {},
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Posts a body: text and bytes as they are, anything else as JSON. */
export async function post(app: Hono, body: unknown, headers: Record<string, string> = {}, path = '/'): Promise<Answer> {
  const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await app.request(path, { method: 'POST', body: content, headers: { 'content-type': 'application/json', ...headers } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export function accepted(count: number, duplicates = 0) {
  return { accepted: count, duplicates, rejected: 0, errors: [] };
}
