import { calledActorOf } from './called-actor.ts';
import { failedAttempts, MAX_EXAMINED } from './failed-attempts.ts';
import type { AttemptView, JobView, SessionView } from './records.ts';
import type { NodeDeath } from './verdict/index.ts';

/** A death that shows in a job: of a node of its session, of one of its actors, or of a worker that ran a task of it. */
export interface Death {
  readonly kind: 'node' | 'actor' | 'worker';
  readonly id: string;
  readonly name: string;
  /** When it died, or when the first work failed because of it. */
  readonly atMs: number;
  readonly reason: string | undefined;
  /** Attempts that failed because of it. */
  readonly brokenTasks: number;
  readonly brokenCalls: number;
  readonly restartedActors: readonly string[];
  readonly diedActors: readonly string[];
}

/** Errors that say that something died under the attempt. */
const DEATH_ERROR = /DIED|LOST|UNAVAILABLE|UNRECONSTRUCTABLE|OUT_OF_MEMORY|OWNER|WORKER_/;
/** Errors of attempts whose own worker died. */
const WORKER_ERROR = /^(?:WORKER_DIED|OUT_OF_MEMORY)$/;
/** A node counts as dead when it has missed its health checks, so what it broke may have ended this long before. */
const MAX_DETECTION_MS = 60_000;
/** Maximum deaths in one answer. */
const MAX_DEATHS = 100;
/** Maximum dead nodes whose names are searched in the message of one failure. */
const MAX_NODES_SEARCHED = 10;

interface Found {
  readonly kind: Death['kind'];
  readonly id: string;
  readonly name: string;
  atMs: number;
  readonly reason: string | undefined;
  brokenTasks: number;
  brokenCalls: number;
  readonly restartedActors: string[];
  readonly diedActors: string[];
}

/** The deaths while the job ran, with what they broke, oldest first. Costs one walk over its failures and actors. */
export function deathsOf(job: JobView): readonly Death[] {
  const nodes = nodeDeaths(job);
  const others = new Map<string, Found>();
  noteActors(job, nodes, others);
  let lookedAt = 0;
  for (const attempt of failedAttempts(job)) {
    lookedAt += 1;
    if (lookedAt > MAX_EXAMINED) break;
    noteFailure(job, attempt, nodes, others);
  }
  return [...nodes.values(), ...others.values()].toSorted(byTime).slice(0, MAX_DEATHS);
}

/** The death that an attempt failed of, if a node died under it. */
export function deathOf(attempt: AttemptView, nodes: ReadonlyMap<string, Death>): Death | undefined {
  return attempt.error === undefined || !DEATH_ERROR.test(attempt.error.type) ? undefined : brokenBy(attempt, nodes);
}

/** The node whose death broke an attempt: the one that it ran on, or one that the message names. */
function brokenBy<Item extends Pick<Death, 'name' | 'atMs'>>(
  { nodeId, error, endMs }: AttemptView,
  nodes: ReadonlyMap<string, Item>,
): Item | undefined {
  const own = nodeId === undefined ? undefined : nodes.get(nodeId);
  if (own !== undefined) return isNear(endMs, own.atMs) ? own : undefined;
  const message = error?.message ?? '';
  let lookedAt = 0;
  for (const [id, node] of nodes) {
    const isNamed = message.includes(id) || (nodeId === undefined && message.includes(node.name));
    if (isNamed && isNear(endMs, node.atMs)) return node;
    lookedAt += 1;
    if (lookedAt >= MAX_NODES_SEARCHED) return undefined;
  }
  return undefined;
}

export function asNodeDeath({ name, atMs, brokenTasks, brokenCalls, restartedActors, diedActors }: Death): NodeDeath {
  return { node: name, atMs, tasks: brokenTasks, calls: brokenCalls, restarted: restartedActors, died: diedActors };
}

function found(kind: Death['kind'], id: string, name: string, atMs: number, reason: string | undefined): Found {
  return { kind, id, name, atMs, reason, brokenTasks: 0, brokenCalls: 0, restartedActors: [], diedActors: [] };
}

function nodeDeaths({ session, startMs, endMs }: JobView): Map<string, Found> {
  const deaths = new Map<string, Found>();
  for (const node of session.deadNodes) {
    const { id, diedMs } = node;
    const wasBefore = diedMs < startMs;
    const wasAfter = diedMs > endMs + MAX_DETECTION_MS;
    if (wasBefore || wasAfter || deaths.size >= MAX_DEATHS) continue;
    deaths.set(id, found('node', id, node.ip ?? node.name ?? id, diedMs, node.deathReason));
  }
  return deaths;
}

function noteActors({ actors }: JobView, nodes: ReadonlyMap<string, Found>, others: Map<string, Found>): void {
  for (const actor of actors.values()) {
    const name = actor.name ?? actor.className ?? actor.id;
    const lives = actor.incarnations();
    for (const [index, { nodeId, endMs, reason }] of lives.entries()) {
      if (Number.isNaN(endMs)) continue;
      const isLast = index === lives.length - 1;
      const hasRestarted = !isLast || actor.state === 'RESTARTING' || actor.state === 'ALIVE';
      const node = nodeId === undefined ? undefined : nodes.get(nodeId);
      if (node !== undefined && isNear(endMs, node.atMs)) (hasRestarted ? node.restartedActors : node.diedActors).push(name);
      else if (reason !== undefined && !isIntended(reason) && others.size < MAX_DEATHS)
        others.set(`${actor.id}/${index}`, found('actor', actor.id, name, endMs, reason));
    }
  }
}

/** Ends of an actor that are no failure. */
function isIntended(reason: string): boolean {
  return /^(?:RAY_KILL|OUT_OF_SCOPE|REF_DELETED|OWNER_DIED|INTENDED_USER_EXIT|INTENDED_SYSTEM_EXIT)\b/.test(reason);
}

function noteFailure({ session }: JobView, attempt: AttemptView, nodes: ReadonlyMap<string, Found>, others: Map<string, Found>): void {
  const { error, endMs, nodeId, pid, taskId } = attempt;
  if (error === undefined || !DEATH_ERROR.test(error.type)) return;
  const node = brokenBy(attempt, nodes);
  const isCall = calledActorOf(taskId) !== undefined;
  if (node !== undefined) {
    // Ray reports the death only after missed health checks, when the first work has failed already.
    if (endMs < node.atMs) node.atMs = endMs;
    if (isCall) node.brokenCalls += 1;
    else node.brokenTasks += 1;
    return;
  }
  if (isCall || !WORKER_ERROR.test(error.type)) return;
  const key = `${nodeId ?? ''}/${pid ?? taskId}`;
  const known = others.get(key);
  if (known !== undefined) known.brokenTasks += 1;
  else if (others.size < MAX_DEATHS) {
    const death = found('worker', key, workerName(session, attempt), endMs, error.type);
    death.brokenTasks = 1;
    others.set(key, death);
  }
}

function workerName({ nodes }: SessionView, { nodeId, pid }: AttemptView): string {
  const node = nodeId === undefined ? undefined : nodes.get(nodeId);
  const process = pid === undefined ? 'worker' : `worker ${pid}`;
  return node === undefined ? process : `${process} on ${node.ip ?? node.name ?? node.id}`;
}

function isNear(endMs: number, atMs: number): boolean {
  return Number.isNaN(endMs) || Number.isNaN(atMs) || Math.abs(endMs - atMs) <= MAX_DETECTION_MS;
}

function byTime(a: Death, b: Death): number {
  return (Number.isNaN(a.atMs) ? 0 : a.atMs) - (Number.isNaN(b.atMs) ? 0 : b.atMs);
}
