import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { NodeFacts } from '../correlate/index.ts';
import { AttributeSet } from './span-builder.ts';
import type { SpanOptions } from './options.ts';

/** Maximum cached resources. OTLP groups spans by them. */
const MAX_RESOURCES = 10_000;

interface ResourceSource {
  readonly session: string;
  readonly serviceName?: string | undefined;
  readonly node?: NodeFacts | undefined;
}

/** Caches resources, so that all spans of a node share one. */
export class Resources {
  readonly #options: SpanOptions;
  readonly #known = new Map<string, Resource>();
  /** Last resource of each node, which is nearly always the next one. */
  readonly #lastOfNode = new Map<string | undefined, { readonly of: ResourceSource; readonly resource: Resource }>();

  constructor(options: SpanOptions) {
    this.#options = options;
  }

  of(source: ResourceSource): Resource {
    const nodeId = source.node?.nodeId;
    const last = this.#lastOfNode.get(nodeId);
    if (last !== undefined && isSame(last.of, source)) return last.resource;
    const { session, serviceName, node } = source;
    const key = JSON.stringify([session, serviceName, node]);
    const resource = this.#known.get(key) ?? this.#make(source);
    if (this.#known.size >= MAX_RESOURCES) this.#known.clear();
    if (this.#lastOfNode.size >= MAX_RESOURCES) this.#lastOfNode.clear();
    this.#known.set(key, resource);
    this.#lastOfNode.set(nodeId, { of: { session, serviceName, node }, resource });
    return resource;
  }

  #make({ session, serviceName, node }: ResourceSource): Resource {
    const { resourceAttributes, valueLengthMax } = this.#options;
    const attributes = new AttributeSet(valueLengthMax)
      .set('service.name', serviceName ?? this.#options.serviceName)
      .set('ray.session_name', session)
      .set('ray.node_id', node?.nodeId)
      .set('host.name', node?.hostname)
      .set('host.ip', node?.ipAddress)
      .set('host.id', node?.instanceId)
      .set('host.type', node?.instanceTypeName)
      .setEach('ray.node.label.', node?.labels);
    return resourceFromAttributes({ ...resourceAttributes, ...attributes.toObject() });
  }
}

/** Compares labels by identity: they come from the single definition of the node. */
function isSame(one: ResourceSource, other: ResourceSource): boolean {
  if (one.session !== other.session || one.serviceName !== other.serviceName) return false;
  const [a, b] = [one.node, other.node];
  if (a === undefined || b === undefined) return a === b;
  return (
    a.nodeId === b.nodeId &&
    a.hostname === b.hostname &&
    a.ipAddress === b.ipAddress &&
    a.nodeName === b.nodeName &&
    a.instanceId === b.instanceId &&
    a.instanceTypeName === b.instanceTypeName &&
    a.labels === b.labels
  );
}
