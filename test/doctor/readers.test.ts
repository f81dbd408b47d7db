import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
import { describe, expect, it } from 'vitest';
import { readAgentCounts } from '../../src/doctor/agent-metrics.ts';
import { readBridgeCounts } from '../../src/doctor/bridge-metrics.ts';
import { offsetOfDate, offsetOfSample } from '../../src/doctor/clock-offset.ts';
import { at, listAt, numberAt, textAt } from '../../src/doctor/json.ts';
import { readSamples } from '../../src/doctor/prometheus.ts';
import { parseJson } from '../../src/runtime/index.ts';
import { isSameAddress, publicUrl } from '../../src/doctor/public-url.ts';
import { isAtLeast, isOn, parseEventTypes, parseRelease } from '../../src/doctor/ray-release.ts';
import { rayVariablesOfEnviron } from '../../src/doctor/variables.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { answered } from './facts-fixture.ts';

describe('the metrics of an agent', () => {
  const labels = 'Component="aggregator_agent",SessionName="s",Version="2.60.0",ip="10.0.0.1",pid="1"';

  it('in the metrics of Ray 2.60, absent counters are 0 and other consumers do not count', () => {
    const page = [
      '# TYPE ray_aggregator_agent_events_received_total counter',
      `ray_aggregator_agent_events_received_total{${labels}} 18.0`,
      `ray_aggregator_agent_published_events_total{${labels},consumer="http_service"} 5.0`,
      `ray_aggregator_agent_published_events_total{${labels},consumer="ray_gcs"} 18.0`,
      `ray_aggregator_agent_queue_dropped_events_total{${labels},event_type="A"} 1.0`,
      `ray_aggregator_agent_queue_dropped_events_total{${labels},event_type="B"} 2.0`,
      `ray_aggregator_agent_consecutive_failures_since_last_success{${labels},consumer="http_service"} 4.0`,
    ].join('\n');
    expect(readAgentCounts(page, false)).toEqual({ received: 18, published: 5, filtered: 0, dropped: 3, consecutiveFailures: 4 });
  });

  it('the metrics of Ray 2.49 have other names and do not count failures', () => {
    const page = ['received', 'published', 'filtered_out', 'dropped_at_event_aggregator']
      .map((name, index) => `ray_event_aggregator_agent_events_${name}_total{${labels}} ${index + 1}.0`)
      .join('\n');
    expect(readAgentCounts(page, false)).toEqual({ received: 1, published: 2, filtered: 3, dropped: 4, consecutiveFailures: undefined });
  });

  it('the counters are 0 on a page of Ray without them, and unknown on any other page', () => {
    expect(readAgentCounts('ray_node_cpu_count{} 2.0', false)).toMatchObject({ received: 0 });
    expect(readAgentCounts('ray_node_cpu_count{} 2.0', true)).toBeUndefined();
    expect(readAgentCounts('<html>', false)).toBeUndefined();
  });
});

describe('the metrics of a bridge', () => {
  it('the counters of a bridge are read from its own metrics page', async () => {
    const telemetry = createTelemetry({ logLevel: 'silent' });
    telemetry.batchRefused('token_missing', '', undefined);
    telemetry.lifecycleFinished('attempt');
    telemetry.lifecycleFinished('job');
    const { text } = await telemetry.metricsPage();
    expect(readBridgeCounts(text)).toMatchObject({ received: 0, attempts: 1, refusedByCode: new Map([['token_missing', 1]]) });
    expect(readBridgeCounts('up 1')).toBeUndefined();
  });

  it('malformed lines are skipped', () => {
    const page = 'ray_x{a="\\"}\n"} 1\nray_x NaN\nray_x 1 2 3\nray_x{a="1"} 7 1700000000';
    expect(readSamples(page, ['ray_x'])).toEqual([expect.objectContaining({ value: 7 })]);
  });
});

