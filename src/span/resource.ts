import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { NodeFacts } from '../correlate/index.ts';
import { AttributeSet } from './draft.ts';
import type { SpanOptions } from './options.ts';

/** Distinct resources that are kept: OTLP groups spans by them. */
const RESOURCES_MAX = 10_000;

/** Resources by what they are made of, so that the spans of one node share one. */
export class Resources {
  readonly #options: SpanOptions;
  readonly #known = new Map<string, Resource>();

  constructor(options: SpanOptions) {
    this.#options = options;
  }

  of(lifecycle: { readonly session: string; readonly serviceName?: string; readonly node?: NodeFacts }): Resource {
    const key = JSON.stringify([lifecycle.session, lifecycle.serviceName, lifecycle.node]);
    let resource = this.#known.get(key);
    if (resource === undefined) {
      if (this.#known.size >= RESOURCES_MAX) this.#known.clear();
      resource = this.#make(lifecycle);
      this.#known.set(key, resource);
    }
    return resource;
  }

  #make({ session, serviceName, node }: { readonly session: string; readonly serviceName?: string; readonly node?: NodeFacts }): Resource {
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
    return resourceFromAttributes({ ...resourceAttributes, ...attributes.values });
  }
}
