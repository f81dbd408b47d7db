import { spanId } from '../../support/identity.ts';
import { startFloor } from '../floor/start.ts';
import { type AgentsQuestion, type AgentsSent, sendAsAgents } from '../parts/agents.ts';
import { startBridge } from '../parts/bridge.ts';
import { untilDelivered } from '../parts/delivered.ts';
import { percentile } from '../parts/senders.ts';
import type { Sink } from '../parts/sink-process.ts';
import { count, type Count, type Findings, judge, mebibytes, milliseconds, type Row, times } from '../parts/table.ts';
import { COUNT_LIMITS, type Scale, TARGETS } from '../targets.ts';

const SECOND_MS = 1000;
/** As measured with Ray's defaults; with the interval of the advice it is one a second. */
const DEFAULT_POSTS_PER_SECOND = 3.5;
const LIMIT_P99_MS = 250;
const SESSION = 'session_2026-01-01_00-00-00_000000_1';

interface Load {
  readonly agents: number;
  readonly postsPerSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** A run of the bridge or the floor under one load, when it was warm. */
interface Measured {
  readonly cpuMsPerPost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxRssBytes: number;
  readonly sent: AgentsSent;
}

interface BridgeMeasured extends Measured {
  readonly lost: number;
  readonly spans: number;
  readonly spansPerRequest: number;
  readonly syncsPerPost: number;
  readonly syncsPerSecond: number;
}

/** Many small posts from many agents, as a large cluster sends them. */
export async function agentsRows(sink: Sink, scale: Scale): Promise<Findings> {
  const { agents, seconds, warmUpSeconds } = scale.field;
  const large = { agents, postsPerSecond: 1, seconds, warmUpSeconds };
  const bridge = await runBridge(sink, large);
  const counts = countsOf(bridge);
  if (scale.isQuick) return { rows: [], counts, notes: [noteOf('Bridge', large, bridge)] };
  const floor = await runFloor(sink, large);
  const small = { agents: 300, postsPerSecond: DEFAULT_POSTS_PER_SECOND, seconds, warmUpSeconds };
  const smallBridge = await runBridge(sink, small);
  const smallFloor = await runFloor(sink, small);
  const most = await sustainedRow(sink, scale);
  const many = { agents: 5000, postsPerSecond: 0.2, seconds: 10, warmUpSeconds: 5 };
  const crowded = await runBridge(sink, many);
  return {
    rows: [
      cpuRow(large, bridge, floor),
      cpuRow(small, smallBridge, smallFloor),
      answerRow(large, bridge, floor),
      answerRow(small, smallBridge, smallFloor),
      most,
      spansRow(bridge),
      syncsRow(bridge),
      rssRow(many, crowded),
    ],
    counts: [...counts, ...countsOf(smallBridge)],
    notes: [
      noteOf('Bridge', large, bridge),
      noteOf('Floor', large, floor),
      noteOf('Bridge', small, smallBridge),
      noteOf('Floor', small, smallFloor),
    ],
  };
}

async function runBridge(sink: Sink, load: Load): Promise<BridgeMeasured> {
  const bridge = await startBridge({ sinkUrl: sink.url, budget: 'off' });
  try {
    const port = Number(new URL(bridge.url).port);
    await sink.reset();
    const warmUp = await sendAsAgents(questionOf(load, port, 'warm-up'));
    await untilDelivered(sink, spanIdsOf(warmUp, 'warm-up'));
    await sink.reset();
    const metricsBefore = await bridge.metrics();
    const before = await bridge.program.usage();
    const sent = await sendAsAgents(questionOf(load, port, 'measured'));
    const lost = await untilDelivered(sink, spanIdsOf(sent, 'measured'));
    const after = await bridge.program.usage();
    const metrics = await bridge.metrics();
    const { spans, distinctSpans, requests } = await sink.counts();
    const syncs = (metrics('journal_syncs_total') ?? Number.NaN) - (metricsBefore('journal_syncs_total') ?? 0);
    return {
      ...measured(sent, after.cpuMs - before.cpuMs, after.maxRssBytes),
      lost: lost + spans - distinctSpans + sent.refused,
      spans,
      spansPerRequest: spans / requests,
      syncsPerPost: syncs / sent.posts,
      syncsPerSecond: syncs / sent.seconds,
    };
  } finally {
    await bridge.stop();
  }
}

async function runFloor(sink: Sink, load: Load): Promise<Measured> {
  const floor = await startFloor(sink.url, [], 'shared');
  try {
    await sendAsAgents(questionOf(load, floor.port, 'warm-up'));
    const before = await floor.program.usage();
    const sent = await sendAsAgents(questionOf(load, floor.port, 'measured'));
    const after = await floor.program.usage();
    return measured(sent, after.cpuMs - before.cpuMs, after.maxRssBytes);
  } finally {
    await floor.stop();
  }
}

function measured(sent: AgentsSent, cpuMs: number, maxRssBytes: number): Measured {
  return {
    cpuMsPerPost: cpuMs / sent.posts,
    p50Ms: percentile(sent.answersMs, 0.5),
    p99Ms: percentile(sent.answersMs, 0.99),
    maxRssBytes,
    sent,
  };
}

function questionOf(load: Load, port: number, phase: 'warm-up' | 'measured'): AgentsQuestion {
  const seconds = phase === 'warm-up' ? load.warmUpSeconds : load.seconds;
  return {
    port,
    session: sessionOf(phase),
    seed: 7,
    agents: load.agents,
    intervalMs: Math.round(SECOND_MS / load.postsPerSecond),
    rounds: Math.max(1, Math.round(seconds * load.postsPerSecond)),
  };
}

const sessionOf = (phase: string): string => `${SESSION}${phase === 'warm-up' ? '1' : '2'}`;

function spanIdsOf({ taskIds }: AgentsSent, phase: string): string[] {
  return taskIds.map((taskId) => spanId('task', sessionOf(phase), taskId, 0));
}

/**
 * The rate is raised by a quarter until the 99th percentile of the answer leaves the limit, or an
 * agent has to wait for the answer to its last post too often.
 */
async function sustainedRow(sink: Sink, scale: Scale): Promise<Row> {
  const { seconds, startRate } = scale.field.sustained;
  const most = async (run: (load: Load) => Promise<Measured>): Promise<number> => {
    let rate = 0;
    for (let tried = startRate; ; tried *= 1.25) {
      const load = { agents: 1000, postsPerSecond: tried / 1000, seconds, warmUpSeconds: 5 };
      const { p99Ms, sent } = await run(load);
      const reached = sent.posts / sent.seconds;
      if (p99Ms > LIMIT_P99_MS || reached < tried * 0.9) return rate;
      rate = tried;
    }
  };
  const bridge = await most((load) => runBridge(sink, load));
  const floor = await most((load) => runFloor(sink, load));
  const { target, stretch } = TARGETS.sustainedShare;
  const share = bridge / floor;
  return {
    what: `posts of 7 events a second from 1,000 agents for ${seconds} s, 99th percentile of the answer under ${LIMIT_P99_MS} ms, against floor`,
    target: `>= ${target} x`,
    stretch: `>= ${stretch} x`,
    measured: `${count(bridge)} posts/s; floor ${count(floor)} posts/s`,
    ratio: times(share),
    verdict: judge(-share, -target, -stretch),
  };
}

function cpuRow(load: Load, bridge: Measured, floor: Measured): Row {
  const { target, stretch } = TARGETS.postCpu;
  const ratio = bridge.cpuMsPerPost / floor.cpuMsPerPost;
  return {
    what: `CPU for a post of 7 events, from its receipt to the acknowledged export, ${titleOf(load)}, against floor`,
    target: `<= ${target} x`,
    stretch: `<= ${stretch} x`,
    measured: `${bridge.cpuMsPerPost.toFixed(3)} ms; floor ${floor.cpuMsPerPost.toFixed(3)} ms`,
    ratio: times(ratio),
    verdict: judge(ratio, target, stretch),
  };
}

function answerRow(load: Load, bridge: Measured, floor: Measured): Row {
  const { target, stretch } = TARGETS.agentsP99;
  const ratio = bridge.p99Ms / floor.p99Ms;
  return {
    what: `99th percentile of the answer, ${titleOf(load)}, against floor`,
    target: `<= ${target} x`,
    stretch: `<= ${stretch} x`,
    measured: `${milliseconds(bridge.p99Ms)} (median ${milliseconds(bridge.p50Ms)}); floor ${milliseconds(floor.p99Ms)} (median ${milliseconds(floor.p50Ms)})`,
    ratio: times(ratio),
    verdict: judge(ratio, target, stretch),
  };
}

function spansRow({ spansPerRequest, spans }: BridgeMeasured): Row {
  const { target, stretch } = TARGETS.spansPerRequest;
  return {
    what: 'spans for each request to a backend that answers at once, 1,000 posts/s',
    target: `>= ${target}`,
    stretch: `>= ${stretch}`,
    measured: `${count(spansPerRequest)} (${count(spans)} spans)`,
    ratio: times(spansPerRequest / target),
    verdict: judge(-spansPerRequest, -target, -stretch),
  };
}

function syncsRow({ syncsPerSecond, syncsPerPost }: BridgeMeasured): Row {
  const { target, stretch } = TARGETS.syncsPerSecond;
  return {
    what: 'syncs for each second, 1,000 posts/s',
    target: `<= ${target}`,
    stretch: `<= ${stretch}`,
    measured: `${count(syncsPerSecond)} (${syncsPerPost.toFixed(2)} a post)`,
    ratio: times(syncsPerSecond / target),
    verdict: judge(syncsPerSecond, target, stretch),
  };
}

function rssRow(load: Load, { maxRssBytes }: Measured): Row {
  const { target } = TARGETS.connectedRssBytes;
  return {
    what: `RSS, at most, ${titleOf(load)}`,
    target: `<= ${mebibytes(target)}`,
    stretch: '',
    measured: mebibytes(maxRssBytes),
    ratio: times(maxRssBytes / target),
    verdict: judge(maxRssBytes, target),
  };
}

function countsOf({ lost, spansPerRequest, syncsPerPost }: BridgeMeasured): Count[] {
  return [
    { what: 'spans of agents lost or sent twice, and posts refused', value: lost, limit: COUNT_LIMITS.spansLost },
    {
      what: 'requests for each 100 spans of agents',
      value: Number((100 / spansPerRequest).toFixed(2)),
      limit: COUNT_LIMITS.requestsPer100Spans,
    },
    { what: 'syncs for each post of an agent', value: Number(syncsPerPost.toFixed(2)), limit: COUNT_LIMITS.syncsPerAgentPost },
  ];
}

const titleOf = ({ agents, postsPerSecond }: Load): string => `${count(agents)} agents at ${postsPerSecond} posts/s`;

function noteOf(who: string, load: Load, { sent, cpuMsPerPost }: Measured): string {
  const cores = (cpuMsPerPost * sent.posts) / sent.seconds / 1000;
  return `${who}, ${titleOf(load)}: ${count(sent.posts)} posts in ${sent.seconds.toFixed(1)} s with ${cores.toFixed(2)} of a core, ${sent.late} posts waited for the answer to the one before; the agents' own process ${(sent.cpuMs / sent.seconds / 1000).toFixed(2)} of a core.`;
}