describe('addresses', () => {
  it.each([
    ['http://ray:SECRET@bridge:8080/v1/events', 'http://***@bridge:8080/v1/events'],
    ['http://SECRET@bridge/t/SECRET/v1/events?key=SECRET#SECRET', 'http://***@bridge/t/***/v1/events?***'],
    ['ray:SECRET@bridge:8080/t/SECRET?SECRET', '***@bridge:8080/t/***'],
    ['ftp://ray:SECRET@bridge', '***@bridge'],
    ['"http://ray:p@SECRET@bridge"', '***@bridge"'],
    ['bridge:8080', 'bridge:8080'],
    [`http://bridge/${'x'.repeat(900)}`, `http://bridge/${'x'.repeat(186)}…`],
  ])('the address %s is printed as %s', (address, shown) => {
    expect(publicUrl(address)).toBe(shown);
  });

  it('addresses are compared without credentials and path', () => {
    expect(isSameAddress('http://a:b@bridge:80/v1/events', 'http://bridge/t/x')).toBe(true);
    expect(isSameAddress('http://bridge', 'https://bridge')).toBe(false);
  });
});

describe('releases, lists and switches', () => {
  it('releases are parsed and compared', () => {
    expect(parseRelease('2.49.2')).toEqual([2, 49]);
    expect(parseRelease('3.0.0.dev0')).toEqual([3, 0]);
    expect(parseRelease('2.9')).toEqual([2, 9]);
    expect(parseRelease('two')).toBeUndefined();
    expect(isAtLeast([2, 60], [2, 9])).toBe(true);
    expect(isAtLeast([2, 9], [2, 49])).toBe(false);
    expect(isAtLeast([3, 0], [2, 49])).toBe(true);
  });

  it('doctor knows the event types that serve prints', () => {
    expect(parseEventTypes(RAY_EVENT_TYPES.join(' , ')).unknownNames).toEqual([]);
    expect(parseEventTypes(' all ')).toMatchObject({ isAll: true, unknownNames: [] });
    expect(parseEventTypes('ALL,TASK_PROFILE_EVENT')).toMatchObject({ isAll: false, unknownNames: ['ALL'] });
  });

  // Observed with Ray 2.60.
  it.each([
    ['1', true],
    ['true', true],
    ['TRUE', true],
    ['yes', false],
    ['on', false],
    [' 1', false],
    ['0', false],
  ])('Ray reads the flag %j as on: %j', (value, expected) => {
    expect(isOn(value)).toBe(expected);
  });

  it('only the documented variables of an environment are kept', () => {
    const environ = 'AWS_SECRET=x\0RAY_enable_ray_event=1\0RAY_AUTH_TOKEN=y\0broken\0=z\0RAY_task_events_report_interval_ms=a=b\0';
    expect(rayVariablesOfEnviron(environ)).toEqual({ rayEvent: '1', taskInterval: 'a=b' });
  });
});

describe('clocks', () => {
  it('a Date header gives an offset, accurate to a second plus the time of the answer', () => {
    const clock = { dateMs: 10_000, sentAtMs: 10_300, receivedAtMs: 10_400 };
    expect(offsetOfDate(answered(200, '', { clock }))).toEqual({ minMs: -400, maxMs: 700 });
    expect(offsetOfDate(answered(200))).toBeUndefined();
  });

  it('the offset of a dashboard sample allows for its age', () => {
    expect(offsetOfSample(10_000, 12_000)).toEqual({ minMs: -2000, maxMs: 18_000 });
  });
});

describe('untrusted JSON', () => {
  it('a value with another shape reads as absent', () => {
    const value = parseJson('{"a": {"b": "text", "n": 1e999, "__proto__": {"x": 1}, "list": [1]}}');
    expect(textAt(value, 'a', 'b')).toBe('text');
    expect(numberAt(value, 'a', 'n')).toBeUndefined();
    expect(at(value, 'a', 'toString')).toBeUndefined();
    expect(at(value, 'a', 'b', 'length')).toBeUndefined();
    expect(listAt(value, 'a', 'list')).toEqual([1]);
    expect(listAt(value, 'a')).toEqual([]);
    expect(textAt({ a: 'x'.repeat(10_000) }, 'a')).toHaveLength(300);
    expect(parseJson('{')).toBeUndefined();
    expect(parseJson('['.repeat(100_000))).toBeUndefined();
  });
});
