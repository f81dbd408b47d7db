import type { Schema } from './schema.ts';
import { SCHEMAS } from './shapes.ts';
import { PAGE_LIMITS } from './query.ts';
import { STATUS_OF_VIEW_REFUSAL, type ViewRefusalCode } from './refusal.ts';
import { STAGES } from './stage.ts';

const ALWAYS: readonly ViewRefusalCode[] = ['token_missing', 'token_invalid', 'host_not_allowed', 'cross_site_read', 'method_not_allowed'];
const OF_A_JOB: readonly ViewRefusalCode[] = [...ALWAYS, 'job_not_found', 'job_ambiguous'];

const job: Schema = {
  name: 'job',
  in: 'path',
  required: true,
  description: 'Id of the job, as Ray prints it.',
  schema: { type: 'string' },
};
const session: Schema = {
  name: 'session',
  in: 'query',
  description: 'Name of the session. Required only if several sessions have a job with this id.',
  schema: { type: 'string' },
};

function textParameter(name: string, description: string): Schema {
  return { name, in: 'query', description, schema: { type: 'string', maxLength: PAGE_LIMITS.textLength } };
}

const filters: readonly Schema[] = [
  {
    name: 'state',
    in: 'query',
    description: 'Stage of the latest attempt of the task; `pending` matches all three pending stages.',
    schema: { type: 'string', enum: ['pending', ...STAGES] },
  },
  textParameter('name', 'Part of the name or of the function, in any letter case.'),
  textParameter('node', 'Part of the id, host name or address of the node, for any attempt.'),
  textParameter('error', 'Part of the type or message of the error, for any attempt.'),
  textParameter('search', 'Part of any of these texts, or of the task id.'),
  {
    name: 'order',
    in: 'query',
    description: 'start: by start time; tree: each task below its caller.',
    schema: { type: 'string', enum: ['start', 'tree'], default: 'start' },
  },
];

const paging: readonly Schema[] = [
  { name: 'offset', in: 'query', schema: { type: 'integer', minimum: 0, maximum: PAGE_LIMITS.offset, default: 0 } },
  { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 0, maximum: PAGE_LIMITS.tasks, default: 200 } },
];

const expandedRows: Schema = {
  name: 'unfold',
  in: 'query',
  description: `Keys of the rolled-up rows to expand, separated by commas; at most ${PAGE_LIMITS.expandedKeys}.`,
  schema: { type: 'string' },
};

interface Operation {
  readonly summary: string;
  readonly answer: string | { readonly mediaType: string; readonly schema: Schema };
  readonly refusals?: readonly ViewRefusalCode[];
  readonly parameters?: readonly Schema[];
}

const operations: Readonly<Record<string, Operation>> = {
  '/api/v1/status': { summary: 'Counts of received events, and health of the bridge', answer: 'Status' },
  '/api/v1/sessions': { summary: 'Ray sessions', answer: 'Sessions' },
  '/api/v1/jobs': {
    summary: "Jobs: running jobs, then ended jobs, newest first; Ray's own jobs (`isInternal`) last",
    answer: 'Jobs',
  },
  '/api/v1/jobs/{job}': {
    summary: 'One job: its functions, what is pending and why, failures, actors, nodes',
    answer: 'JobInFull',
    refusals: OF_A_JOB,
    parameters: [job, session],
  },
  '/api/v1/jobs/{job}/tasks': {
    summary: 'Tasks of a job by start time, each with its attempts',
    answer: 'Tasks',
    refusals: [...OF_A_JOB, 'query_invalid', 'view_busy'],
    parameters: [job, session, ...filters, ...paging],
  },
  '/api/v1/jobs/{job}/tree': {
    summary: 'Rows of the task tree: each task below its caller, three or more siblings of one function rolled up into one row',
    answer: 'Tree',
    refusals: [...OF_A_JOB, 'query_invalid', 'view_busy'],
    parameters: [job, session, expandedRows, ...paging],
  },
  '/api/v1/jobs/{job}/critical-path': {
    summary:
      'The chain of tasks that most likely determined the duration of the job. Ray does not report what a caller waited for, so the path follows calls and end times back from the end',
    answer: 'CriticalPath',
    refusals: [...OF_A_JOB, 'view_busy'],
    parameters: [job, session],
  },
  '/api/v1/jobs/{job}/node-use': {
    summary: 'Running attempts of the job on each node over time',
    answer: 'NodeUse',
    refusals: OF_A_JOB,
    parameters: [job, session],
  },
  '/api/v1/stream': {
    summary:
      'Server-sent events, at most two messages a second: `overview` has {status, jobs}, `job` is the requested job in full, and `gone` reports that the bridge does not know that job (any more)',
    answer: { mediaType: 'text/event-stream', schema: { type: 'string' } },
    refusals: [...ALWAYS, 'view_busy'],
    parameters: [{ ...job, in: 'query', required: false }, session],
  },
  '/api/v1/openapi.json': { summary: 'This description', answer: { mediaType: 'application/json', schema: { type: 'object' } } },
};

/** Describes `/api/v1` in OpenAPI 3.1. */
export function openApiDocument(): Schema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'ray-otel-bridge: live data',
      version: '1',
      description:
        'Read-only. v1 is additive: existing properties never change or disappear. Texts come from Ray unchanged except that they are cut: escape them wherever you show them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '../..' }],
    security: [{ basic: [] }, { bearer: [] }, {}],
    paths: Object.fromEntries(Object.entries(operations).map(([path, operation]) => [path, { get: describe(operation) }])),
    components: {
      schemas: SCHEMAS,
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describe({ summary, answer, refusals = ALWAYS, parameters = [] }: Operation): Schema {
  const content =
    typeof answer === 'string'
      ? { 'application/json': { schema: { $ref: `#/components/schemas/${answer}` } } }
      : { [answer.mediaType]: { schema: answer.schema } };
  const refused = [...new Set(refusals.map((code) => STATUS_OF_VIEW_REFUSAL[code]))].map((status) => [
    String(status),
    {
      description: refusals.filter((code) => STATUS_OF_VIEW_REFUSAL[code] === status).join(', '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ]);
  return { summary, parameters, responses: { '200': { description: 'The answer', content }, ...Object.fromEntries(refused) } };
}
