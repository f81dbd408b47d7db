import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SpanRef } from '../../src/correlate/index.ts';
import {
  actorSpanId,
  rollupSpanId,
  jobSpanId,
  nodeSpanId,
  sessionSpanId,
  spanIdOf,
  taskSpanId,
  workerSpanId,
} from '../../src/span/index.ts';

const id = fc.constantFrom('01', '02');
const ref: fc.Arbitrary<SpanRef> = fc.letrec<{ ref: SpanRef }>((tie) => ({
  ref: fc.oneof(
    { maxDepth: 2 },
    fc.constant<SpanRef>({ kind: 'session' }),
    fc.record({ kind: fc.constantFrom('job' as const, 'actor' as const, 'node' as const, 'worker' as const), id }),
    fc.record({ kind: fc.constant('task' as const), taskId: id, attempt: fc.nat(1) }),
    fc.record({ kind: fc.constant('rollup' as const), parent: tie('ref'), name: fc.constantFrom('a', 'b'), round: fc.nat(1) }),
  ),
})).ref;

function expected(session: string, span: SpanRef): string {
  if (span.kind === 'session') return sessionSpanId(session);
  if (span.kind === 'task') return taskSpanId(session, span.taskId, span.attempt);
  if (span.kind === 'rollup') return rollupSpanId(session, expected(session, span.parent), span.name, span.round);
  return {
    job: jobSpanId,
    actor: actorSpanId,
    node: nodeSpanId,
    worker: workerSpanId,
    placement_group: jobSpanId,
    submission_job: jobSpanId,
  }[span.kind](session, span.id);
}

it('the id of a span does not depend on the ids computed before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('s1', 's2'), ref), { maxLength: 30 }), (asked) => {
      for (const [session, span] of asked) expect(spanIdOf(session, span)).toBe(expected(session, span));
    }),
  );
});
