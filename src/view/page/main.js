'use strict';
// Navigation (the part of the address after #), the stream of updates, and the overview.

/** @type {EventSource | undefined} */
let source;
/** @type {{status: StatusAnswer, jobs: JobsAnswer} | undefined} */
let overview;
/** @type {{session: string, job: string} | undefined} */
let shownJob;
/** @type {ReturnType<typeof setInterval> | undefined} */
let polling;

const POLL_MS = 5000;
/** Minimum time between two requests for answers that cover all tasks of a job. */
const SLOW_REFRESH_MS = 3000;

function readAddress() {
  const [, session, job] = /^#\/job\/([^/]*)\/([^/]*)$/.exec(location.hash) ?? [];
  try {
    return session === undefined || job === undefined ? undefined : { session: decodeURIComponent(session), job: decodeURIComponent(job) };
  } catch {
    return undefined;
  }
}

function go() {
  shownJob = readAddress();
  const isOfNoJob = shownJob === undefined && location.hash.startsWith('#/job/');
  byId('job').hidden = shownJob === undefined && !isOfNoJob;
  showPart(isOfNoJob ? 'gone' : 'loading');
  const details = byId('details');
  if (details instanceof HTMLDialogElement) details.close();
  forgetPath();
  forgetNodeUse();
  openList(shownJob);
  openStream();
  if (overview !== undefined) showOverview(overview);
  window.scrollTo(0, 0);
}

/** Opens one stream for the overview and the shown job. */
function openStream() {
  source?.close();
  stopPolling();
  const query = shownJob === undefined ? '' : `?${new URLSearchParams(shownJob)}`;
  source = new EventSource(`api/v1/stream${query}`);
  source.addEventListener('overview', (event) => {
    noteAnswer('', true);
    showOverview(/** @type {{status: StatusAnswer, jobs: JobsAnswer}} */ (JSON.parse(String(event.data))));
  });
  source.addEventListener('job', (event) => {
    showJob(/** @type {JobAnswer} */ (JSON.parse(String(event.data))));
    refreshList();
    refreshSlowly();
  });
  source.addEventListener('gone', () => showPart('gone'));
  source.addEventListener('error', () => {
    bridgeLink.isLive = false;
    // The browser reconnects after a lost connection, but not after a refusal.
    if (source?.readyState === EventSource.CLOSED) poll();
    else noteLost();
  });
}

/** Polls instead, because the bridge refused the stream: too many are open. */
function poll() {
  if (polling !== undefined) return;
  polling = setInterval(() => void askAll(), POLL_MS);
  void askAll();
}

async function askAll() {
  const asked = shownJob;
  const { status: code, answer: status } = await askApi('status');
  const { answer: jobs } = await askApi('jobs');
  if (status === undefined || jobs === undefined) return noteLost(code === 200 ? 0 : code);
  noteAnswer('Not live: refreshed every 5 s', false);
  showOverview({ status: /** @type {StatusAnswer} */ (status), jobs: /** @type {JobsAnswer} */ (jobs) });
  if (asked === undefined) return;
  const query = new URLSearchParams({ session: asked.session });
  const job = await askApi(`jobs/${encodeURIComponent(asked.job)}?${query}`);
  if (shownJob !== asked) return;
  if (job.status === 404) showPart('gone');
  if (job.answer !== undefined) showJob(/** @type {JobAnswer} */ (job.answer));
  refreshList();
  refreshSlowly();
}

const refreshSlowly = atMostEvery(SLOW_REFRESH_MS, () => void askSlowly());

async function askSlowly() {
  const asked = shownJob;
  if (asked === undefined) return;
  const path = `jobs/${encodeURIComponent(asked.job)}`;
  const query = new URLSearchParams({ session: asked.session });
  const criticalPath = /** @type {CriticalPathAnswer | undefined} */ ((await askApi(`${path}/critical-path?${query}`)).answer);
  const nodeUse = /** @type {NodeUseAnswer | undefined} */ ((await askApi(`${path}/node-use?${query}`)).answer);
  if (shownJob !== asked) return;
  if (criticalPath !== undefined) showPath(criticalPath);
  if (nodeUse !== undefined) showNodeUse(nodeUse);
}

function stopPolling() {
  clearInterval(polling);
  polling = undefined;
}

/** @param {{status: StatusAnswer, jobs: JobsAnswer}} data */
function showOverview(data) {
  overview = data;
  const { status, jobs } = data;
  const isOfJob = !byId('job').hidden;
  const isFirstUse = !isOfJob && status.events.accepted === 0 && jobs.jobs.length === 0;
  byId('setup').hidden = !isFirstUse;
  byId('jobs').hidden = isFirstUse || isOfJob;
  if (isFirstUse) showSetup(status.setup);
  showHealth(status);
  if (!isOfJob) showJobs(jobs);
  showTitle();
}

