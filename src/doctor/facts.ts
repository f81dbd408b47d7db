import type { AgentLog } from './agent-log.ts';
import type { AgentCounts } from './agent-metrics.ts';
import type { HttpAnswer, NotAnswered } from './ask.ts';
import type { BridgeCounts } from './bridge-metrics.ts';
import type { OtlpOutcome } from './otlp-outcome.ts';
import type { RayRelease } from './ray-release.ts';
import type { MisspeltVariable, RayVariables } from './variables.ts';

/** Where an address comes from. A default is only a guess. */
export type AddressSource = 'flag' | 'variable' | 'process' | 'agent_log' | 'default';

export interface RayFacts {
  readonly url: URL;
  readonly source: AddressSource;
  /** Answer of `/api/version`, with the token if the dashboard requires one. */
  readonly answer: HttpAnswer;
  readonly version: string | undefined;
  readonly release: RayRelease | undefined;
  readonly session: string | undefined;
  /** Source of the token. Undefined when none was found. */
  readonly tokenFrom: string | undefined;
  /** Number of tasks according to Ray's state API. Undefined when it did not answer. */
  readonly taskCount: number | undefined;
  readonly nodes: readonly NodeFacts[];
  /** Number of nodes above the limit, which were not asked. */
  readonly nodesLeftOut: number;
  /** Whether the list of nodes is unknown. */
  readonly nodesMissing: boolean;
}

/** How far a clock is ahead of the doctor's clock, as a range in ms. */
export interface ClockOffset {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface NodeFacts {
  /** Address and host name, for people. */
  readonly name: string;
  readonly ip: string;
  readonly isHead: boolean;
  /** Whether the node is on the machine of the doctor. */
  readonly isHere: boolean;
  /** False for a minimal install of Ray, which has no agent. Undefined while the agent does not report. */
  readonly hasAgent: boolean | undefined;
  /** Time since the start of its raylet, by the clocks of the node and the head. Undefined when unknown. */
  readonly upMs: number | undefined;
  readonly counts: AgentCounts | undefined;
  readonly log: AgentLog | undefined;
  /** Whether the node has an agent but no log of it. */
  readonly isLogMissing: boolean;
  readonly clock: ClockOffset | undefined;
}

/** A Ray process on this machine. */
export interface ProcessFacts {
  readonly kind: 'raylet' | 'gcs_server';
  readonly pid: number;
  /** Ray session of the process. Several clusters can run on one machine. */
  readonly session: string | undefined;
  /** Undefined when this user may not read its environment. */
  readonly variables: RayVariables | undefined;
  /** Variables whose names are close to one that Ray reads. */
  readonly misspelt: readonly MisspeltVariable[];
  /** Flags of `--system-config`, which apply to every process of the cluster. */
  readonly systemFlags: RayVariables;
  readonly isMinimal: boolean;
  /** Node of a raylet, with its files and metrics. */
  readonly node?: OwnNode;
}

/** A node according to the command line of its raylet. */
export interface OwnNode {
  readonly id: string;
  readonly ip: string;
  readonly isHead: boolean;
  readonly sessionFolder: string;
}

export interface DriverFacts {
  readonly pid: number;
  readonly jobId: string;
  /** Variables at its start; a script may have set more since. Undefined when this user may not read them. */
  readonly variables: RayVariables | undefined;
  readonly misspelt: readonly MisspeltVariable[];
}

export interface LocalFacts {
  readonly shell: RayVariables;
  /** Variables of this shell whose names are close to one that Ray or the bridge reads. */
  readonly misspelt: readonly MisspeltVariable[];
  /** False when this system has no /proc. */
  readonly hasProcFolder: boolean;
  readonly processes: readonly ProcessFacts[];
  /** Whether a head on this machine was started with `--include-dashboard=false`. */
  readonly isDashboardOff: boolean;
  readonly drivers: readonly DriverFacts[];
}

export interface BridgeFacts {
  /** URL that Ray would post to. Undefined when the address is not a URL. */
  readonly url: URL | undefined;
  /** Address as given, for messages about an invalid URL. Secret. */
  readonly address: string;
  readonly source: AddressSource;
  readonly health: HttpAnswer;
  readonly ready: HttpAnswer;
  /** Answer to an empty list of events, posted as Ray posts. */
  readonly post: HttpAnswer;
  readonly metrics: HttpAnswer;
  readonly counts: BridgeCounts | undefined;
  /** Counters some seconds later. Undefined when no second reading was needed. */
  readonly countsLater: BridgeCounts | undefined;
  /** Between the two readings. Undefined without a second one. */
  readonly postsPerSecond: number | undefined;
}

export type BackendFacts =
  /** The endpoint is unknown: neither --endpoint nor a variable is set, and the bridge is not on this machine. */
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** OTEL_TRACES_EXPORTER does not include otlp. */
  | { readonly kind: 'no_otlp'; readonly describe: readonly string[] }
  | {
      readonly kind: 'asked';
      /** Endpoint without credentials. */
      readonly endpoint: string;
      readonly protocol: string;
      /** Proxy in use, or why none is, worded as in the bridge's start line. Empty when no variable names a proxy. */
      readonly route?: string;
      readonly isDefault: boolean;
      readonly outcome: OtlpOutcome;
      /** Result of trying the other protocol, scheme or port. */
      readonly other: { readonly endpoint: string; readonly protocol: string; readonly speaks: boolean } | undefined;
    };

/** Everything that the gatherers found. Input of the checks. */
export interface Facts {
  readonly ray: RayFacts;
  readonly local: LocalFacts;
  readonly bridge: BridgeFacts;
  readonly backend: BackendFacts;
}

export const notAsked: NotAnswered = { kind: 'failed', failure: 'not_asked' };
