import { Actor, Attempt, Job, NodeRecord, PlacementGroup, Point, SubmissionJob, type Timed, WorkerRecord } from '../entities.ts';

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

function rankOf(record: Timed): number {
  if (record instanceof Attempt) return 0;
  if (record instanceof NodeRecord) return record.deadMs === undefined ? 2 : 1;
  if (record instanceof PlacementGroup) return 3;
  if (record instanceof SubmissionJob) return 4;
  if (record instanceof WorkerRecord) return 5;
  if (record instanceof Point) return 6;
  if (record instanceof Actor) return 7;
  return record instanceof Job ? 8 : 9;
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