function showTitle() {
  const running = overview?.jobs.jobs.filter((job) => job.state === 'running' && !job.isInternal).length ?? 0;
  const ofPage = byId('job').hidden ? `${running} running` : partTitle();
  document.title = `${bridgeLink.isLost ? 'Bridge unreachable' : ofPage} – ray-otel-bridge`;
}

function partTitle() {
  if (!byId('job-gone').hidden) return 'Job not found';
  return byId('job-body').hidden ? (shownJob?.job ?? '') : (byId('job-title').textContent ?? '');
}

/** Shows one part at the address of a job, and hides the data of any other job. @param {'loading' | 'gone' | 'job'} part */
function showPart(part) {
  byId('job-body').hidden = part !== 'job';
  byId('job-gone').hidden = part !== 'gone';
  showTitle();
}

/** @param {StatusAnswer} status */
function showHealth({ health, events, nowMs }) {
  const inferred = Object.entries(health.inferredEnds).filter(([, count]) => count > 0);
  const sum = inferred.reduce((total, [, count]) => total + count, 0);
  const rejected = Object.entries(events.rejectedByCode);
  /** @type {[name: string, value: string, isBad: boolean, why: string][]} */
  const facts = [
    ['Bridge', bridgeLink.isLost ? 'unreachable' : (health.reason ?? health.state), bridgeLink.isLost || health.reason !== undefined, ''],
    ['Last event', events.lastReceivedMs === undefined ? 'none yet' : `${durationText(nowMs - events.lastReceivedMs)} ago`, false, ''],
    ['Backlog', `${countText(health.backlogEvents)} events, ${bytesText(health.journalBytes)}`, health.backlogAgeMs > 60_000, 'accepted but not yet processed'],
    ['Export lag', health.queuedSpans === 0 ? 'none' : `${durationText(health.exportLagMs)}, ${countText(health.queuedSpans)} spans`, health.exportLagMs > 60_000, health.outboxBytes === 0 ? 'spans waiting for the backend' : `spans waiting for the backend, ${bytesText(health.outboxBytes)} of ${bytesText(health.outboxLimitBytes)} on disk`],
    ['Rejected', countText(events.rejected), events.rejected > 0, rejected.map(([code, count]) => `${code} ${count}`).join(', ')],
    ['Late events', countText(health.lateEvents), false, 'arrived after their span was sent'],
    ['Inferred ends', countText(sum), false, inferred.map(([reason, count]) => `${reason} ${count}`).join(', ')],
    ['Refused spans', countText(health.refusedSpans), health.refusedSpans > 0, 'the backend refused them permanently'],
  ];
  keep(
    byId('health'),
    facts,
    ([name]) => name,
    ([name]) => make('div', '', make('dt', '', name), make('dd', '')),
    (item, [, value, isBad, why]) => {
      item.classList.toggle('bad', isBad);
      item.title = why;
      const at = item.querySelector('dd');
      if (at !== null) setText(at, isBad && why !== '' ? `${value} (${why})` : value);
    },
  );
}

/** @param {{lines: readonly string[], needsToken: boolean}} setup */
function showSetup({ lines, needsToken }) {
  const base = new URL('v1/events', new URL('.', location.href));
  const url = `${base.protocol}//${needsToken ? 'ray:TOKEN@' : ''}${base.host}${base.pathname}`;
  const isLoopback = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  const notes = [
    isLoopback ? 'The address below works on this machine only. For other nodes, replace it with an address that they can reach, and make the bridge listen there (--listen).' : '',
    needsToken ? 'Replace TOKEN with one of the sender tokens.' : '',
  ];
  setText(byId('setup-note'), notes.filter((text) => text !== '').join(' '));
  setText(byId('setup-lines'), lines.map((line) => line.replaceAll('{url}', url)).join('\n'));
}

for (const legend of document.querySelectorAll('[data-legend]')) {
  const isOfPhases = legend instanceof HTMLElement && legend.dataset['legend'] === 'phases';
  showLegend(legend, isOfPhases ? [...STAGES.slice(0, 4), 'failed'] : STAGES);
}
byId('setup-copy').addEventListener('click', (event) => {
  if (event.currentTarget instanceof HTMLElement) void copyText(byId('setup-lines').textContent ?? '', event.currentTarget);
});
byId('jobs-internal').addEventListener('click', toggleInternal);
setUpScheme();
setUpTasks();
setInterval(watchSilence, WATCH_MS);
window.addEventListener('hashchange', go);
go();
