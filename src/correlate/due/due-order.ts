import { CLUSTER_KIND_NAMES } from '../entities/cluster-kinds.ts';
import { Actor, Attempt, Job, Point, Session, type Timed } from '../entities/entities.ts';

/**
 * What is due at the same moment ends from the inside out: attempts before their job, everything before its session; of one kind by id. What comes first
 * has the first claim to the budget of its trace.
 */
export function compareTimed(a: Timed, b: Timed): number {
  if (a instanceof Attempt && b instanceof Attempt) return compareAttempts(a, b);
  const byRank = rankOf(a) - rankOf(b);
  if (byRank !== 0) return byRank;
  return compareText(keyOf(a), keyOf(b)) || compareText(sessionOf(a), sessionOf(b));
}

function compareAttempts(a: Attempt, b: Attempt): number {
  return compareText(a.task.id, b.task.id) || a.number - b.number || compareText(a.task.session.name, b.task.session.name);
}

const FIRST_KIND = 2;
const AFTER_KINDS = FIRST_KIND + CLUSTER_KIND_NAMES.length;

/** Nodes that died come before all other entities of their trace. */
function rankOf(record: Timed): number {
  if (record instanceof Attempt) return 0;
  if (record instanceof Point) return AFTER_KINDS;
  if (record instanceof Actor) return AFTER_KINDS + 1;
  if (record instanceof Job) return AFTER_KINDS + 2;
  if (record instanceof Session) return AFTER_KINDS + 3;
  return record.kind === 'node' && record.deadMs !== undefined ? 1 : FIRST_KIND + CLUSTER_KIND_NAMES.indexOf(record.kind);
}

function keyOf(record: Timed): string {
  if (record instanceof Point) return `${record.point?.timeNs ?? ''}/${record.id}`;
  return 'id' in record ? record.id : '';
}

function sessionOf(record: Timed): string {
  if (record instanceof Attempt) return record.task.session.name;
  return 'session' in record ? record.session.name : record.name;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
