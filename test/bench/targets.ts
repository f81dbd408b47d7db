/** The targets and stretch targets of the table, in the units of their names. */
export const TARGETS = {
  recordingCpu: { target: 4, stretch: 3 },
  answerP99: { target: 4, stretch: 2.5 },
  stallMs: { target: 50, stretch: 20 },
  largePostMs: { target: 500, stretch: 250 },
  attemptBytes: { target: 1000, stretch: 500 },
  openRssBytes: { target: 1.5 * 2 ** 30 },
  finishedGrowth: { target: 1.1 },
  openCpuGrowth: { target: 1.3, stretch: 1.1 },
  restartMs: { target: 20_000, stretch: 8000 },
  coldStartMs: { target: 700, stretch: 300 },
  postCpu: { target: 2, stretch: 1.6 },
  agentsP99: { target: 5, stretch: 3 },
  sustainedShare: { target: 0.5, stretch: 0.65 },
  spansPerRequest: { target: 200, stretch: 500 },
  syncsPerSecond: { target: 200, stretch: 100 },
  connectedRssBytes: { target: 400 * 2 ** 20 },
} as const;

/**
 * What fails a run, in CI too: counts that no noise moves. To be lowered when the product gets
 * better.
 */
export const COUNT_LIMITS = {
  spansLost: 0,
  bytesPerSpan: 430,
  /** One for each post, and a few for checkpoints. */
  syncsPerPost: 1.25,
  attemptBytes: 1500,
  /** Of 300 agents: at least 100 spans a request. */
  requestsPer100Spans: 1,
  /** On a disk that syncs faster than posts arrive, each post has one. */
  syncsPerAgentPost: 1.1,
} as const;

/** How large the parts of a run are. */
export interface Scale {
  readonly isQuick: boolean;
  /** Each CPU ratio is the median of so many pairs of runs. */
  readonly rounds: number;
  readonly loadPosts: number;
  readonly openAttempts: number;
  /** Attempts of the stream whose CPU is measured beside the open ones. */
  readonly besideOpenAttempts: number;
  readonly finishedAttempts: { readonly few: number; readonly many: number; readonly jobs: number };
  readonly jobTasks: number;
  readonly starts: number;
  /** Posts of many agents. */
  readonly field: {
    readonly agents: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    readonly sustained: { readonly seconds: number; readonly startRate: number };
  };
}

export const FULL: Scale = {
  isQuick: false,
  rounds: 3,
  loadPosts: 300,
  openAttempts: 1_000_000,
  besideOpenAttempts: 120_000,
  finishedAttempts: { few: 1_000_000, many: 10_000_000, jobs: 1000 },
  jobTasks: 1_000_000,
  starts: 5,
  field: { agents: 1000, seconds: 15, warmUpSeconds: 8, sustained: { seconds: 10, startRate: 1000 } },
};

export const QUICK: Scale = {
  isQuick: true,
  rounds: 1,
  loadPosts: 60,
  openAttempts: 50_000,
  besideOpenAttempts: 4000,
  finishedAttempts: { few: 40_000, many: 160_000, jobs: 16 },
  jobTasks: 20_000,
  starts: 3,
  field: { agents: 300, seconds: 6, warmUpSeconds: 2, sustained: { seconds: 0, startRate: 0 } },
};
