import { describe, expect, it } from 'vitest';
import type { AskFailure } from '../../src/doctor/ask.ts';
import { CHECKS, diagnose, type Facts, FINDINGS, hasFault } from '../../src/doctor/index.ts';
import type { OtlpOutcome } from '../../src/doctor/otlp-outcome.ts';
import {
  answered,
  bridgeCounts,
  bridgeFacts,
  goodFacts,
  goodVariables,
  localFacts,
  noFacts,
  nodeFacts,
  processFacts,
  rayFacts,
  worker,
} from './facts-fixture.ts';

const failed = (failure: AskFailure) => ({ kind: 'failed', failure }) as const;
const codesOf = (facts: Facts): readonly string[] => diagnose(facts).findings.map(({ code }) => code);
/** Facts of a machine that is not a node. */
const remote = (ray: Facts['ray']): Facts => goodFacts({ ray, local: localFacts({ processes: [] }) });
const raylet = (over: Parameters<typeof processFacts>[0]): Facts =>
  goodFacts({ local: localFacts({ processes: [processFacts({ kind: 'gcs_server', pid: 99 }), processFacts(over)] }) });
const withVariables = (over: Partial<typeof goodVariables>): Facts => raylet({ variables: { ...goodVariables, ...over } });
const without = (name: keyof typeof goodVariables) => Object.fromEntries(Object.entries(goodVariables).filter(([key]) => key !== name));
const post = (status: number, body: unknown = {}, location?: string): Facts =>
  goodFacts({ bridge: bridgeFacts({ post: answered(status, body, { location }) }) });
/** Facts of another HTTP server at the address of the bridge, which answers every request with this status. */
const foreign = (status: number): Facts => {
  const answer = answered(status, '<html>nginx</html>');
  return goodFacts({
    bridge: bridgeFacts({ post: answer, health: answered(200, 'ok'), ready: answer, metrics: answer, counts: undefined }),
  });
};
const refused = (code: string): unknown => ({ error: { code, message: '' } });
const counted = (over: Parameters<typeof bridgeCounts>[0], later?: Parameters<typeof bridgeCounts>[0]): Facts =>
  goodFacts({
    bridge: bridgeFacts({ counts: bridgeCounts(over), countsLater: later === undefined ? undefined : bridgeCounts({ ...over, ...later }) }),
  });
const dashboard = (answer: Facts['ray']['answer'], over: Partial<Facts['ray']> = {}): Facts =>
  remote(rayFacts({ answer, version: undefined, release: undefined, taskCount: undefined, nodes: [], nodesMissing: true, ...over }));
const failing = (lastFailure: 'cannot_connect' | 'other' | undefined, over: Parameters<typeof nodeFacts>[0] = {}): Facts =>
  remote(
    rayFacts({
      nodes: [
        nodeFacts(),
        nodeFacts({
          ...worker,
          counts: { received: 50, published: 0, filtered: 0, dropped: 0, consecutiveFailures: 7 },
          log: { isPosting: true, failures: 7, hasStopped: false, ...(lastFailure === undefined ? {} : { lastFailure }) },
          ...over,
        }),
      ],
    }),
  );
const allFailures = [
  ['unknown_host', 'agent_unknown_host'],
  ['timeout', 'agent_timeout'],
  ['token_refused', 'agent_token_refused'],
  ['path_wrong', 'agent_path_wrong'],
  ['bridge_busy', 'agent_bridge_busy'],
  ['post_refused', 'agent_post_refused'],
  ['redirected', 'agent_redirected'],
  ['tls', 'agent_tls'],
  ['address_invalid', 'address_invalid'],
] as const;
/** A bridge that has delivered nothing yet, because it had nothing to deliver. */
const silentBridge = bridgeFacts({ counts: bridgeCounts({ spansExported: 0 }) });
const asked = (outcome: OtlpOutcome, other?: { endpoint: string; protocol: string; speaks: boolean }): Facts =>
  goodFacts({
    bridge: silentBridge,
    backend: { kind: 'asked', endpoint: 'http://tempo:4317/v1/traces', protocol: 'http/protobuf', isDefault: false, outcome, other },
  });
const reason = 'why';

