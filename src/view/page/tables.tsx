import type { ComponentChildren, JSX } from 'preact';
import type { ActorRow, DeathRow, FailureRow, FunctionRow, JobAnswer, NodeRow, NodeUseAnswer, WaitingRow } from '../shapes.ts';
import { clockText, countOf, countText, durationText, pendingOf, timeText } from './format.ts';
import { type Column, Table } from './parts.tsx';
import { hrefWith, nodeUse, rayNowMs, route } from './store.ts';

/** Leads to the tasks of a function, or to those of them with a state. */
export function FunctionLink({ name, state }: { name: string; state?: string }): JSX.Element {
  return (
    <a class="fn" href={hrefWith({ tab: undefined, name, state, search: undefined, order: undefined })} title={name}>
      {name}
    </a>
  );
}

export function TaskLink({ task, children, class: name = '' }: { task: string; children: ComponentChildren; class?: string }): JSX.Element {
  return (
    <a href={hrefWith({ task })} title={task} class={name}>
      {children}
    </a>
  );
}

function Empty({ children }: { children: string }): JSX.Element {
  return <p class="empty">{children}</p>;
}

const FAILURE_COLUMNS: readonly Column<FailureRow>[] = [
  { title: 'Final', cell: (row) => countText(row.attempts - row.retried), kind: 'num' },
  { title: 'Retried', cell: (row) => (row.retried === 0 ? '' : countText(row.retried)), kind: 'num' },
  { title: 'Function', cell: (row) => <FunctionLink name={row.function} state="failed" />, kind: 'wide' },
  { title: 'Error', cell: (row) => row.errorType, kind: 'word' },
  {
    title: 'Latest message',
    cell: (row) => (
      <>
        {row.cause !== undefined && <b class="cause">{causeText(row.cause)}</b>}
        <TaskLink task={row.task} class="msg">
          {row.message === '' ? 'open the task' : row.message}
        </TaskLink>
      </>
    ),
    kind: 'wide',
  },
  { title: 'First', cell: (row) => (Number.isFinite(row.firstMs) ? clockText(row.firstMs) : ''), kind: 'num' },
];

/** Without its time, which the death above has in the reader's time zone. */
function causeText(cause: string): string {
  return `${cause.replace(/ \d\d:\d\d:\d\d UTC$/, '')}: `;
}

function isFinal({ attempts, retried }: FailureRow): boolean {
  return attempts > retried;
}

function failureKey({ function: name, errorType }: FailureRow): string {
  return `${name}/${errorType}`;
}

export function FailuresTab({ answer: { failures, deaths } }: { answer: JobAnswer }): JSX.Element {
  if (failures.length === 0 && deaths.length === 0) return <Empty>Nothing failed.</Empty>;
  const final = failures.filter(isFinal);
  const retried = failures.filter((row) => !isFinal(row));
  return (
    <div id="failures">
      {deaths.length > 0 && <Deaths deaths={deaths} />}
      {final.length > 0 && <Table label="Final failures" columns={FAILURE_COLUMNS} rows={final} keyOf={failureKey} />}
      {retried.length > 0 && (
        <>
          <h3>Retried by Ray</h3>
          <Table label="Retried failures" columns={FAILURE_COLUMNS} rows={retried} keyOf={failureKey} />
        </>
      )}
    </div>
  );
}

function Deaths({ deaths }: { deaths: readonly DeathRow[] }): JSX.Element {
  return (
    <ul class="deaths" aria-label="Deaths, the first cause first">
      {deaths.map((death) => (
        <li key={`${death.kind}/${death.id}/${death.atMs}`}>
          <b>{`${deathTitle(death)} died${death.atMs === undefined ? '' : ` ${timeText(death.atMs)}`}`}</b>
          <span>{effectText(death)}</span>
          {death.reason !== undefined && <span class="note">{death.reason}</span>}
        </li>
      ))}
    </ul>
  );
}

export function deathTitle({ kind, name }: DeathRow): string {
  return kind === 'worker' ? name : `${kind} ${name}`;
}

