import { parser as traceQl } from '@grafana/lezer-traceql';
import { parser as promQl } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/telemetry/metrics.ts';
import { ATTRIBUTES, type AttributeRow } from '../../src/span/attributes.ts';
import { readProjectFile } from '../repository/source-tree.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets: readonly {
    readonly datasource: Panel['datasource'];
    readonly query?: string;
    readonly expr?: string;
    readonly legendFormat?: string;
  }[];
}

const readDashboard = (name: string): { uid: string; panels: Panel[] } =>
  JSON.parse(readProjectFile(`examples/grafana/${name}.json`)) as { uid: string; panels: Panel[] };
const jobs = readDashboard('ray-jobs');
const health = readDashboard('bridge-health');
const readme = readProjectFile('examples/grafana/README.md');
const questions = [...readme.matchAll(/^ {4}(\{.*)$/gm)].map(([, query = '']) => query);
const jobQueries = jobs.panels.flatMap(({ targets }) => targets.map(({ query = '' }) => query));
const healthQueries = health.panels.flatMap(({ targets }) => targets.map(({ expr = '' }) => expr.replaceAll('$__rate_interval', '1m')));

/** Where the grammar finds an error. */
function errorsIn(parser: typeof traceQl, query: string): string[] {
  const errors: string[] = [];
  parser.parse(query).iterate({
    enter: ({ type, from }) => {
      if (type.isError) errors.push(`${query.slice(0, from)} >>> ${query.slice(from)}`);
    },
  });
  return errors;
}

/** What of a TraceQL query names no attribute of the bridge, or looks for one where it does not stand. */
function strangersIn(query: string): string[] {
  const code = query.replaceAll(/"[^"]*"/g, '""');
  const named = [...code.matchAll(/\b(span|resource|event|link)\.([\w.]+)/g)];
  return named.flatMap(([text, scope = '', key = '']) => {
    const row = (ATTRIBUTES as Readonly<Record<string, AttributeRow>>)[key];
    if (row === undefined) return [text];
    const places = row.on.map((on) => (on === 'resource' || on === 'event' || on === 'link' ? on : 'span'));
    return (places as string[]).includes(scope) ? [] : [text];
  });
}

const labelsOf = new Map<string, readonly string[]>([['process_resident_memory_bytes', []]]);
for (const { name, type, labels = [] } of Object.values(METRICS)) {
  if (type !== 'histogram') labelsOf.set(name, labels);
  else for (const suffix of ['_count', '_sum', '_bucket']) labelsOf.set(name + suffix, suffix === '_bucket' ? [...labels, 'le'] : labels);
}

/** Metrics that a PromQL expression names, and the labels by which it sums. */
function namesIn(expr: string): { metrics: string[]; labels: string[] } {
  return {
    metrics: expr.match(/\b(?:ray_otel_bridge|process)_\w+/g) ?? [],
    labels: [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(',').map((label) => label.trim())),
  };
}

describe('queries to Tempo', () => {
  test('are what the grammar of TraceQL takes', () => {
    expect(jobQueries.length).toBeGreaterThan(10);
    expect(questions.length).toBeGreaterThan(10);
    expect([...jobQueries, ...questions].flatMap((query) => errorsIn(traceQl, query))).toEqual([]);
    expect(errorsIn(traceQl, '{ status = } | rate()')).not.toEqual([]);
  });

  test('name attributes that the bridge sets, in the place where they stand', () => {
    expect([...jobQueries, ...questions].flatMap(strangersIn)).toEqual([]);
    expect(strangersIn('{ span.ray.node_id = "a" && resource.ray.node_id = "span.x" && span.ray.nothing = 1 }')).toEqual([
      'span.ray.node_id',
      'span.ray.nothing',
    ]);
  });

  test('ask no quantile of a fraction, which Tempo does not make', () => {
    for (const query of [...jobQueries, ...questions].filter((each) => each.includes('quantile_over_time')))
      expect(query).toContain('quantile_over_time(duration,');
  });

  test('answer each question of the page with one query', () => {
    expect(readme.match(/^\*\*.*$/gm)).toHaveLength(questions.length);
  });
});

describe('queries to Prometheus', () => {
  test('are what the grammar of PromQL takes', () => {
    expect(healthQueries.length).toBeGreaterThan(15);
    expect(healthQueries.flatMap((query) => errorsIn(promQl, query))).toEqual([]);
    expect(errorsIn(promQl, 'sum by (le (x)')).not.toEqual([]);
  });

  test('name metrics and labels that the bridge has', () => {
    for (const query of healthQueries) {
      const { metrics, labels } = namesIn(query);
      expect(metrics, query).not.toEqual([]);
      for (const metric of metrics) expect(labelsOf.get(metric), `${metric} in ${query}`).toEqual(expect.arrayContaining(labels));
    }
  });

  test('show labels by which they sum', () => {
    for (const { targets } of health.panels)
      for (const { expr = '', legendFormat = '' } of targets) {
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        expect([...namesIn(expr).labels, 'instance'], expr).toEqual(expect.arrayContaining(shown));
      }
  });
});

describe('dashboards', () => {
  test('show throughput, queue and run time, failures and the slowest tasks', () => {
    const titles = jobs.panels.map(({ title }) => title.toLowerCase()).join('\n');
    for (const word of ['throughput', 'queue', 'running', 'failures', 'slowest', 'failed', 'retries', 'node'])
      expect(titles).toContain(word);
  });

  test.each([jobs, health])(
    '$uid: panels have ids of their own, lie beside each other, and ask a data source that is provisioned',
    ({ panels }) => {
      const { datasources } = parse(readProjectFile('examples/grafana/data-sources.yaml')) as {
        datasources: { type: string; uid: string }[];
      };
      const provisioned = datasources.map(({ type, uid }) => `${type} ${uid}`);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      for (const { datasource, targets, gridPos } of panels) {
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
        for (const source of [datasource, ...targets.map((target) => target.datasource)])
          expect(provisioned).toContain(`${source.type} ${source.uid}`);
      }
    },
  );

  test('are where Grafana looks for them', () => {
    const { providers } = parse(readProjectFile('examples/grafana/dashboard-provider.yaml')) as {
      providers: { options: { path: string } }[];
    };
    for (const [example, names] of [
      ['docker-compose', ['ray-jobs', 'bridge-health']],
      ['tempo', ['ray-jobs']],
    ] as const) {
      const { services } = parse(readProjectFile(`examples/${example}/compose.yaml`)) as { services: { grafana: { volumes: string[] } } };
      for (const name of names)
        expect(services.grafana.volumes).toContain(`../grafana/${name}.json:${providers[0]?.options.path}/${name}.json:ro`);
      expect(
        services.grafana.volumes.some((volume) => volume.startsWith('../grafana/dashboard-provider.yaml:/etc/grafana/provisioning/')),
      ).toBe(true);
    }
  });
});
