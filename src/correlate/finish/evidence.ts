import { type ActorTransition, isTerminal, type ProfileEntry, type StateTransition, type TimeNs } from '../../event/index.ts';
import { sortedProfile, wholeTaskEntry } from '../states/merge.ts';
import type { PlacementFacts } from '../compact/placement-facts.ts';
import { isCreationTask } from '../naming/ray-ids.ts';
import type { Actor, Attempt } from '../entities/entities.ts';
import { nextOf, sortedTransitions } from '../states/transitions.ts';
import { aliveAt, callEnd, callSkewNs, creationEnd, creationSkewNs, nextAlive } from './actor-process.ts';
import { lastTrustedStateNs } from './trusted-attempt.ts';
import { factsUntil } from '../compact/placement.ts';

/** What is known of an attempt, without what belongs to a later run. */
export interface Evidence {
  /** In time order. */
  readonly states: readonly StateTransition[];
  /** In time order. */
  readonly profile: readonly ProfileEntry[];
  /** The entry that spans the whole execution. */
  readonly whole: ProfileEntry | undefined;
  readonly placement: PlacementFacts;
  /** ALIVE of the actor's process that it ran in. */
  readonly alive: ActorTransition | undefined;
  /** State of the actor that ended it: ALIVE ends a creation, RESTARTING and DEAD end whatever ran in the process. */
  readonly actorEnd: ActorTransition | undefined;
  /** How much the clocks of the attempt and of its actor's states differ at least, where they contradict each other. */
  readonly skewNs: TimeNs | undefined;
}

export function evidenceOf(attempt: Attempt, startNs: TimeNs): Evidence {
  const { placement } = attempt;
  const states = sortedTransitions(attempt.transitions);
  const profile = sortedProfile(attempt.rareFields.profile);
  const { actorId, id, session } = attempt.task;
  const actor = actorId === undefined ? undefined : session.actors.get(actorId);
  if (!isCreationTask(id)) {
    const ranNs = runningAt(states);
    const alive = actor === undefined ? undefined : aliveAt(actor, placement, ranNs ?? startNs);
    const actorEnd =
      actor === undefined ? undefined : (callEnd(actor, states, placement, alive) ?? untimedDeath(actor, attempt, states, startNs));
    return { states, profile, whole: wholeTaskEntry(profile), placement, alive, actorEnd, skewNs: callSkewNs(ranNs, placement, alive) };
  }
  const terminalNs = states.find(({ state }) => isTerminal(state))?.timeNs;
  const ranNs = runningAt(states, terminalNs) ?? startNs;
  // Where an earlier release repeats the creation, the process can be the next one's.
  const ownPlacement = terminalNs === undefined ? placement : factsUntil(attempt, terminalNs + 1n);
  const creation = { number: attempt.number, placement: ownPlacement, ranNs };
  const timedEnd = actor === undefined ? undefined : creationEnd(actor, creation);
  const actorEnd = timedEnd ?? (actor === undefined ? undefined : untimedDeath(actor, attempt, states, startNs));
  const endNs = terminalNs ?? actorEnd?.timeNs;
  // Releases that number the creations of an actor also send the process of each ALIVE.
  const isNumbered = attempt.number > 0 || timedEnd?.pid !== undefined;
  const untilNs = endNs === undefined || isNumbered ? undefined : nextRunNs(states, endNs, session.sendsActors ? actor : undefined);
  const own = untilNs === undefined ? profile : profile.filter((entry) => entry.startNs < untilNs);
  return {
    states: untilNs === undefined ? states : states.filter(({ timeNs }) => timeNs < untilNs),
    profile: own,
    whole: wholeTaskEntry(own),
    placement: untilNs === undefined ? placement : factsUntil(attempt, untilNs),
    alive: actorEnd?.state === 'ALIVE' ? actorEnd : actor && nextAlive(actor, startNs),
    actorEnd,
    skewNs: actor === undefined || states.length === 0 ? undefined : creationSkewNs(actor, creation, timedEnd),
  };
}

/** DEAD of an actor, for which Ray sent no time: it ends an attempt at the last known state of that. */
function untimedDeath(
  { untimedEnd }: Actor,
  attempt: Attempt,
  states: readonly StateTransition[],
  startNs: TimeNs,
): ActorTransition | undefined {
  return untimedEnd === undefined ? undefined : { ...untimedEnd, timeNs: lastTrustedStateNs(attempt, states) ?? startNs };
}

function runningAt(states: readonly StateTransition[], untilNs?: TimeNs): TimeNs | undefined {
  return states.find(({ state, timeNs }) => state === 'RUNNING' && (untilNs === undefined || timeNs <= untilNs))?.timeNs;
}

/**
 * When the next creation of the same actor began: Ray 2.49 to 2.53 report it under the same task and attempt. It began when the actor restarted,
 * or, as releases without actor events do not say that, with a RUNNING after the end of this one.
 */
function nextRunNs(states: readonly StateTransition[], endNs: TimeNs, actor: Actor | undefined): TimeNs | undefined {
  const restartNs = actor === undefined ? undefined : nextOf(actor, ['RESTARTING'], endNs)?.timeNs;
  const ranBefore = states.some(({ state, timeNs }) => state === 'RUNNING' && timeNs <= endNs);
  const againNs =
    ranBefore || actor === undefined ? states.find(({ state, timeNs }) => state === 'RUNNING' && timeNs > endNs)?.timeNs : undefined;
  return restartNs === undefined || (againNs !== undefined && againNs < restartNs) ? againNs : restartNs;
}
