/** Bounds of what one run asks, reads and waits, whoever answers. */
export interface DoctorLimits {
  /** For one answer with its body. `--timeout`. */
  readonly timeoutMs: number;
  /** For the whole run; what was not asked by then is unknown. */
  readonly totalMs: number;
  /** Nodes that are being asked at once, by three requests each. */
  readonly maxConcurrentNodes: number;
  /** Nodes that are asked one by one; of more, the first ones. */
  readonly maxNodes: number;
  /** Of a small answer. */
  readonly maxAnswerBytes: number;
  /** Of the dashboard's list of nodes: about 15 KiB a node. */
  readonly maxNodeListBytes: number;
  /** Of a page of metrics; a large node has a few MiB. */
  readonly maxMetricsBytes: number;
  /** Of the begin of an agent's log: its first lines tell the address. */
  readonly maxLogHeadBytes: number;
  /** Of its end, which tells failures. */
  readonly maxLogTailBytes: number;
  readonly logTailLines: number;
  /** Local processes whose environment is read. */
  readonly maxProcesses: number;
  /** Of a file of `/proc`. */
  readonly maxProcFileBytes: number;
  /** Between two looks at counters, to see which of them grow: longer than Ray's longest pause of 5 s. */
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
