'use strict';

/** @type {Readonly<Record<JobRow['state'], string>>} */
const JOB_SIGNS = { running: '▶ running', finished: '■ ended', failed: '✗ failed' };

/** How a job ended. @type {Readonly<Record<NonNullable<JobRow['outcome']>, string>>} */
const OUTCOME_SIGNS = { succeeded: '✓ succeeded', failed: '✗ failed', stopped: '■ stopped', unknown: '■ ended' };

/** @param {JobRow} job */
function jobSign(job) {
  return job.outcome === undefined ? JOB_SIGNS[job.state] : OUTCOME_SIGNS[job.outcome];
}

/** @param {JobRow} job */
function jobStateClass(job) {
  return `state ${job.state}${job.outcome === undefined ? '' : ` ${job.outcome}`}`;
}

let showsInternal = false;

function toggleInternal() {
  showsInternal = !showsInternal;
  if (overview !== undefined) showJobs(overview.jobs);
}

/** @param {JobRow} job */
function jobHref(job) {
  return `#/job/${encodeURIComponent(job.session)}/${encodeURIComponent(job.job)}`;
}

/** @param {JobsAnswer} answer */
function showJobs(answer) {
  const { more, since } = answer;
  const jobs = answer.jobs.filter((job) => showsInternal || !job.isInternal);
  const internal = answer.jobs.filter((job) => job.isInternal).length;
  byId('jobs-internal').hidden = internal === 0;
  setText(byId('jobs-internal'), `${showsInternal ? 'Hide' : 'Show'} ${countText(internal)} job${internal === 1 ? '' : 's'} of Ray itself`);
  const sessions = new Set(jobs.map((job) => job.session));
  setText(
    byId('jobs-note'),
    [
      jobs.length === 0 ? 'No jobs yet.' : '',
      more > 0 ? `${countText(more)} more jobs are not listed.` : '',
      `The bridge started at ${new Date(since).toLocaleString()}; tasks that ended before have no rows.`,
    ]
      .filter((text) => text !== '')
      .join(' '),
  );
  keep(byId('jobs-list'), jobs, (job) => `${job.session}/${job.job}`, createJob, (item, job) => updateJob(item, job, sessions.size > 1));
}

function createJob() {
  return make(
    'li',
    '',
    make('div', 'top', make('span', 'state'), make('a', 'name'), make('span', 'note'), make('span', 'note'), make('span', 'trace')),
    make('div', 'bar'),
    make('div', 'note'),
  );
}

/** @param {HTMLElement} item @param {JobRow} job @param {boolean} showsSession */
function updateJob(item, job, showsSession) {
  const [top, bar, note] = [...item.children];
  const [state, name, facts, age, trace] = [...(top?.children ?? [])];
  if (bar === undefined || note === undefined || !(name instanceof HTMLAnchorElement) || !state || !facts || !age || !trace) return;
  state.className = jobStateClass(job);
  if (state instanceof HTMLElement) state.title = job.outcomeMessage ?? '';
  setText(state, jobSign(job));
  setText(name, job.name);
  name.href = jobHref(job);
  setText(facts, `job ${job.job}${showsSession ? ` of ${job.session}` : ''}${job.isInternal ? ', of Ray itself' : ''}`);
  setText(age, `${job.state === 'running' ? 'for' : 'took'} ${durationText(job.ageMs)}`);
  if (trace.childElementCount === 0 && job.traceUrl !== undefined) trace.append(traceLink(job.traceUrl));
  showBar(bar, job.tasks);
  const share = job.taskCount === 0 ? '' : `${Math.floor(job.progress * 100)} % of ${countText(job.taskCount)} tasks; `;
  setText(note, [`${share}${countsText(job.tasks)}`, job.retried > 0 ? `${countText(job.retried)} retried` : '', rateText(job.endedPerSecond)].filter((text) => text !== '').join('; '));
}

/** Links to a trace. The bridge accepts only http and https URLs at its start; the page checks again.
 * @param {string} url @param {string} [label] */
function traceLink(url, label = 'Trace') {
  if (!/^https?:\/\//i.test(url)) return make('span', '', url);
  const link = document.createElement('a');
  link.textContent = label;
  link.href = url;
  link.rel = 'noopener noreferrer';
  link.target = '_blank';
  return link;
}
