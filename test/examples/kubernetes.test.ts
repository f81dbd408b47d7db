import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseSettings } from '../../src/config.ts';
import { suspectVariables } from '../../src/known-variables.ts';
import { createExporters } from '../../src/export/index.ts';
import { rayVariables } from '../../src/command/ray-variables.ts';
import { readProjectFile, repositoryRoot } from '../repository/source-tree.ts';

interface EnvVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvVariable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}

interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec: {
    readonly automountServiceAccountToken: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext: Record<string, unknown>;
    readonly containers: readonly [Container];
    readonly volumes: readonly { readonly name: string; readonly secret?: { secretName: string }; readonly configMap?: { name: string } }[];
  };
}

interface ServiceSpec {
  readonly selector: Record<string, string>;
  readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
}

interface NetworkPolicySpec {
  readonly podSelector: { readonly matchLabels: Record<string, string> };
  readonly ingress: unknown;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: unknown;
}

const readManifests = (file: string): Manifest[] =>
  parseAllDocuments(readProjectFile(`examples/kubernetes/${file}`)).map((document) => document.toJS() as Manifest);
const kustomization = parse(readProjectFile('examples/kubernetes/kustomization.yaml')) as {
  resources: string[];
  images: { name: string; newTag: string }[];
};
const manifests = [...kustomization.resources, 'servicemonitor.yaml', 'raycluster.yaml'].flatMap(readManifests);
const readme = readProjectFile('examples/kubernetes/README.md');
const version = (JSON.parse(readProjectFile('package.json')) as { version: string }).version;

