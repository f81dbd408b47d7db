/** Limits of one run: what it asks, reads and waits for. */
export interface DoctorLimits {
  /** Maximum wait for one answer with its body. `--timeout`. */
  readonly timeoutMs: number;
  /** Maximum time for the whole run. Checks without an answer by then are unknown. */
  readonly totalMs: number;
  /** Nodes that are asked concurrently, with three requests each. */
  readonly maxConcurrentNodes: number;
  /** Nodes that are asked. Further nodes are skipped. */
  readonly maxNodes: number;
  /** Maximum size of a small answer. */
  readonly maxAnswerBytes: number;
  /** Maximum size of the dashboard's list of nodes, which has about 15 KiB per node. */
  readonly maxNodeListBytes: number;
  /** Maximum size of a metrics page. A large node has a few MiB. */
  readonly maxMetricsBytes: number;
  /** Bytes to read from the beginning of an agent's log, which contains the address. */
  readonly maxLogHeadBytes: number;
  /** Bytes to read from the end of an agent's log, which contains failures. */
  readonly maxLogTailBytes: number;
  /** Lines to read from the end of an agent's log. */
  readonly logTailLines: number;
  /** Local processes whose environment is read. */
  readonly maxProcesses: number;
  /** Bytes to read from a file of `/proc`. */
  readonly maxProcFileBytes: number;
  /** Time between two readings of the counters. Longer than Ray's longest backoff of 5 s. */
  readonly secondLookMs: number;
}

export const DEFAULT_DOCTOR_LIMITS: DoctorLimits = {
  timeoutMs: 5000,
  totalMs: 60_000,
  maxConcurrentNodes: 16,
  maxNodes: 200,
  maxAnswerBytes: 64 * 1024,
  maxNodeListBytes: 32 * 1024 * 1024,
  maxMetricsBytes: 8 * 1024 * 1024,
  maxLogHeadBytes: 64 * 1024,
  maxLogTailBytes: 512 * 1024,
  logTailLines: 300,
  maxProcesses: 50,
  maxProcFileBytes: 256 * 1024,
  secondLookMs: 6000,
};
