import type { ClusterPoint } from '../event/index.ts';
import type { Session } from './records.ts';

/** An event of the cluster that has a time and no duration, until its span is made. */
export class Point {
  readonly session: Session;
  readonly point: ClusterPoint;
  dueMs = Number.POSITIVE_INFINITY;
  closed = false;

  constructor(session: Session, point: ClusterPoint) {
    this.session = session;
    this.point = point;
  }
}
