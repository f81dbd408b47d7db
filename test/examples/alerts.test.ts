import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { STATUS_OF_REFUSAL } from '../../src/http/index.ts';
import { REJECTIONS } from '../../src/event/index.ts';
import { readProjectFile, repositoryRoot } from '../repository/source-tree.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

const { groups } = parse(readProjectFile('examples/prometheus/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

const labelsOf = new Map<string, readonly string[]>();
for (const { name, type, labels } of Object.values(METRICS)) {
  if (type !== 'histogram') labelsOf.set(name, labels);
  else for (const suffix of ['_count', '_sum', '_bucket']) labelsOf.set(name + suffix, labels);
}
/** What Prometheus itself adds when it scrapes. */
const targetLabels = ['job', 'instance'];

const metricsIn = (text: string): string[] => text.match(/\bray_otel_bridge_\w+/g) ?? [];
/** Metrics with the labels in braces behind them. */
function selectorsIn(expr: string): { metric: string; labels: string[]; values: string[] }[] {
  return [...expr.matchAll(/\b(ray_otel_bridge_\w+)(?:\{([^}]*)\})?/g)].map(([, metric = '', matchers = '']) => {
    const parts = [...matchers.matchAll(/(\w+)\s*(?:!=|=~|!~|=)\s*"([^"]*)"/g)];
    return { metric, labels: parts.map(([, label = '']) => label), values: parts.flatMap(([, , value = '']) => value.split('|')) };
  });
}

describe('alert rules', () => {
  test('name metrics and labels that the bridge has, wherever they name one', () => {
    const named = rules.flatMap(({ expr, annotations }) => metricsIn([expr, ...Object.values(annotations)].join(' ')));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !labelsOf.has(name))).toEqual([]);
    for (const { metric, labels } of rules.flatMap(({ expr }) => selectorsIn(expr)))
      expect(labelsOf.get(metric)).toEqual(expect.arrayContaining(labels));
  });

  test('name codes and reasons that exist', () => {
    const known = new Set([...Object.keys(STATUS_OF_REFUSAL), ...Object.keys(REJECTIONS), '503', 'queue_full', 'write_failed']);
    const values = rules.flatMap(({ expr }) => selectorsIn(expr).flatMap((selector) => selector.values));
    expect(values.length).toBeGreaterThan(5);
    expect(values.filter((value) => !known.has(value))).toEqual([]);
  });

  test('show labels that their expression keeps', () => {
    for (const { alert, expr, annotations } of rules) {
      const shown = [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label = '']) => label);
      const aggregated = /\bby \(([^)]*)\)/
        .exec(expr)?.[1]
        ?.split(',')
        .map((label) => label.trim());
      const kept = aggregated ?? [...targetLabels, ...selectorsIn(expr).flatMap(({ metric }) => labelsOf.get(metric) ?? [])];
      expect(kept, alert).toEqual(expect.arrayContaining(shown));
    }
  });

  test('are for all that the bridge must not do silently, and each says what to do', () => {
    const watched = new Set(rules.flatMap(({ expr }) => metricsIn(expr)));
    for (const { name } of [
      METRICS.exportLagSeconds,
      METRICS.exporterMisconfigured,
      METRICS.spansRefused,
      METRICS.eventsRejected,
      METRICS.eventsLate,
      METRICS.journalBytes,
      METRICS.openAttempts,
      METRICS.requestsRefused,
      METRICS.internalErrors,
    ])
      expect(watched).toContain(name);
    for (const { alert, expr, labels, annotations, ...rest } of rules) {
      expect(alert).toMatch(/^RayOtelBridge[A-Z]\w+$/);
      expect(expr).not.toBe('');
      expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) });
      expect(Object.keys(annotations)).toEqual(['summary', 'description']);
      for (const text of Object.values(annotations)) expect(text).toMatch(/\.$/);
      expect(Object.keys(rest).filter((key) => key !== 'for')).toEqual([]);
      expect(rest.for ?? '1m').toMatch(/^\d+m$/);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  test('are all in the table of the README, and the scrape configuration has the name that they know', () => {
    const readme = readProjectFile('examples/prometheus/README.md');
    expect([...readme.matchAll(/^\| (RayOtelBridge\w+) \|/gm)].map(([, alert]) => alert)).toEqual(rules.map(({ alert }) => alert));
    const config = parse(readProjectFile('examples/prometheus/prometheus.yaml')) as {
      rule_files: string[];
      scrape_configs: { job_name: string }[];
    };
    expect(config.rule_files).toEqual(['alerts.yaml']);
    const [scrape] = config.scrape_configs;
    expect(rules.find(({ alert }) => alert === 'RayOtelBridgeDown')?.expr).toBe(`up{job="${scrape?.job_name}"} == 0`);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  test.skipIf(!hasPromtool)('fire when they should, and only then (needs promtool on the PATH)', async () => {
    const run = promisify(execFile);
    await run('promtool', ['check', 'rules', '--lint=all', join(repositoryRoot, 'examples/prometheus/alerts.yaml')]);
    await run('promtool', ['check', 'config', join(repositoryRoot, 'examples/prometheus/prometheus.yaml')]);
    const { stdout } = await run('promtool', ['test', 'rules', join(repositoryRoot, 'test/examples/alerts-promtool.yaml')]);
    expect(stdout).toContain('SUCCESS');
  });
});