type Case = readonly [code: keyof typeof FINDINGS, what: string, facts: Facts];

const cases: readonly Case[] = [
  ['ray_unreachable', 'nothing listens at --ray-address', dashboard(failed('refused'))],
  ['ray_not_dashboard', 'the port of the GCS', dashboard(failed('not_http'))],
  ['ray_not_dashboard', 'a login page', dashboard(answered(302, '', { location: 'https://login.example/?token=SECRET-TOKEN' }))],
  ['ray_token_missing', '401, and no token here', dashboard(answered(401))],
  ['ray_token_invalid', '403, with a token', dashboard(answered(403), { tokenFrom: 'RAY_AUTH_TOKEN' })],
  [
    'ray_dashboard_off',
    'a dashboard without its web server',
    { ...dashboard(failed('refused')), local: localFacts({ isDashboardOff: true }) },
  ],
  ['ray_too_old', '2.48', remote(rayFacts({ version: '2.48.0', release: [2, 48] }))],
  ['ray_minimal', 'a node without an agent', remote(rayFacts({ nodes: [nodeFacts(), nodeFacts({ ...worker, hasAgent: false })] }))],
  [
    'agent_absent',
    'a node without a report of its agent',
    remote(rayFacts({ nodes: [nodeFacts(), nodeFacts({ ...worker, hasAgent: undefined })] })),
  ],
  ['ray_minimal', 'a raylet with a minimal agent', raylet({ isMinimal: true })],
  ['address_missing', 'a raylet without the variable', raylet({ variables: without('address') })],
  [
    'address_missing',
    'an agent whose log says that it does not post',
    remote(rayFacts({ nodes: [nodeFacts({ log: { isPosting: false, failures: 0, hasStopped: false } })] })),
  ],
  [
    'restart_needed',
    'a shell with the variable',
    { ...raylet({ variables: {} }), local: localFacts({ shell: goodVariables, processes: [processFacts({ variables: {} })] }) },
  ],
  ['address_invalid', 'no scheme', withVariables({ address: 'bridge:8080/v1/events' })],
  ['address_invalid', 'quotes of a variable file', withVariables({ address: '"http://bridge:8080"' })],
  ['address_invalid', 'a variable of this shell', goodFacts({ bridge: bridgeFacts({ address: 'bridge:8080' }) })],
  ['address_otlp_port', '4318', withVariables({ address: 'http://collector:4318/v1/traces' })],
  [
    'address_differs',
    'another host in the log of a node',
    remote(rayFacts({ nodes: [nodeFacts({ log: { isPosting: true, address: 'http://old:8080', failures: 0, hasStopped: false } })] })),
  ],
  ['address_differs', 'another host in the variables of a raylet here', withVariables({ address: 'http://old:8080/v1/events' })],
  [
    'address_differs',
    'two raylets here that post to two bridges, and no --bridge',
    goodFacts({
      bridge: bridgeFacts({ source: 'process' }),
      local: localFacts({
        processes: [processFacts(), processFacts({ pid: 101, variables: { ...goodVariables, address: 'http://other:8080' } })],
      }),
    }),
  ],
  [
    'variable_misspelt',
    'in this shell',
    goodFacts({ local: localFacts({ misspelt: [{ name: 'OTEL_EXPORTER_OTLP_ENDPIONT', meant: 'OTEL_EXPORTER_OTLP_ENDPOINT' }] }) }),
  ],
  ['variable_misspelt', 'of a raylet', raylet({ misspelt: [{ name: 'RAY_ENABLE_RAY_EVENT', meant: 'RAY_enable_ray_event' }] })],
  [
    'variable_misspelt',
    'of a driver',
    goodFacts({
      local: localFacts({
        drivers: [
          {
            pid: 7,
            jobId: '01000000',
            variables: goodVariables,
            misspelt: [{ name: 'RAY_enable_core_worker_event_to_aggregator', meant: 'RAY_enable_core_worker_ray_event_to_aggregator' }],
          },
        ],
      }),
    }),
  ],
  ['publishing_off', 'the variable', withVariables({ publishing: 'false' })],
  [
    'publishing_off',
    'an agent with an address that posts nothing',
    remote(rayFacts({ nodes: [nodeFacts({ log: { isPosting: false, address: 'http://bridge:8080', failures: 0, hasStopped: false } })] })),
  ],
  [
    'ray_event_flag_missing',
    'not set at the head',
    goodFacts({ local: localFacts({ processes: [processFacts({ kind: 'gcs_server', variables: without('rayEvent') }), processFacts()] }) }),
  ],
  [
    'ray_event_flag_missing',
    'a head that sent no event',
    remote(
      rayFacts({ nodes: [nodeFacts({ counts: { received: 0, published: 0, filtered: 0, dropped: 0, consecutiveFailures: undefined } })] }),
    ),
  ],
  ['task_flag_missing', 'not set', withVariables({ taskEvent: '' })],
  ['task_flag_missing', 'a value that Ray reads as off', withVariables({ taskEvent: 'yes' })],
  ['task_flag_missing', 'fewer events than tasks', remote(rayFacts({ taskCount: 5000 }))],
  ['task_events_off', 'an interval of 0', withVariables({ taskInterval: '0' })],
  [
    'driver_flag_missing',
    'a driver',
    goodFacts({ local: localFacts({ drivers: [{ pid: 7, jobId: '01000000', variables: {}, misspelt: [] }] }) }),
  ],
  ['driver_flag_missing', 'the shell', goodFacts({ local: localFacts({ shell: without('taskEvent') }) })],
  ['event_types_outdated', 'ALL before 2.54', { ...withVariables({}), ray: rayFacts({ version: '2.53.0', release: [2, 53] }) }],
  ['event_types_outdated', 'of 2.50 on 2.60', withVariables({ eventTypes: 'TASK_DEFINITION_EVENT, TASK_EXECUTION_EVENT' })],
  [
    'event_types_outdated',
    'of 2.60 on 2.50',
    {
      ...withVariables({ eventTypes: 'TASK_DEFINITION_EVENT,TASK_LIFECYCLE_EVENT' }),
      ray: rayFacts({ version: '2.50.1', release: [2, 50] }),
    },
  ],
  ['event_types_unknown', 'small letters', withVariables({ eventTypes: 'TASK_EXECUTION_EVENT,TASK_LIFECYCLE_EVENT,task_profile_event' })],
  [
    'events_all_filtered',
    'counters',
    remote(rayFacts({ nodes: [nodeFacts({ counts: { received: 9, published: 0, filtered: 9, dropped: 0, consecutiveFailures: 0 } })] })),
  ],
  [
    'events_dropped',
    'a counter',
    remote(rayFacts({ nodes: [nodeFacts({ counts: { received: 90, published: 80, filtered: 0, dropped: 5, consecutiveFailures: 0 } })] })),
  ],
  ['agent_cannot_connect', 'failures in a row', failing('cannot_connect')],
  [
    'agent_cannot_connect',
    'Ray 2.49, by its log and its undelivered events',
    failing('cannot_connect', { counts: { received: 50, published: 10, filtered: 0, dropped: 0, consecutiveFailures: undefined } }),
  ],
  ['agent_cannot_connect', 'the log alone', failing('cannot_connect', { counts: undefined })],
  ['agent_log_missing', 'a node without a log in the dashboard', failing(undefined, { log: undefined, isLogMissing: true })],
  ['agent_failing', 'no reason in the log', failing('other')],
  ['agent_failing', 'no log', failing(undefined)],
  ...allFailures.map(
    ([lastFailure, code]): Case => [
      code,
      lastFailure,
      failing(undefined, { log: { isPosting: true, failures: 1, hasStopped: false, lastFailure } }),
    ],
  ),
  ['agent_stopped', 'the log says so', failing('other', { log: { isPosting: true, failures: 1, hasStopped: true } })],
  ['clock_skew', '5 s', remote(rayFacts({ nodes: [nodeFacts(), nodeFacts({ ...worker, clock: { minMs: 4800, maxMs: 5900 } })] }))],
  ['bridge_unreachable', 'nothing listens', goodFacts({ bridge: { ...noFacts().bridge, post: failed('refused') } })],
  ['bridge_unreachable', 'no such host', goodFacts({ bridge: { ...noFacts().bridge, post: failed('unknown_host') } })],
  ['bridge_tls', 'a certificate', goodFacts({ bridge: { ...noFacts().bridge, post: failed('tls_untrusted') } })],
  ['bridge_tls', 'https to http', goodFacts({ bridge: { ...noFacts().bridge, post: failed('tls_mismatch') } })],
  ['bridge_tls', 'http to https', goodFacts({ bridge: { ...noFacts().bridge, post: failed('cut') } })],
  ['bridge_not_http', 'a port of gRPC', goodFacts({ bridge: { ...noFacts().bridge, post: failed('not_http') } })],
  ['bridge_redirect', '301', post(301, '', 'https://bridge/t/SECRET-TOKEN/v1/events')],
  ['bridge_path_wrong', '404', post(404, refused('not_found'))],
  ['bridge_not_bridge', 'a web page', post(200, '<html>')],
  ...([404, 405, 501, 400, 500] as const).map(
    (status): Case => ['bridge_not_bridge', `another program that answers ${status}`, foreign(status)],
  ),
  [
    'bridge_not_bridge',
    'an API with its own error codes',
    goodFacts({
      bridge: bridgeFacts({
        post: answered(404, refused('resource_missing')),
        health: answered(401, refused('login_required')),
        ready: answered(302, '', { location: '/login' }),
        metrics: answered(200, 'go_threads 7'),
        counts: undefined,
      }),
    }),
  ],
  [
    'otlp_strange_answer',
    'the endpoint that the bridge delivers to',
    goodFacts({
      backend: {
        kind: 'asked',
        endpoint: 'http://tempo:4318/v1/traces',
        protocol: 'http/protobuf',
        isDefault: false,
        outcome: { kind: 'warning', reason: 'why' },
        other: undefined,
      },
    }),
  ],
  ['bridge_token_missing', '401', post(401, refused('token_missing'))],
  ['bridge_token_invalid', '401', post(401, refused('token_invalid'))],
  ['bridge_token_invalid', '401 of a proxy', post(401, '')],
  ['bridge_busy', '503', post(503, refused('journal_full'))],
  ['bridge_refuses', '500', post(500, '')],
  [
    'bridge_not_ready',
    'a reason',
    goodFacts({ bridge: bridgeFacts({ ready: answered(503, { status: 'not ready', reason: 'the journal is full' }) }) }),
  ],
  [
    'senders_refused',
    'growing',
    counted({ refusedByCode: new Map([['token_missing', 3]]) }, { refusedByCode: new Map([['token_missing', 4]]) }),
  ],
  ['senders_were_refused', 'not growing', counted({ refusedByCode: new Map([['token_missing', 3]]) }, {})],
  ['posts_go_elsewhere', 'nothing here', counted({ received: 0, attempts: 0 })],
  ['nothing_received', 'nothing anywhere', { ...counted({ received: 0, attempts: 0 }), ray: rayFacts({ nodes: [] }) }],
  ['no_tasks_received', 'events of nodes', counted({ attempts: 0 })],
  ['posts_frequent', 'many a second', goodFacts({ bridge: bridgeFacts({ postsPerSecond: 501 }) })],
  ['events_rejected', 'a code', counted({ rejectedByCode: new Map([['event_field_invalid', 2]]) })],
  ['export_failing', 'more tries', counted({ exportRetries: 2, spansQueued: 5 }, { exportRetries: 3 })],
  ['export_failing', 'spans that stay', counted({ exportRetries: 2, spansQueued: 5 }, {})],
  ['export_refused', 'a counter', counted({ spansRefused: 1 })],
  ['export_off', 'no exporter', counted({ spansDiscarded: 9 })],
  ['sampled_out', 'everything', counted({ spansSampledOut: 9, spansExported: 0 })],
  [
    'otlp_settings_invalid',
    'a variable',
    goodFacts({ bridge: silentBridge, backend: { kind: 'invalid', problems: ['OTEL_EXPORTER_OTLP_PROTOCOL="h2" is not known'] } }),
  ],
  ['otlp_unreachable', 'nothing listens', asked({ kind: 'refused_connection', reason })],
  ['otlp_unreachable', 'no such host', asked({ kind: 'unknown_host', reason })],
  ['otlp_unreachable', 'silence', asked({ kind: 'timeout', reason })],
  [
    'otlp_protocol_mismatch',
    'gRPC there',
    asked({ kind: 'not_its_protocol', reason }, { endpoint: 'http://tempo:4317', protocol: 'grpc', speaks: true }),
  ],
  ['otlp_tls', 'trust', asked({ kind: 'tls_untrusted', reason })],
  [
    'otlp_tls',
    'https to http',
    asked({ kind: 'tls_mismatch', reason }, { endpoint: 'http://tempo:4317', protocol: 'http/protobuf', speaks: true }),
  ],
  ['otlp_credentials', '401', asked({ kind: 'credentials', reason })],
  ['otlp_path_wrong', '404', asked({ kind: 'path', reason })],
  ['otlp_redirect', '302', asked({ kind: 'redirect', reason })],
  ['otlp_proxy', 'a proxy that asks for credentials', asked({ kind: 'proxy', reason })],
  ['otlp_strange_answer', 'a warning', asked({ kind: 'warning', reason })],
  ['otlp_failing', '500', asked({ kind: 'failing', reason })],
  [
    'otlp_failing',
    'no OTLP at all',
    asked({ kind: 'not_its_protocol', reason }, { endpoint: 'http://tempo:4317', protocol: 'grpc', speaks: false }),
  ],
];

