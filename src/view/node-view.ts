import type { NodeState } from '../correlate/index.ts';
import { type NodeTransition, reasonLine } from '../event/index.ts';
import { boundedMap, shortened } from './text.ts';
import { toMs } from './times.ts';

const MAX_REASON_LENGTH = 500;

const NO_LABELS: Readonly<Record<string, string>> = {};

/** What one answer asks for very often, since the last event of the node. */
interface NodeFacts {
  readonly state: string;
  readonly resources: Readonly<Record<string, number>> | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** A node of the correlator, as the page shows it. */
export class NodeView {
  readonly entity: NodeState;
  readonly #maxNameLength: number;
  #facts: NodeFacts | undefined;
  /** It is listed among the dead nodes of its session. */
  isKnownDead = false;

  constructor(entity: NodeState, maxNameLength: number) {
    this.entity = entity;
    this.#maxNameLength = maxNameLength;
  }

  get id(): string {
    return this.entity.id;
  }

  get name(): string | undefined {
    const { hostname, nodeName } = this.entity.definition ?? {};
    const name = hostname ?? nodeName ?? this.ip;
    return name === undefined ? undefined : shortened(name, this.#maxNameLength);
  }

  get ip(): string | undefined {
    const ip = this.entity.definition?.ipAddress;
    return ip === undefined ? undefined : shortened(ip, this.#maxNameLength);
  }

  /** Call after each event of the node. */
  changed(): void {
    this.#facts = undefined;
  }

  /** `ALIVE` or `DEAD`; empty if Ray reported none. A dead node stays dead, whatever a wrong clock says. */
  get state(): string {
    return this.#known.state;
  }

  /** Totals. Undefined until Ray reports them. */
  get resources(): NodeFacts['resources'] {
    return this.#known.resources;
  }

  get labels(): NodeFacts['labels'] {
    return this.#known.labels;
  }

  get #known(): NodeFacts {
    return (this.#facts ??= factsOf(this.entity));
  }

  /** When it died; NaN if it lives or Ray reported no time. */
  get diedMs(): number {
    const timeNs = this.#death?.timeNs ?? this.entity.leftOut?.lastOf('DEAD');
    return timeNs === undefined ? Number.NaN : toMs(timeNs);
  }

  get deathReason(): string | undefined {
    const cause = (this.#death ?? this.entity.untimedEnd)?.deathCause;
    if (cause === undefined) return undefined;
    const line = shortened(reasonLine(cause.message), MAX_REASON_LENGTH);
    return line === '' ? cause.reason : `${cause.reason}: ${line}`;
  }

  get #death(): NodeTransition | undefined {
    return this.entity.transitions.find(({ state }) => state === 'DEAD');
  }
}

function factsOf({ definition, transitions, untimedEnd, leftOut }: NodeState): NodeFacts {
  const isDead = untimedEnd !== undefined || leftOut?.lastOf('DEAD') !== undefined || transitions.some(({ state }) => state === 'DEAD');
  const resources = transitions.findLast((transition) => transition.resources !== undefined)?.resources;
  return {
    state: isDead ? 'DEAD' : (transitions.at(-1)?.state ?? ''),
    resources: resources === undefined ? undefined : boundedMap(resources),
    labels: definition?.labels === undefined ? NO_LABELS : boundedMap(definition.labels),
  };
}
