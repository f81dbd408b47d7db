import { type ActorState, countOf } from '../correlate/index.ts';
import { type ActorTransition, reasonLine } from '../event/index.ts';
import type { ViewLimits } from './limits.ts';
import { type Needs, needsOf } from './needs.ts';
import { shortened } from './text.ts';
import { toMs } from './times.ts';

/** One life of an actor's process. */
export interface IncarnationView {
  readonly startMs: number;
  /** NaN while the process lives. */
  readonly endMs: number;
  readonly nodeId: string | undefined;
  readonly pid: number | undefined;
  /** Why the process ended. */
  readonly reason: string | undefined;
}

/** An actor of the correlator, as the page shows it. */
export class ActorView {
  readonly entity: ActorState;
  readonly #limits: ViewLimits;

  constructor(entity: ActorState, limits: ViewLimits) {
    this.entity = entity;
    this.#limits = limits;
  }

  get id(): string {
    return this.entity.id;
  }

  get className(): string | undefined {
    return this.#name(this.entity.definition?.className ?? this.entity.className);
  }

  get name(): string | undefined {
    return this.#name(this.entity.definition?.name);
  }

  get isDetached(): boolean {
    return this.entity.isDetached;
  }

  get isClosed(): boolean {
    return this.entity.closed;
  }

  get needs(): Needs | undefined {
    return needsOf(this.entity.definition);
  }

  /** Ray's own name of the state; empty if Ray reported none. */
  get state(): string {
    const { untimedEnd, transitions } = this.entity;
    return untimedEnd?.state ?? transitions.at(-1)?.state ?? '';
  }

  /** The node it lives on; undefined while it is not alive. */
  get nodeId(): string | undefined {
    return this.state === 'ALIVE' ? this.entity.transitions.at(-1)?.nodeId : undefined;
  }

  get incarnationsNotShown(): number {
    return countOf(this.entity, 'ALIVE') - this.incarnations().length;
  }

  /** The latest lives, oldest first. */
  incarnations(): readonly IncarnationView[] {
    const { transitions } = this.entity;
    const { maxIncarnationsPerActor: max } = this.#limits;
    const lives: IncarnationView[] = [];
    let ended: ActorTransition | undefined;
    for (let index = transitions.length - 1; index >= 0 && lives.length < max; index -= 1) {
      const transition = transitions[index];
      if (transition === undefined || transition.state === 'PENDING_CREATION' || transition.state === 'DEPENDENCIES_UNREADY') continue;
      if (transition.state === 'ALIVE') lives.push(this.#incarnation(transition, ended));
      ended = transition;
    }
    return lives.reverse();
  }

  #incarnation(alive: ActorTransition, next: ActorTransition | undefined): IncarnationView {
    const { untimedEnd } = this.entity;
    const ended = next ?? untimedEnd;
    return {
      startMs: toMs(alive.timeNs),
      endMs: next === undefined ? Number.NaN : toMs(next.timeNs),
      nodeId: alive.nodeId,
      pid: alive.pid,
      reason: ended?.restartReason ?? this.#death(ended),
    };
  }

  #death(ended: Pick<ActorTransition, 'deathCause'> | undefined): string | undefined {
    if (ended?.deathCause === undefined) return undefined;
    const { reason, message } = ended.deathCause;
    const short = shortened(reasonLine(message), this.#limits.maxMessageLength);
    return short === '' ? reason : `${reason}: ${short}`;
  }

  #name(name: string | undefined): string | undefined {
    return name === undefined ? undefined : shortened(name, this.#limits.maxNameLength);
  }
}
