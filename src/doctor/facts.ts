import type { AgentLog } from './agent-log.ts';
import type { AgentCounts } from './agent-metrics.ts';
import type { HttpAnswer, NotAnswered } from './ask.ts';
import type { BridgeCounts } from './bridge-metrics.ts';
import type { OtlpOutcome } from './otlp-outcome.ts';
import type { RayRelease } from './ray-release.ts';
import type { MisspeltVariable, RayVariables } from './variables.ts';

/** How an address came to be known. A default that nobody named is only a guess. */
export type AddressSource = 'flag' | 'variable' | 'process' | 'agent_log' | 'default';

export interface RayFacts {
  readonly url: URL;
  readonly source: AddressSource;
  /** Of `/api/version`, with the token if one was asked for. */
  readonly answer: HttpAnswer;
  readonly version: string | undefined;
  readonly release: RayRelease | undefined;
  readonly session: string | undefined;
  /** Where a token was looked for and found; undefined when none was found. */
  readonly tokenFrom: string | undefined;
  /** Tasks that the cluster has seen, of the state API; undefined when it did not tell. */
  readonly taskCount: number | undefined;
  readonly nodes: readonly NodeFacts[];
  /** Nodes beyond the limit, which were not asked. */
  readonly nodesLeftOut: number;
  /** Why the list of nodes is not known. */
  readonly nodesMissing: boolean;
}

/** A clock compared with the doctor's: it is ahead by at least `least` and at most `most` ms. */
export interface ClockOffset {
  readonly leastMs: number;
  readonly mostMs: number;
}

export interface NodeFacts {
  /** For people: address and host name. */
  readonly name: string;
  readonly ip: string;
  readonly isHead: boolean;
  /** On the machine of the doctor. */
  readonly isHere: boolean;
  /** False for an install without the parts that the agent needs; undefined while the agent does not report. */
  readonly hasAgent: boolean | undefined;
  /** Since its raylet was started, by the clocks of it and of the head; undefined when that is not told. */
  readonly upMs: number | undefined;
  readonly counts: AgentCounts | undefined;
  readonly log: AgentLog | undefined;
  /** The node has an agent, and surely no log of it. */
  readonly isLogMissing: boolean;
  readonly clock: ClockOffset | undefined;
}

/** A process of Ray on this machine. */
export interface ProcessFacts {
  readonly kind: 'raylet' | 'gcs_server';
  readonly pid: number;
  /** Ray's session that it belongs to; several clusters can run on one machine. */
  readonly session: string | undefined;
  /** Undefined when this user may not read its environment. */
  readonly variables: RayVariables | undefined;
  /** Variables with nearly the name of one that Ray reads. */
  readonly misspelt: readonly MisspeltVariable[];
  /** Flags of `--system-config`, which every process of the cluster gets. */
  readonly systemFlags: RayVariables;
  readonly isMinimal: boolean;
  /** Of a raylet that tells it: where its node's files and metrics are. */
  readonly node?: OwnNode;
}

/** A node as the command line of its raylet tells it. */
export interface OwnNode {
  readonly id: string;
  readonly ip: string;
  readonly isHead: boolean;
  readonly sessionFolder: string;
}

export interface DriverFacts {
  readonly pid: number;
  readonly jobId: string;
  /** What it was started with; a script can have set more since. Undefined when this user may not read it. */
  readonly variables: RayVariables | undefined;
  readonly misspelt: readonly MisspeltVariable[];
}

export interface LocalFacts {
  readonly shell: RayVariables;
  /** Variables of this shell with nearly the name of one that Ray or the bridge reads. */
  readonly misspelt: readonly MisspeltVariable[];
  /** False where there is no /proc to look into. */
  readonly canLook: boolean;
  readonly processes: readonly ProcessFacts[];
  /** A head of this machine was started with `--include-dashboard=false`. */
  readonly isDashboardOff: boolean;
  readonly drivers: readonly DriverFacts[];
}

export interface BridgeFacts {
  /** As Ray would post to it; undefined when the address is no URL. */
  readonly url: URL | undefined;
  /** As it was given, for messages about an address that is no URL. Secret. */
  readonly address: string;
  readonly source: AddressSource;
  readonly health: HttpAnswer;
  readonly ready: HttpAnswer;
  /** Of an empty list of events, posted as Ray posts. */
  readonly post: HttpAnswer;
  readonly metrics: HttpAnswer;
  readonly counts: BridgeCounts | undefined;
  /** Some seconds later; undefined when there was no need to look again. */
  readonly countsLater: BridgeCounts | undefined;
}

export type BackendFacts =
  /** No address is known: neither --endpoint nor a variable, and the bridge is not on this machine. */
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** OTEL_TRACES_EXPORTER names no OTLP. */
  | { readonly kind: 'no_otlp'; readonly describe: readonly string[] }
  | {
      readonly kind: 'asked';
      /** Without credentials. */
      readonly endpoint: string;
      readonly protocol: string;
      /** Through which proxy, or why through none, as the start line of the bridge says it. Empty where no variable names one. */
      readonly route?: string;
      readonly isDefault: boolean;
      readonly outcome: OtlpOutcome;
      /** What the same place, or its neighbour, answers when spoken to otherwise. */
      readonly other: { readonly endpoint: string; readonly protocol: string; readonly speaks: boolean } | undefined;
    };

/** All that was found out before anything is judged. */
export interface Facts {
  readonly ray: RayFacts;
  readonly local: LocalFacts;
  readonly bridge: BridgeFacts;
  readonly backend: BackendFacts;
}

export const notAsked: NotAnswered = { kind: 'failed', failure: 'not_asked' };