describe('the checks', () => {
  it('all checks pass in a good cluster', () => {
    const diagnosis = diagnose(goodFacts());
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.unknown).toEqual([]);
    expect(diagnosis.well.map(({ check }) => check)).toEqual(CHECKS.map(({ name }) => name));
  });

  it('in a good cluster on other machines, the checks find nothing and report what is unknown', () => {
    const diagnosis = diagnose(remote(rayFacts()));
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.unknown.map(({ checks }) => checks)).toEqual([['ray_event_flag']]);
  });

  it('no check passes without facts', () => {
    const diagnosis = diagnose(noFacts());
    expect(diagnosis.well).toEqual([]);
    expect(diagnosis.findings).toEqual([]);
    expect(new Set(diagnosis.unknown.flatMap(({ checks }) => checks))).toEqual(new Set(CHECKS.map(({ name }) => name)));
  });

  it.each(cases)('%s is found for: %s', (code, _what, facts) => {
    const diagnosis = diagnose(facts);
    expect(diagnosis.findings.map((each) => each.code)).toContain(code);
    expect(hasFault(diagnosis)).toBe(diagnosis.findings.some((each) => FINDINGS[each.code].severity === 'fault'));
  });

  it('every code has a case', () => {
    expect(new Set(cases.map(([code]) => code))).toEqual(new Set(Object.keys(FINDINGS)));
  });

  it('no finding contains a token, and every finding has a fix', () => {
    for (const [, , facts] of cases) {
      const diagnosis = diagnose(facts);
      expect(JSON.stringify(diagnosis)).not.toContain('SECRET-TOKEN');
      for (const { what, why, fix } of diagnosis.findings) for (const text of [what, why, fix]) expect(text.length).toBeGreaterThan(10);
    }
  });

  it('faults come before warnings', () => {
    const facts = { ...post(404, refused('not_found')), local: localFacts({ shell: without('taskEvent') }) };
    expect(codesOf(facts)).toEqual(['bridge_path_wrong', 'driver_flag_missing']);
  });

  it('the same finding on many nodes is reported once', () => {
    const nodes = Array.from({ length: 40 }, (_, index) => nodeFacts({ name: `10.0.0.${index}`, hasAgent: false }));
    const [finding, ...others] = diagnose(remote(rayFacts({ nodes, taskCount: undefined }))).findings;
    expect(others).toEqual([]);
    expect(finding?.where).toHaveLength(40);
  });
});

