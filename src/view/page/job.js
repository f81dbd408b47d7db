'use strict';

/** @type {readonly TableColumn<JobAnswer['functions'][number]>[]} */
const FUNCTION_COLUMNS = [
  { title: 'Function', cell: functionButton, kind: 'wide' },
  { title: 'Attempts', text: (row) => countText(row.attemptCount), kind: 'num' },
  { title: 'Pending', text: (row) => countText(pendingOf(row.attempts) + row.untracked), kind: 'num' },
  { title: 'Running', text: (row) => countText(row.attempts.running), kind: 'num' },
  { title: 'Finished', text: (row) => countText(row.attempts.finished), kind: 'num' },
  { title: 'Failed', text: (row) => countText(row.attempts.failed), kind: 'num' },
  { title: 'Queue p50', text: (row) => durationText(row.queue?.p50Ms), kind: 'num' },
  { title: 'p95', text: (row) => durationText(row.queue?.p95Ms), kind: 'num' },
  { title: 'max', text: (row) => durationText(row.queue?.maxMs), kind: 'num' },
  { title: 'Run p50', text: (row) => durationText(row.run?.p50Ms), kind: 'num' },
  { title: 'p95', text: (row) => durationText(row.run?.p95Ms), kind: 'num' },
  { title: 'max', text: (row) => durationText(row.run?.maxMs), kind: 'num' },
];

let jobNowMs = 0;
let shownTraceId = '';
/** @type {JobAnswer['nodes']} */
let shownNodes = [];

/** @type {readonly TableColumn<JobAnswer['waiting'][number]>[]} */
const WAITING_COLUMNS = [
  { title: 'Attempts', text: (row) => countText(row.attempts), kind: 'num' },
  { title: 'Function', cell: functionButton, kind: 'wide' },
  { title: 'Waits for', text: (row) => row.waitsFor, kind: 'wide' },
  { title: 'For up to', text: (row) => durationText((row.untilMs ?? jobNowMs) - row.sinceMs), kind: 'num' },
  { title: 'State', text: (row) => row.state, kind: 'word' },
];

/** @type {readonly TableColumn<JobAnswer['failures'][number]>[]} */
const FAILURE_COLUMNS = [
  { title: 'Attempts', text: (row) => countText(row.attempts), kind: 'num' },
  { title: 'Function', cell: functionButton, kind: 'wide' },
  { title: 'Error', text: (row) => row.errorType, kind: 'word' },
  { title: 'Latest message', text: (row) => row.message, kind: 'wide' },
  { title: 'At', text: (row) => (Number.isFinite(row.endMs) ? clockText(row.endMs) : ''), kind: 'num' },
];

/** @type {readonly TableColumn<JobAnswer['actors'][number]>[]} */
const ACTOR_COLUMNS = [
  { title: 'Actor', text: (row) => row.name ?? row.className ?? row.actor, kind: 'wide' },
  { title: 'State', text: (row) => `${row.state}${row.isDetached ? ', detached' : ''}` },
  { title: 'Lives', text: (row) => countText(row.incarnations.length + row.incarnationsLeftOut), kind: 'num' },
  { title: 'Each life', text: livesText, kind: 'wide' },
  { title: 'Id', text: (row) => row.actor, kind: 'word' },
];

/** @type {readonly TableColumn<JobAnswer['nodes'][number]>[]} */
const NODE_COLUMNS = [
  { title: 'Node', text: (row) => row.name },
  { title: 'Running over time', cell: chartCell, kind: 'chart' },
  { title: 'Running', text: (row) => countText(row.running), kind: 'num' },
  { title: 'State', text: (row) => row.state },
  { title: 'Id', text: (row) => row.node, kind: 'word' },
];

/** @param {JobAnswer['actors'][number]} actor */
function livesText(actor) {
  return actor.incarnations
    .map((life, index) => {
      const took = life.endMs === undefined ? 'alive' : durationText(life.endMs - life.startMs);
      return `#${index + actor.incarnationsLeftOut} ${took}${life.reason === undefined ? '' : `, ${life.reason}`}`;
    })
    .join('; ');
}

/** Makes a button that lists the tasks of a function. @param {{function: string}} row */
function functionButton(row) {
  const button = makeButton('link', row.function);
  button.addEventListener('click', () => filterByFunction(row.function));
  return button;
}

/** @param {JobAnswer} answer */
function showJob(answer) {
  const { job, functions, waiting, failures, actors, actorCount, nodes, lookedAt, nowMs } = answer;
  jobNowMs = nowMs;
  shownTraceId = job.traceId;
  setText(byId('job-title'), job.name);
  showFacts(job);
  showBar(byId('job-bar'), job.tasks);
  const counts = [
    `${Math.floor(job.progress * 100)} % of ${countText(job.taskCount)} tasks`,
    countsText(job.tasks),
    job.retried > 0 ? `${countText(job.retried)} attempts were retried` : '',
    job.untracked > 0 ? `${countText(job.untracked)} open attempts are only counted` : '',
    rateText(job.endedPerSecond),
  ];
  setText(byId('job-counts'), counts.filter((text) => text !== '').join('; '));
  byId('job-error').hidden = job.error === undefined;
  setText(byId('job-error'), job.error ?? '');
  showTable('functions', FUNCTION_COLUMNS, functions, (row) => row.function);
  showTable('waiting', WAITING_COLUMNS, waiting, (row) => `${row.state}/${row.function}/${row.waitsFor}`);
  showTable('failures', FAILURE_COLUMNS, failures, (row) => `${row.function}/${row.errorType}`);
  showTable('actors', ACTOR_COLUMNS, actors, (row) => row.actor);
  shownNodes = nodes;
  showNodes();
  const sample = waiting.length > 0 && pendingOf(job.tasks) > lookedAt ? `, of ${countText(lookedAt)} open attempts` : '';
  setText(byId('waiting-title'), `What pending tasks wait for${sample}`);
  setText(byId('actors-title'), actorCount > actors.length ? `Actors: ${countText(actors.length)} of ${countText(actorCount)}` : 'Actors');
  offerFunctions(functions.map((row) => row.function));
  showPart('job');
}

function showNodes() {
  showTable('nodes', NODE_COLUMNS, [...shownNodes, ...otherNodes], (row) => row.node);
}

/** @param {JobRow} job */
function showFacts(job) {
  const facts = byId('job-facts');
  const key = JSON.stringify([job.session, job.job, job.state, job.outcome, job.traceId, job.endInferred, job.isInternal]);
  if (facts.dataset['key'] !== key) {
    facts.dataset['key'] = key;
    facts.replaceChildren(
      make('span', jobStateClass(job), jobSign(job)),
      make('span', 'age'),
      ...(job.outcomeMessage === undefined ? [] : [make('span', 'outcome', job.outcomeMessage)]),
      make('span', '', `job ${job.job} of ${job.session}${job.isInternal ? ', of Ray itself' : ''}`),
      ...(job.submissionId === undefined ? [] : [make('span', '', `submission ${job.submissionId}`)]),
      ...(job.endInferred === undefined ? [] : [make('span', '', `end inferred: ${job.endInferred}`)]),
      make('span', '', 'trace ', make('span', 'id', job.traceId), copyButton(job.traceId, 'the trace id')),
      ...(job.traceUrl === undefined ? [] : [traceLink(job.traceUrl)]),
    );
  }
  const age = facts.querySelector('.age');
  if (age !== null) setText(age, `${job.state === 'running' ? 'for' : 'took'} ${durationText(job.ageMs)}`);
}
