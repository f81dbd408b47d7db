import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readAgentLog } from '../../src/doctor/agent-log.ts';
import { ask } from '../../src/doctor/ask.ts';
import { exportStateOf } from '../../src/doctor/checks/export-state.ts';
import { diagnose, type Facts } from '../../src/doctor/index.ts';
import { bridgeCounts, bridgeFacts, goodFacts, localFacts, nodeFacts, rayFacts, worker } from './facts-fixture.ts';

// Tests each check just below and just above the value at which its verdict changes.

function codesOf(facts: Facts): readonly string[] {
  return diagnose(facts).findings.map(({ code }) => code);
}

function elsewhere(over: Parameters<typeof rayFacts>[0]): Facts {
  return goodFacts({ ray: rayFacts(over), local: localFacts({ processes: [] }) });
}

describe('the export of a bridge', () => {
  it.each([
    ['delivers', 'tries failed before, and nothing waits', { exportRetries: 3, spansQueued: 0 }, {}],
    ['delivers', 'spans wait, and no try has failed', { exportRetries: 0, spansQueued: 5 }, {}],
    ['delivers', 'spans wait after failed tries, and more are delivered', { exportRetries: 3, spansQueued: 5 }, { spansExported: 41 }],
    ['fails', 'spans wait after failed tries, and none is delivered', { exportRetries: 3, spansQueued: 1 }, {}],
    ['fails', 'another try fails', { exportRetries: 3, spansQueued: 0 }, { exportRetries: 4 }],
    ['unknown', 'nothing was sent yet', { spansExported: 0 }, {}],
  ] as const)('%s when %s', (state, _, counts, later) => {
    const bridge = bridgeFacts({ counts: bridgeCounts(counts), countsLater: bridgeCounts({ ...counts, ...later }) });
    expect(exportStateOf(bridge)).toBe(state);
  });

  it('is dropped by the sampler only when the sampler dropped all spans', () => {
    const sampled = (spansSampledOut: number, spansExported: number): readonly string[] =>
      codesOf(goodFacts({ bridge: bridgeFacts({ counts: bridgeCounts({ spansSampledOut, spansExported }) }) }));
    expect([sampled(0, 0), sampled(5, 1), sampled(5, 0)].map((codes) => codes.includes('sampled_out'))).toEqual([false, false, true]);
  });
});

describe('the advice to post less often', () => {
  it.each([
    [false, 'posts are few', 500, 3],
    [true, 'posts are many for the nodes', 501, 333],
    [false, 'each agent posts about once a second', 501, 334],
    [true, 'the nodes are not known', 501, 0],
  ])('is %s when %s', (isGiven, _, postsPerSecond, nodes) => {
    const ray = rayFacts({ nodes: nodes === 0 ? [] : [nodeFacts()], nodesLeftOut: Math.max(0, nodes - 1) });
    expect(codesOf(goodFacts({ ray, bridge: bridgeFacts({ postsPerSecond }) })).includes('posts_frequent')).toBe(isGiven);
  });
});

describe('the log of an agent', () => {
  it.each([
    [429, 'bridge_busy'],
    [499, 'post_refused'],
    [500, 'bridge_busy'],
    [503, 'bridge_busy'],
  ])('of a post that was answered %i says %s', (status, lastFailure) => {
    const tail = `Failed to send events to external service. Error: ClientResponseError((), status=${status}, message='X')\n`;
    expect(readAgentLog('', tail)).toMatchObject({ lastFailure, failures: 1 });
  });
});

describe('a node', () => {
  it('of Ray 2.49 fails to post only while events are left that were not posted', () => {
    const log = { isPosting: true, failures: 3, hasStopped: false, lastFailure: 'timeout' } as const;
    const posting = (received: number): readonly string[] =>
      codesOf(
        elsewhere({
          nodes: [nodeFacts({ log, counts: { received, published: 80, filtered: 15, dropped: 5, consecutiveFailures: undefined } })],
        }),
      );
    expect(posting(100)).not.toContain('agent_timeout');
    expect(posting(101)).toContain('agent_timeout');
  });

  it('has dropped events when it dropped one', () => {
    const dropped = (count: number): readonly string[] =>
      codesOf(
        elsewhere({
          nodes: [nodeFacts({ counts: { received: 100, published: 90, filtered: 10, dropped: count, consecutiveFailures: 0 } })],
        }),
      );
    expect(dropped(0)).not.toContain('events_dropped');
    expect(dropped(1)).toContain('events_dropped');
  });

  it('that was not asked has a clock that is not known', () => {
    const unknownChecks = (nodesLeftOut: number): readonly string[] =>
      diagnose(elsewhere({ nodes: [nodeFacts(), worker], nodesLeftOut })).unknown.flatMap(({ checks }) => checks);
    expect(unknownChecks(0)).not.toContain('clocks');
    expect(unknownChecks(1)).toContain('clocks');
  });

  it('sends no events of tasks when it received fewer events than tasks ran', () => {
    const missing = (taskCount: number): boolean => codesOf(elsewhere({ taskCount })).includes('task_flag_missing');
    // Two nodes, which have received 100 events each.
    expect([missing(200), missing(201)]).toEqual([false, true]);
  });
});

describe('an answer', () => {
  /** So much does not come in one piece. */
  const MAX_BYTES = 300_000;

  it.each([
    [MAX_BYTES - 1, MAX_BYTES - 1, false],
    [MAX_BYTES, MAX_BYTES, false],
    [MAX_BYTES + 1, MAX_BYTES, true],
    [10 * MAX_BYTES, MAX_BYTES, true],
  ])('of %i bytes is read up to %i bytes, cut: %s', async (sent, length, isCut) => {
    const server = createServer((_, response) => response.end('x'.repeat(sent)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { signal } = new AbortController();
    const answer = await ask(new URL(`http://127.0.0.1:${port}/`), { timeoutMs: 60_000, maxBytes: MAX_BYTES, stop: signal, now: () => 0 });
    server.close();
    expect(answer).toMatchObject({ kind: 'answered', isCut });
    expect(answer.kind === 'answered' ? answer.text.length : 0).toBe(length);
  });
});
