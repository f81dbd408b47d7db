import type { StateTransition, Untimed } from '../../event/index.ts';
import { LazySet } from '../compact/lazy-collections.ts';
import type { LeftOut } from '../compact/left-out.ts';
import { compactString } from '../compact/compact-string.ts';

/** Something that Ray reports by a definition and state transitions. */
export class Entity<Session, Definition, Transition extends StateTransition> {
  readonly id: string;
  readonly session: Session;
  definition: Definition | undefined;
  transitions: Transition[] = [];
  leftOut: LeftOut | undefined;
  /** The state that ends it, without a time. */
  untimedEnd: Untimed<Transition> | undefined;
  dueMs = Number.POSITIVE_INFINITY;
  /** Of memory: see `held.ts`. */
  bytes = 0;
  closed = false;

  constructor(session: Session, id: string) {
    this.session = session;
    this.id = compactString(id);
  }

  get isNeeded(): boolean {
    return !this.closed;
  }

  /** Whether Ray reported it itself. Otherwise other events only name it. */
  get seen(): boolean {
    return this.definition !== undefined || this.transitions.length > 0 || this.untimedEnd !== undefined;
  }
}

/** Attempts run on it, and end with it. */
export class Machine<Session, Placement, Definition, Transition extends StateTransition> extends Entity<Session, Definition, Transition> {
  /** What open attempts share that run on it. */
  readonly placements = new LazySet<Placement>();
  /** Open attempts that run on it. */
  running = 0;
  deadMs: number | undefined;

  override get isNeeded(): boolean {
    return this.running > 0 || (this.seen && !this.closed);
  }
}