function effectText({ tasks, calls, restarted, died }: DeathRow): string {
  const parts = [
    tasks > 0 ? `${countOf(tasks, 'task')} failed` : '',
    calls > 0 ? `${countOf(calls, 'actor call')} failed` : '',
    restarted.length > 0 ? `restarted: ${restarted.join(', ')}` : '',
    died.length > 0 ? `died with it: ${died.join(', ')}` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

const WAITING_COLUMNS: readonly Column<WaitingRow>[] = [
  { title: 'Attempts', cell: (row) => countText(row.attempts), kind: 'num' },
  { title: 'Function', cell: (row) => <FunctionLink name={row.function} state="pending" />, kind: 'wide' },
  { title: 'Waits for', cell: (row) => row.waitsFor, kind: 'wide' },
  { title: 'For up to', cell: (row) => durationText((row.untilMs ?? rayNowMs.value) - row.sinceMs), kind: 'num' },
  { title: 'State', cell: (row) => row.state, kind: 'word' },
];

export function WaitingTab({ answer: { waiting, lookedAt, job } }: { answer: JobAnswer }): JSX.Element {
  if (waiting.length === 0) return <Empty>Nothing waits.</Empty>;
  return (
    <div id="waiting">
      {pendingOf(job.tasks) > lookedAt && <p class="note">{`Of ${countText(lookedAt)} open attempts.`}</p>}
      <Table
        label="What pending tasks wait for"
        columns={WAITING_COLUMNS}
        rows={waiting}
        keyOf={(row) => `${row.state}/${row.function}/${row.waitsFor}`}
      />
    </div>
  );
}

const FUNCTION_COLUMNS: readonly Column<FunctionRow>[] = [
  { title: 'Function', cell: (row) => <FunctionLink name={row.function} />, kind: 'wide' },
  { title: 'Attempts', cell: (row) => countText(row.attemptCount), kind: 'num' },
  { title: 'Pending', cell: (row) => countText(pendingOf(row.attempts) + row.untracked), kind: 'num' },
  { title: 'Running', cell: (row) => countText(row.attempts.running), kind: 'num' },
  { title: 'Finished', cell: (row) => countText(row.attempts.finished), kind: 'num' },
  {
    title: 'Failed',
    cell: (row) => <span class={row.attempts.failed > 0 ? 'bad' : ''}>{countText(row.attempts.failed)}</span>,
    kind: 'num',
  },
  { title: 'Queue p50', cell: (row) => durationText(row.queue?.p50Ms), kind: 'num' },
  { title: 'Queue p95', cell: (row) => durationText(row.queue?.p95Ms), kind: 'num' },
  { title: 'Queue max', cell: (row) => durationText(row.queue?.maxMs), kind: 'num' },
  { title: 'Run p50', cell: (row) => durationText(row.run?.p50Ms), kind: 'num' },
  { title: 'Run p95', cell: (row) => durationText(row.run?.p95Ms), kind: 'num' },
  { title: 'Run max', cell: (row) => durationText(row.run?.maxMs), kind: 'num' },
];

export function FunctionsTab({ answer: { functions } }: { answer: JobAnswer }): JSX.Element {
  if (functions.length === 0) return <Empty>No function ran yet.</Empty>;
  return (
    <div id="functions">
      <Table label="Functions" columns={FUNCTION_COLUMNS} rows={functions} keyOf={(row) => row.function} />
    </div>
  );
}

const ACTOR_COLUMNS: readonly Column<ActorRow>[] = [
  { title: 'Class', cell: (row) => row.className ?? '', kind: 'wide' },
  { title: 'Name', cell: (row) => row.name ?? '', kind: 'word' },
  { title: 'State', cell: (row) => `${row.state}${row.isDetached ? ', detached' : ''}` },
  { title: 'Lives', cell: (row) => countText(row.incarnations.length + row.incarnationsLeftOut), kind: 'num' },
  { title: 'Each life', cell: livesText, kind: 'wide' },
  { title: 'Id', cell: (row) => row.actor, kind: 'word' },
];

function livesText(actor: ActorRow): string {
  return actor.incarnations
    .map((life, index) => {
      const took = life.endMs === undefined ? 'alive' : durationText(life.endMs - life.startMs);
      return `#${index + actor.incarnationsLeftOut} ${took}${life.reason === undefined ? '' : `, ${life.reason}`}`;
    })
    .join('; ');
}

export function ActorsTab({ answer: { actors, actorCount } }: { answer: JobAnswer }): JSX.Element {
  if (actors.length === 0) return <Empty>The job has no actors.</Empty>;
  const wanted = route.value.params['actor'];
  return (
    <div id="actors">
      {actorCount > actors.length && <p class="note">{`${countText(actors.length)} of ${countText(actorCount)} actors.`}</p>}
      <Table
        label="Actors"
        columns={ACTOR_COLUMNS}
        rows={actors}
        keyOf={(row) => row.actor}
        classOf={(row) => (row.actor === wanted ? 'chosen' : '')}
      />
    </div>
  );
}

const NODE_COLUMNS: readonly Column<NodeRow>[] = [
  { title: 'Node', cell: (row) => row.name, kind: 'word' },
  { title: 'IP', cell: (row) => row.ip ?? '', kind: 'word' },
  { title: 'Role', cell: (row) => (row.node === '' ? '' : row.isHead === true ? 'head' : 'worker'), kind: 'word' },
  {
    title: 'State',
    cell: (row) => (
      <span class={row.state === 'DEAD' ? 'bad' : ''} title={row.deathReason ?? ''}>
        {row.state}
        {row.diedMs === undefined ? '' : ` ${timeText(row.diedMs)}`}
        {row.deathReason === undefined ? '' : `: ${row.deathReason}`}
      </span>
    ),
    kind: 'wide',
  },
  { title: 'In use', cell: usedText, kind: 'wide' },
  { title: 'Running', cell: (row) => countText(row.running), kind: 'num' },
  { title: 'Running over time', cell: (row) => <NodeChart node={row.node} />, kind: 'chart' },
  { title: 'Id', cell: (row) => row.node, kind: 'word' },
];

const BYTE_RESOURCES: readonly string[] = ['memory', 'object_store_memory'];

function usedText({ resources = [], state }: NodeRow): string {
  if (state === 'DEAD') return '';
  return resources
    .filter(({ name }) => !BYTE_RESOURCES.includes(name))
    .map(({ name, total, used }) => `${name} ${used === undefined ? '' : `${amountText(used)} of `}${amountText(total)}`)
    .join(', ');
}

function amountText(amount: number): string {
  return String(Math.round(amount * 100) / 100);
}

const CHART_HEIGHT = 28;

function NodeChart({ node }: { node: string }): JSX.Element | null {
  const use = nodeUse.value;
  const series = use?.nodes.find((each) => (each.node ?? '') === node);
  if (use === undefined || series === undefined) return null;
  const { buckets, peak } = scaleOf(use);
  const mean = series.running.reduce((sum, each) => sum + each, 0) / buckets;
  const cpus = series.cpus === undefined ? '' : `, ${series.cpus} CPUs`;
  const facts = `${mean.toFixed(1)} on average, ${Math.max(0, ...series.running).toFixed(1)} at most${cpus}`;
  return (
    <div>
      <svg
        viewBox={`0 0 ${buckets} ${CHART_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Running on ${series.name} over time: ${facts}`}
      >
        <path d={areaOf(series.running, peak, CHART_HEIGHT)} />
      </svg>
      <span class="note">{facts}</span>
    </div>
  );
}

function scaleOf({ nodes }: NodeUseAnswer): { readonly buckets: number; readonly peak: number } {
  return {
    buckets: Math.max(1, ...nodes.map(({ running }) => running.length)),
    peak: Math.max(1, ...nodes.flatMap(({ running }) => running)),
  };
}

/** An SVG path with one step for each bucket. */
export function areaOf(values: readonly number[], peak: number, height: number): string {
  const steps = values.map((value, index) => `V${(height * (1 - value / peak)).toFixed(2)}H${index + 1}`);
  return `M0 ${height}${steps.join('')}V${height}Z`;
}

export function NodesTab({ answer: { nodes } }: { answer: JobAnswer }): JSX.Element {
  const use = nodeUse.value;
  const shared = use?.nodes.flatMap(({ node, name }) => (node === undefined ? [{ node: '', name, state: '', running: 0 }] : [])) ?? [];
  if (nodes.length === 0 && shared.length === 0) return <Empty>No node is known.</Empty>;
  return (
    <div id="nodes">
      {use !== undefined && use.nodes.length > 0 && (
        <p id="nodes-note" class="note">
          {nodesNote(use)}
        </p>
      )}
      <Table
        label="Nodes"
        columns={NODE_COLUMNS}
        rows={[...nodes, ...shared]}
        keyOf={(row) => row.node}
        classOf={(row) => (row.state === 'DEAD' ? 'dead' : '')}
      />
    </div>
  );
}

function nodesNote(use: NodeUseAnswer): string {
  const { buckets, peak } = scaleOf(use);
  const { startMs, bucketMs, unplaced } = use;
  const range = `From ${clockText(startMs)} to ${clockText(startMs + buckets * bucketMs)}, averaged over ${durationText(bucketMs)}. The top of every chart is ${peak.toFixed(1)}.`;
  return unplaced === 0 ? range : `${range} Ray did not report where or when ${countOf(unplaced, 'attempt')} ran.`;
}
