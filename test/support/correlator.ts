import { Packr } from 'msgpackr';
import {
  type CheckpointRecord,
  type Correlator,
  type CorrelateOptions,
  type Cost,
  createCorrelator as createWithMapping,
  type Finished,
  type Mapping,
} from '../../src/correlate/index.ts';

/** A correlator whose results are looked at as lifecycles, without their spans. */
export type LifecycleCorrelator = Omit<Correlator, 'advance' | 'closeAll'> & {
  advance(nowMs: number, limit?: number): readonly Finished[];
  closeAll(nowMs: number): readonly Finished[];
};

export type LifecycleOptions = Partial<CorrelateOptions> & {
  /** Default: every lifecycle is one span of 500 bytes. */
  readonly mapping?: Mapping;
};

/** Every lifecycle has this cost, and no spans that could be looked at. */
export function flatMapping({ spans, bytes }: Cost = { spans: 1, bytes: 500 }): Mapping {
  const mapped = { spans: Array.from<undefined>({ length: spans }), bytes };
  return { map: () => mapped, count: () => spans, isSampled: () => true };
}

export function createCorrelator({ mapping = flatMapping(), ...options }: LifecycleOptions = {}): LifecycleCorrelator {
  const correlator = createWithMapping({ mapping, ...options });
  return {
    ...correlator,
    advance: (nowMs, limit) => correlator.advance(nowMs, limit).map(({ lifecycle }) => lifecycle),
    closeAll: (nowMs) => correlator.closeAll(nowMs).map(({ lifecycle }) => lifecycle),
  };
}

const packr = new Packr();

/** `fresh` in the state of `former`, by way of a checkpoint in the form that the journal gives its records. */
export function throughCheckpoint<Restored extends Pick<Correlator, 'restore'>>(
  former: Pick<Correlator, 'checkpoint'>,
  fresh: Restored,
): Restored {
  for (const record of former.checkpoint()) fresh.restore(packr.unpack(packr.pack(record)) as CheckpointRecord);
  return fresh;
}
