import { type ActorTransition, reasonLine } from '../event/index.ts';
import { kept } from './text.ts';
import { toMs } from './times.ts';

/** One life of an actor's process. */
export interface IncarnationView {
  readonly startMs: number;
  /** NaN while it lives. */
  readonly endMs: number;
  readonly nodeId: string | undefined;
  readonly pid: number | undefined;
  /** Why it ended. */
  readonly reason: string | undefined;
}

export class ActorView {
  readonly id: string;
  className: string | undefined;
  name: string | undefined;
  isDetached = false;
  isClosed = false;
  /** In time order, without repetitions; the oldest lives are left out beyond a limit. */
  #transitions: ActorTransition[] = [];
  readonly #maxIncarnations: number;
  incarnationsNotShown = 0;

  constructor(id: string, maxIncarnations: number) {
    this.id = id;
    this.#maxIncarnations = maxIncarnations;
  }

  /** Ray's own word; empty when it told none. */
  get state(): string {
    return this.#transitions.at(-1)?.state ?? '';
  }

  enter(transitions: readonly ActorTransition[], maxMessageLength: number): void {
    for (const transition of transitions) {
      const isKnown = this.#transitions.some(({ state, timeNs }) => state === transition.state && timeNs === transition.timeNs);
      if (!isKnown) this.#transitions.push(withShortCause(transition, maxMessageLength));
    }
    this.#transitions.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : orderOf(a.state) - orderOf(b.state)));
    while (this.#transitions.filter(({ state }) => state === 'ALIVE').length > this.#maxIncarnations) this.#forgetFirstLife();
  }

  incarnations(): readonly IncarnationView[] {
    return this.#transitions.flatMap((alive, index) => {
      if (alive.state !== 'ALIVE') return [];
      const ended = this.#transitions
        .slice(index + 1)
        .find(({ state }) => state !== 'PENDING_CREATION' && state !== 'DEPENDENCIES_UNREADY');
      return {
        startMs: toMs(alive.timeNs),
        endMs: ended === undefined ? Number.NaN : toMs(ended.timeNs),
        nodeId: alive.nodeId,
        pid: alive.pid,
        reason: ended?.restartReason ?? describeDeath(ended),
      };
    });
  }

  #forgetFirstLife(): void {
    const next = this.#transitions.findIndex(({ state }, index) => index > 0 && (state === 'RESTARTING' || state === 'DEAD'));
    this.#transitions.splice(0, Math.max(1, next));
    this.incarnationsNotShown += 1;
  }
}

const ORDER = ['DEPENDENCIES_UNREADY', 'PENDING_CREATION', 'ALIVE', 'RESTARTING', 'DEAD'];

/** States of one time. */
function orderOf(state: string): number {
  return ORDER.indexOf(state);
}

function describeDeath(ended: ActorTransition | undefined): string | undefined {
  if (ended?.deathCause === undefined) return undefined;
  const { reason, message } = ended.deathCause;
  return message === '' ? reason : `${reason}: ${message}`;
}

function withShortCause(transition: ActorTransition, maxMessageLength: number): ActorTransition {
  const { deathCause } = transition;
  if (deathCause === undefined) return transition;
  return { ...transition, deathCause: { ...deathCause, message: kept(reasonLine(deathCause.message), maxMessageLength) } };
}
