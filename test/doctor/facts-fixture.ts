import type { Answered } from '../../src/doctor/ask.ts';
import type { BridgeCounts } from '../../src/doctor/bridge-metrics.ts';
import type { BridgeFacts, Facts, LocalFacts, NodeFacts, ProcessFacts, RayFacts } from '../../src/doctor/facts.ts';
import { notAsked } from '../../src/doctor/facts.ts';
import type { RayVariables } from '../../src/doctor/variables.ts';

export const goodVariables: RayVariables = {
  address: 'http://ray:SECRET-TOKEN@bridge:8080/v1/events',
  eventTypes: 'ALL',
  rayEvent: '1',
  taskEvent: '1',
};

export function answered(status: number, body: unknown = {}, more: Partial<Answered> = {}): Answered {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'answered', status, location: undefined, contentType: '', text, isCut: false, clock: undefined, ...more };
}

export function nodeFacts(over: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name: '10.0.0.1 (head)',
    ip: '10.0.0.1',
    isHead: true,
    isHere: false,
    hasAgent: true,
    upMs: 600_000,
    counts: { received: 100, published: 90, filtered: 10, dropped: 0, consecutiveFailures: 0 },
    log: { isPosting: true, address: 'http://ray:SECRET-TOKEN@bridge:8080/v1/events', failures: 0, hasStopped: false },
    isLogMissing: false,
    clock: { minMs: -400, maxMs: 650 },
    ...over,
  };
}

export const worker = nodeFacts({ name: '10.0.0.2 (worker)', ip: '10.0.0.2', isHead: false });

export function rayFacts(over: Partial<RayFacts> = {}): RayFacts {
  return {
    url: new URL('http://10.0.0.1:8265'),
    source: 'flag',
    answer: answered(200, { ray_version: '2.60.0' }),
    version: '2.60.0',
    release: [2, 60],
    session: 'session_1',
    tokenFrom: undefined,
    taskCount: 20,
    nodes: [nodeFacts(), worker],
    nodesLeftOut: 0,
    nodesMissing: false,
    ...over,
  };
}

export function bridgeCounts(over: Partial<BridgeCounts> = {}): BridgeCounts {
  return {
    received: 180,
    rejectedByCode: new Map(),
    refusedByCode: new Map(),
    attempts: 20,
    posts: 100,
    spansExported: 40,
    spansQueued: 0,
    spansRefused: 0,
    spansDiscarded: 0,
    spansSampledOut: 0,
    exportRetries: 0,
    endpoints: ['http://tempo:4318'],
    ...over,
  };
}

export function bridgeFacts(over: Partial<BridgeFacts> = {}): BridgeFacts {
  const address = over.address ?? 'http://ray:SECRET-TOKEN@bridge:8080/v1/events';
  return {
    url: /^https?:/.test(address) ? new URL(address) : undefined,
    address,
    source: 'flag',
    health: answered(200, { status: 'ok' }),
    ready: answered(200, { status: 'ready' }),
    post: answered(200, { accepted: 0, duplicates: 0, rejected: 0, errors: [] }),
    metrics: answered(200, ''),
    counts: bridgeCounts(),
    countsLater: undefined,
    postsPerSecond: undefined,
    ...over,
  };
}

export function processFacts(over: Partial<ProcessFacts> = {}): ProcessFacts {
  return {
    kind: 'raylet',
    pid: 100,
    session: 'session_1',
    variables: goodVariables,
    systemFlags: {},
    isMinimal: false,
    misspelt: [],
    ...over,
  };
}

export function localFacts(over: Partial<LocalFacts> = {}): LocalFacts {
  return {
    shell: {},
    misspelt: [],
    hasProcFolder: true,
    processes: [processFacts({ kind: 'gcs_server', pid: 99 }), processFacts()],
    isDashboardOff: false,
    drivers: [],
    ...over,
  };
}

/** Facts of a healthy cluster with two nodes, gathered on its head. */
export function goodFacts(over: Partial<Facts> = {}): Facts {
  return {
    ray: rayFacts(),
    local: localFacts(),
    bridge: bridgeFacts(),
    backend: {
      kind: 'asked',
      endpoint: 'http://tempo:4318/v1/traces',
      protocol: 'http/protobuf',
      isDefault: false,
      outcome: { kind: 'accepted' },
      other: undefined,
    },
    ...over,
  };
}

/** Facts of a machine without /proc on which no request got an answer. */
export function noFacts(): Facts {
  const nothing = { health: notAsked, ready: notAsked, post: notAsked, metrics: notAsked, counts: undefined };
  return {
    ray: rayFacts({
      answer: notAsked,
      version: undefined,
      release: undefined,
      session: undefined,
      taskCount: undefined,
      nodes: [],
      nodesMissing: true,
    }),
    local: { shell: {}, misspelt: [], hasProcFolder: false, processes: [], isDashboardOff: false, drivers: [] },
    bridge: bridgeFacts(nothing),
    backend: { kind: 'not_asked' },
  };
}
