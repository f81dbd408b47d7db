import { rayLibraryOf } from '../correlate/index.ts';
import type { AttributeSet } from './span-builder.ts';

/** Sets what a task or an actor is to Ray Data, Serve, Train or Tune. */
export function addLibrary(attributes: AttributeSet, named: Parameters<typeof rayLibraryOf>[0]): void {
  const facts = rayLibraryOf(named);
  if (facts === undefined) return;
  attributes
    .set('ray.library', facts.library)
    .set('ray.data.operator', facts.operator)
    .set('ray.serve.application', facts.application)
    .set('ray.serve.deployment', facts.deployment);
}