/** Each kind has a shape of its own: the caller says which it is. */
function find(kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

const bridge = find('StatefulSet', 'ray-otel-bridge').spec as {
  replicas: number;
  serviceName: string;
  template: PodTemplate;
  volumeClaimTemplates: { metadata: { name: string }; spec: { accessModes: string[]; resources: { requests: { storage: string } } } }[];
};
const collector = find('Deployment', 'otel-collector').spec as { replicas: number; strategy: { type: string }; template: PodTemplate };
const bridgePod = bridge.template.spec;
const [bridgeContainer] = bridgePod.containers;
const bridgeEnv = Object.fromEntries(bridgeContainer.env.map(({ name, value = '' }) => [name, value]));
const rayCluster = find('RayCluster', 'ray').spec as {
  rayVersion: string;
  headGroupSpec: { template: PodTemplate };
  workerGroupSpecs: { template: PodTemplate }[];
};

describe('the bridge', () => {
  test('takes its variables, and sends to a Service that there is', () => {
    expect(suspectVariables(bridgeEnv)).toEqual([]);
    const parsed = parseSettings([], bridgeEnv);
    expect(parsed).toMatchObject({ ok: true });
    const created = createExporters(bridgeEnv);
    expect(created.ok ? created.exporters.map(({ endpoint }) => endpoint) : created.problems).toEqual([
      'http://otel-collector:4318/v1/traces',
    ]);
    const { ports } = find('Service', 'otel-collector').spec as ServiceSpec;
    expect(ports.map(({ port }) => port)).toContain(4318);
  });

  test('is one process, whose data folder is a claim that outlives it and is larger than the journal', () => {
    expect(bridge).toMatchObject({ replicas: 1, serviceName: 'ray-otel-bridge' });
    const [claim] = bridge.volumeClaimTemplates;
    expect(claim?.spec.accessModes).toEqual(['ReadWriteOncePod']);
    const mount = bridgeContainer.volumeMounts.find(({ name }) => name === claim?.metadata.name);
    expect(mount?.mountPath).toBe(bridgeEnv['RAY_OTEL_DATA_DIR']);
    const parsed = parseSettings([], bridgeEnv);
    const claimBytes = Number.parseInt(claim?.spec.resources.requests.storage ?? '', 10) * 2 ** 30;
    expect(parsed.ok && parsed.settings.maxJournalBytes).toBeLessThan(claimBytes);
  });

  test('is asked for its health where it answers, and is given longer to end than it drains', () => {
    expect(bridgeContainer.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(bridgeContainer.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    const [port] = bridgeContainer.ports;
    expect(bridgeEnv['RAY_OTEL_LISTEN']).toBe(`0.0.0.0:${port?.containerPort}`);
    const parsed = parseSettings([], bridgeEnv);
    expect(parsed.ok && parsed.settings.drainTimeoutMs / 1000).toBeLessThan(bridgePod.terminationGracePeriodSeconds ?? 0);
  });

  test('has its tokens as files of a Secret, whole', () => {
    const mount = bridgeContainer.volumeMounts.find(({ name }) => name === 'tokens');
    expect(mount).toEqual({ name: 'tokens', mountPath: '/tokens', readOnly: true });
    for (const key of ['ingest', 'read']) expect(bridgeEnv[`RAY_OTEL_${key.toUpperCase()}_TOKEN_FILE`]).toBe(`/tokens/${key}`);
  });
});

describe.each([
  ['bridge', bridge.template],
  ['collector', collector.template],
])('the pod of the %s', (_, { spec }) => {
  test('has no root, no privileges, nothing to write but its volumes', () => {
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(spec.securityContext['runAsUser']).toBeGreaterThan(0);
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('says what it needs, and mounts volumes that there are', () => {
    const [{ resources, volumeMounts }] = spec.containers;
    expect(Object.keys(resources.requests)).toEqual(['cpu', 'memory']);
    expect(Object.keys(resources.limits)).toEqual(['memory']);
    const volumes = [...spec.volumes, ...bridge.volumeClaimTemplates.map(({ metadata }) => metadata)].map(({ name }) => name);
    for (const { name } of volumeMounts) expect(volumes).toContain(name);
  });
});

test('the images are pinned, that of the bridge to this release', () => {
  expect(kustomization.images).toMatchObject([{ name: bridgeContainer.image, newTag: version }]);
  expect(readme).toContain(`registry.example.com/ray-otel-bridge:${version}`);
  const pods = [collector.template, rayCluster.headGroupSpec.template, ...rayCluster.workerGroupSpecs.map(({ template }) => template)];
  for (const { spec } of pods) expect(spec.containers[0].image).toMatch(/:\d+\.\d+\.\d+$/);
});

test('the collector is one, reads variables of the configuration that the commands hand it, and is never two', () => {
  expect(collector).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  const read = new Set([...readProjectFile('otel-collector.yaml').matchAll(/\$\{env:(\w+):-[^}]+\}/g)].map((match) => match[1]));
  const [{ env }] = collector.template.spec.containers;
  expect(env.length).toBeGreaterThan(4);
  for (const { name } of env) expect(read).toContain(name);
});

test('every Service finds pods, by ports that they have', () => {
  const templates = [bridge.template, collector.template];
  for (const { spec, metadata } of manifests.filter(({ kind }) => kind === 'Service')) {
    const { selector, ports } = spec as ServiceSpec;
    const template = templates.find(({ metadata: { labels } }) => isSubset(selector, labels));
    const names = template?.spec.containers[0].ports.map(({ name }) => name);
    for (const { targetPort } of ports) expect(names, metadata.name).toContain(targetPort);
  }
});

test('who may talk to whom: Ray to the bridge, the bridge to the collector, Prometheus to both', () => {
  const ingress = (name: string): string => JSON.stringify((find('NetworkPolicy', name).spec as NetworkPolicySpec).ingress);
  expect(ingress('ray-otel-bridge')).toContain('"ray.io/is-ray-node":"yes"');
  expect(ingress('otel-collector')).toContain('"app.kubernetes.io/name":"ray-otel-bridge"');
  for (const name of ['ray-otel-bridge', 'otel-collector']) {
    const { podSelector } = find('NetworkPolicy', name).spec as NetworkPolicySpec;
    const template = name === 'ray-otel-bridge' ? bridge.template : collector.template;
    expect(isSubset(podSelector.matchLabels, template.metadata.labels)).toBe(true);
    expect(ingress(name)).toContain('"kubernetes.io/metadata.name":"monitoring"');
  }
  const monitor = find('ServiceMonitor', 'ray-otel-bridge').spec as { endpoints: { port: string; path: string; authorization: unknown }[] };
  expect(monitor.endpoints).toMatchObject([{ port: 'http', path: '/metrics', authorization: { credentials: { key: 'read' } } }]);
});

test('every container of Ray has the four variables, the address from a Secret', () => {
  const names = rayVariables('http://bridge').flatMap((line) => /^export (\w+)=/.exec(line)?.[1] ?? []);
  expect(names).toHaveLength(4);
  const groups = [rayCluster.headGroupSpec, ...rayCluster.workerGroupSpecs];
  expect(groups.length).toBeGreaterThan(1);
  for (const { template } of groups) {
    const [{ env, image }] = template.spec.containers;
    expect(env.map(({ name }) => name)).toEqual(names);
    expect(env[0]?.valueFrom?.secretKeyRef).toEqual({ name: 'ray-otel-bridge-address', key: 'url' });
    expect(image).toBe(`rayproject/ray:${rayCluster.rayVersion}`);
  }
});

test('the commands of the README make every Secret and ConfigMap that is named, with the keys that are read', () => {
  const made = new Map(
    [...readme.matchAll(/-n (\S+) create (?:secret generic|configmap) (\S+)((?: --from-file=\S+)+)$/gm)].map(
      ([, namespace = '', name = '', files = '']) => [`${namespace}/${name}`, [...files.matchAll(/=(\S+)/g)].map(([, key]) => key)],
    ),
  );
  expect(made.get('observability/ray-otel-bridge-tokens')).toEqual(['ingest', 'read']);
  expect(made.get('ray/ray-otel-bridge-address')).toEqual(['url']);
  expect(made.get('observability/otel-collector')).toEqual(['otel-collector.yaml']);
  const named = [...bridgePod.volumes, ...collector.template.spec.volumes].map(
    ({ secret, configMap }) => secret?.secretName ?? configMap?.name,
  );
  for (const name of named) expect([...made.keys()]).toContain(`observability/${name}`);
  const { namespace } = find('StatefulSet', 'ray-otel-bridge').metadata;
  const service = find('Service', 'ray-otel-bridge');
  expect(readme).toContain(
    `http://ray:%s@${service.metadata.name}.${namespace}.svc:${(service.spec as ServiceSpec).ports[0]?.port}/v1/events`,
  );
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
test.skipIf(!hasKubectl)('kubectl builds the folder (needs kubectl on the PATH)', () => {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(repositoryRoot, 'examples/kubernetes')], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(stdout).toContain(`image: registry.example.com/ray-otel-bridge:${version}`);
  expect(parseAllDocuments(stdout)).toHaveLength(kustomization.resources.flatMap(readManifests).length);
});

function isSubset(part: Readonly<Record<string, string>>, whole: Readonly<Record<string, string>>): boolean {
  return Object.entries(part).every(([key, value]) => whole[key] === value);
}
