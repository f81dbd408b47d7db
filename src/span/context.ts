import type { RuntimeEnvNames } from '../event/index.ts';
import { type EncodedAttributes, SpanEncoder } from '../otlp/index.ts';
import { type AttributeSet, AttributeSets, type SpanBuilding } from './span-builder.ts';
import type { SpanOptions } from './options.ts';
import { Resources } from './resource.ts';

/** Shared state of all mappings: options, resources, encoder. */
export class MappingContext implements SpanBuilding {
  readonly options: SpanOptions;
  readonly resources: Resources;
  readonly encoder = new SpanEncoder();
  readonly sets: AttributeSets;
  readonly #written = new WeakMap<object, EncodedAttributes>();

  constructor(options: SpanOptions) {
    this.options = options;
    this.sets = new AttributeSets(options.valueLengthMax);
    this.resources = new Resources(options);
  }

  attributes(): AttributeSet {
    return this.sets.take();
  }

  /**
   * Returns the encoded attributes of `source`, which many spans share. `write` runs once for each
   * source.
   */
  attributesOf(source: object, write: (attributes: AttributeSet) => void): EncodedAttributes {
    let encoded = this.#written.get(source);
    if (encoded === undefined) {
      const attributes = this.sets.take();
      write(attributes);
      encoded = this.encoder.encodeAttributes(attributes);
      this.sets.giveBack(attributes);
      this.#written.set(source, encoded);
    }
    return encoded;
  }

  addRuntimeEnv(attributes: AttributeSet, names: RuntimeEnvNames | undefined): void {
    if (this.options.runtimeEnv === 'none' || names === undefined) return;
    attributes
      .set('ray.runtime_env.pip', names.pip === undefined ? undefined : [...names.pip])
      .set('ray.runtime_env.conda', names.conda)
      .set('ray.runtime_env.working_dir', names.workingDir);
  }
}
