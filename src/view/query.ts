import { refuseRead, type ViewRefusal } from './refusal.ts';
import type { TaskFilter, TaskOrder } from './select.ts';
import { STAGES } from './stage.ts';

export const PAGE_LIMITS = {
  tasks: 1_000,
  offset: 10_000_000,
  textLength: 200,
  jobs: 2_000,
  expandedKeys: 100,
  rollupKeyLength: 80,
} as const;
const DEFAULT_TASKS = 200;

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

export function readOrder(query: Query): Read<TaskOrder> {
  const order = query('order') ?? '';
  if (order === '' || order === 'start') return { ok: true, value: 'start' };
  return order === 'tree' ? { ok: true, value: order } : refuseRead('query_invalid', 'order must be start or tree');
}

export type Read<Value> = { readonly ok: true; readonly value: Value } | ViewRefusal;

/** Returns a query parameter by name, or undefined if the request lacks it. */
export type Query = (name: string) => string | undefined;

export function readFilter(query: Query): Read<TaskFilter> {
  const state = query('state') ?? '';
  const wanted = ([...STAGES, 'pending'] as const).find((each) => each === state);
  if (state !== '' && wanted === undefined) return refuseRead('query_invalid', `state must be pending or one of ${STAGES.join(', ')}`);
  const filter: { -readonly [Key in keyof TaskFilter]: TaskFilter[Key] } = wanted === undefined ? {} : { state: wanted };
  for (const name of ['name', 'node', 'error', 'search'] as const) {
    const text = query(name) ?? '';
    if (text.length > PAGE_LIMITS.textLength)
      return refuseRead('query_invalid', `${name} must have at most ${PAGE_LIMITS.textLength} characters`);
    if (text !== '') filter[name] = text;
  }
  return { ok: true, value: filter };
}

export function readPage(query: Query): Read<Page> {
  const offset = readCount(query('offset'), 0, PAGE_LIMITS.offset);
  const limit = readCount(query('limit'), DEFAULT_TASKS, PAGE_LIMITS.tasks);
  if (offset === undefined) return refuseRead('query_invalid', `offset must be an integer from 0 to ${PAGE_LIMITS.offset}`);
  if (limit === undefined) return refuseRead('query_invalid', `limit must be an integer from 0 to ${PAGE_LIMITS.tasks}`);
  return { ok: true, value: { offset, limit } };
}

/** Reads the keys of expanded rollups. Unknown keys have no effect. */
export function readExpandedKeys(query: Query): Read<ReadonlySet<string>> {
  const keys = (query('unfold') ?? '').split(',', PAGE_LIMITS.expandedKeys + 1).filter((key) => key !== '');
  if (keys.length > PAGE_LIMITS.expandedKeys)
    return refuseRead('query_invalid', `unfold must have at most ${PAGE_LIMITS.expandedKeys} keys`);
  if (keys.some((key) => key.length > PAGE_LIMITS.rollupKeyLength))
    return refuseRead('query_invalid', 'unfold must list keys from an earlier answer');
  return { ok: true, value: new Set(keys) };
}

function readCount(text: string | undefined, whenUnset: number, max: number): number | undefined {
  if (text === undefined || text === '') return whenUnset;
  const count = Number(text);
  return /^\d{1,9}$/.test(text) && count <= max ? count : undefined;
}