describe('no findings', () => {
  it('a node without a log of its agent is not a finding while its posts arrive', () => {
    const nodes = [nodeFacts({ log: undefined, isLogMissing: true }), worker];
    expect(codesOf(goodFacts({ ray: rayFacts({ nodes }), local: localFacts({ processes: [] }) }))).toEqual([]);
  });

  it('a cluster without a dashboard is only a warning while its nodes post, and the rest is unknown', () => {
    const [head] = rayFacts().nodes;
    const { ray } = dashboard(failed('refused'), { nodes: head === undefined ? [] : [{ ...head, isHere: true }] });
    const diagnosis = diagnose({ ...goodFacts({ ray }), local: localFacts({ isDashboardOff: true }) });
    expect(diagnosis.findings.map(({ code }) => code)).toEqual(['ray_dashboard_off']);
    expect(hasFault(diagnosis)).toBe(false);
    expect(diagnosis.unknown.map(({ what }) => what)).toContain('without the dashboard, nodes on other machines are unknown');
    const well = diagnosis.well.map(({ what }) => what);
    expect(well).toContain('the node on this machine has an address to post to');
    expect(well).not.toContain('there is only one node, so only one clock');
  });

  it.each<[string, Facts]>([
    [
      '--system-config instead of variables',
      goodFacts({
        local: localFacts({
          processes: [
            processFacts({ kind: 'gcs_server', variables: {}, systemFlags: { rayEvent: 'true', taskEvent: 'true' } }),
            processFacts({ variables: { ...without('rayEvent'), taskEvent: '0' } }),
          ],
        }),
      }),
    ],
    ['True, as YAML writes it', withVariables({ taskEvent: 'True', rayEvent: 'TRUE' })],
    ["the recorder of 2.58 instead of the core worker's flag", withVariables({ taskEvent: '', taskRecorder: '1' })],
    [
      'no RAY_enable_ray_event on 2.49, which does not know it',
      goodFacts({
        ray: rayFacts({ version: '2.49.2', release: [2, 49] }),
        local: localFacts({
          processes: [
            processFacts({ kind: 'gcs_server', variables: without('rayEvent') }),
            processFacts({ variables: { ...goodVariables, eventTypes: 'TASK_DEFINITION_EVENT,TASK_EXECUTION_EVENT' } }),
          ],
        }),
      }),
    ],
    [
      'a raylet whose head is on another machine and may set the flag for all nodes',
      goodFacts({ local: localFacts({ processes: [processFacts({ variables: without('taskEvent') })] }) }),
    ],
    [
      'past failures',
      failing('cannot_connect', { counts: { received: 50, published: 50, filtered: 0, dropped: 0, consecutiveFailures: 0 } }),
    ],
    [
      'clocks that differ by less than the accuracy of the readings',
      remote(rayFacts({ nodes: [nodeFacts(), nodeFacts({ ...worker, clock: { minMs: 900, maxMs: 21_000 } })] })),
    ],
    ['retries that ended', counted({ exportRetries: 5 }, { spansExported: 50 })],
    [
      '--bridge localhost, while the processes here have 127.0.0.1',
      goodFacts({
        bridge: bridgeFacts({ address: 'http://localhost:8080/v1/events' }),
        ray: rayFacts({ nodes: [] }),
        local: localFacts({ processes: [processFacts({ variables: { ...goodVariables, address: 'http://127.0.0.1:8080/' } })] }),
      }),
    ],
  ])('there is no finding for: %s', (_what, facts) => {
    expect(codesOf(facts)).toEqual([]);
  });

  it('as many events as tasks may all be cluster events, so the task flag is unknown', () => {
    const facts = { ...remote(rayFacts()), bridge: bridgeFacts({ counts: bridgeCounts({ attempts: 0, received: 10 }) }) };
    expect(diagnose(facts).unknown.flatMap(({ checks }) => checks)).toContain('task_flag');
    const old = { ...facts, ray: rayFacts({ version: '2.49.2', release: [2, 49] as const }) };
    expect(diagnose(old).well.map(({ check }) => check)).toContain('task_flag');
  });

  it('in an idle cluster the task flag is unknown', () => {
    const diagnosis = diagnose(remote(rayFacts({ taskCount: 0 })));
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.unknown.flatMap(({ checks }) => checks)).toContain('task_flag');
  });

  it('a default address without a listener is unknown, not a fault', () => {
    const bridge = { ...noFacts().bridge, source: 'default', post: failed('refused') } as const;
    const facts = { ...noFacts(), ray: { ...noFacts().ray, source: 'default', answer: failed('refused') } as const, bridge };
    expect(codesOf(facts)).toEqual([]);
    expect(diagnose(facts).well).toEqual([]);
  });

  it.each<[string, Facts['backend']]>([
    [
      'the default of a shell without OTEL_*',
      {
        kind: 'asked',
        endpoint: 'http://localhost:4318/v1/traces',
        protocol: 'http/protobuf',
        isDefault: true,
        outcome: { kind: 'refused_connection', reason },
        other: undefined,
      },
    ],
    [
      'an endpoint that only the bridge reaches',
      {
        kind: 'asked',
        endpoint: 'http://tempo:4318/v1/traces',
        protocol: 'http/protobuf',
        isDefault: false,
        outcome: { kind: 'unknown_host', reason },
        other: undefined,
      },
    ],
    [
      'credentials that this shell lacks',
      {
        kind: 'asked',
        endpoint: 'http://tempo:4318/v1/traces',
        protocol: 'http/protobuf',
        isDefault: false,
        outcome: { kind: 'credentials', reason },
        other: undefined,
      },
    ],
    ['invalid variables of this shell', { kind: 'invalid', problems: ['OTEL_EXPORTER_OTLP_PROTOCOL="h2" is not known'] }],
    ['OTEL_TRACES_EXPORTER=none in this shell', { kind: 'no_otlp', describe: ['none'] }],
    ['no address', { kind: 'not_asked' }],
  ])('while the bridge delivers, its backend passes despite: %s', (_what, backend) => {
    const diagnosis = diagnose(goodFacts({ backend }));
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.well).toContainEqual({ check: 'backend', what: 'the bridge delivers its spans to http://tempo:4318' });
    for (const { what } of diagnosis.unknown) expect(what).toMatch(/the bridge delivers/);
  });

  it.each([
    ['sends elsewhere', bridgeFacts({ counts: bridgeCounts({ spansExported: 0 }) }), /the bridge sends to http:\/\/tempo:4318/],
    ['does not report its endpoints', bridgeFacts({ counts: undefined }), /the default endpoint accepts no OTLP$/],
  ])('a default endpoint without a listener is unknown when the bridge %s', (_what, bridge, expected) => {
    const outcome = { kind: 'refused_connection', reason } as const;
    const backend = {
      kind: 'asked',
      endpoint: 'http://localhost:4318/v1/traces',
      protocol: 'http/protobuf',
      isDefault: true,
      outcome,
      other: undefined,
    } as const;
    const diagnosis = diagnose(goodFacts({ bridge, backend }));
    expect(diagnosis.findings.map(({ code }) => code)).not.toContain('otlp_unreachable');
    expect(diagnosis.unknown.map(({ what }) => what).join('\n')).toMatch(expected);
    const own = bridgeFacts({ counts: bridgeCounts({ spansExported: 0, endpoints: ['http://localhost:4318'] }) });
    expect(codesOf(goodFacts({ bridge: own, backend }))).toContain('otlp_unreachable');
  });

  it('findings about another program at the address do not mention a bridge', () => {
    const diagnosis = diagnose(foreign(405));
    expect(diagnosis.findings.map(({ code }) => code)).toEqual(['bridge_not_bridge']);
    expect(JSON.stringify(diagnosis)).not.toMatch(/log of the bridge|proxy on the way/);
    expect(diagnosis.unknown.find(({ checks }) => checks.includes('bridge_ready'))?.what).toMatch(/is not a ray-otel-bridge/);
  });

  it('an error of a proxy without a bridge behind it names the log of the proxy, not of the bridge', () => {
    const down = answered(504, '<html>nginx</html>');
    const bridge = bridgeFacts({ post: down, health: down, ready: down, metrics: down, counts: undefined });
    const [found] = diagnose(goodFacts({ bridge })).findings;
    expect([found?.code, found?.fix]).toEqual(['bridge_refuses', expect.stringMatching(/log of the proxy/)]);
    const known = bridgeFacts({ post: down });
    expect(diagnose(goodFacts({ bridge: known })).findings[0]?.fix).toMatch(/log of the bridge/);
  });
});
