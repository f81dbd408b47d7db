import type { JSX } from 'preact';
import type { JobRow, JobsAnswer } from '../shapes.ts';
import { countOf, countText, durationText, momentText, outcomeOf, rateText } from './format.ts';
import { Chip, Counts, ExternalLink, StageBar, VerdictLine } from './parts.tsx';
import { clockMs, connection, jobHref, overview, route, setParams } from './store.ts';

const SORTS = {
  '': 'running first',
  start: 'newest first',
  failed: 'most failures',
  took: 'longest',
} as const;

function compare(sort: string): (a: JobRow, b: JobRow) => number {
  if (sort === 'start') return (a, b) => (b.startMs ?? 0) - (a.startMs ?? 0);
  if (sort === 'failed') return (a, b) => b.tasks.failed - a.tasks.failed;
  if (sort === 'took') return (a, b) => b.ageMs - a.ageMs;
  return () => 0;
}

function matches(row: JobRow, text: string): boolean {
  const { name, job, session, submissionId = '', verdict } = row;
  const wanted = text.toLowerCase();
  return [name, job, session, submissionId, verdict.text, outcomeOf(row).word].some((each) => each.toLowerCase().includes(wanted));
}

export function JobsPage({ answer }: { answer: JobsAnswer }): JSX.Element {
  const { search = '', sort = '', internal = '' } = route.value.params;
  const showsInternal = internal === '1';
  const ofRay = answer.jobs.filter((row) => row.isInternal).length;
  const visible = answer.jobs.filter((row) => showsInternal || !row.isInternal);
  const rows = visible.filter((row) => search === '' || matches(row, search)).toSorted(compare(sort));
  const sessions = new Set(visible.map((row) => row.session));
  const notes = [
    visible.length === 0 ? 'No jobs yet.' : '',
    answer.more > 0 ? `${countText(answer.more)} more jobs are not listed.` : '',
    `The bridge started at ${new Date(answer.since).toLocaleString('en-GB')}; tasks that ended before have no rows.`,
  ];
  return (
    <section id="jobs" aria-labelledby="jobs-title">
      <div class="head">
        <h2 id="jobs-title">Jobs</h2>
        <form role="search" class="tools" onSubmit={(event) => event.preventDefault()}>
          <label class="field">
            <span class="unseen">Search jobs</span>
            <input
              name="search"
              type="search"
              maxLength={200}
              autocomplete="off"
              placeholder="Find a job"
              value={search}
              onInput={(event) => setParams({ search: event.currentTarget.value })}
            />
            <kbd aria-hidden="true">/</kbd>
          </label>
          <label>
            Sort{' '}
            <select name="sort" value={sort} onChange={(event) => setParams({ sort: event.currentTarget.value })}>
              {Object.entries(SORTS).map(([value, title]) => (
                <option key={value} value={value}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        </form>
      </div>
      <ul id="jobs-list" class="jobs">
        {rows.map((row) => (
          <JobCard key={`${row.session}/${row.job}`} row={row} showsSession={sessions.size > 1} />
        ))}
      </ul>
      {rows.length === 0 && visible.length > 0 && (
        <p class="empty">
          No job matches.{' '}
          <button type="button" onClick={() => setParams({ search: undefined })}>
            Clear search
          </button>
        </p>
      )}
      {ofRay > 0 && (
        <button type="button" id="jobs-internal" onClick={() => setParams({ internal: showsInternal ? undefined : '1' })}>
          {`${showsInternal ? 'Hide' : 'Show'} ${countOf(ofRay, 'job')} of Ray itself`}
        </button>
      )}
      <p id="jobs-note" class="note">
        {notes.filter((text) => text !== '').join(' ')}
      </p>
    </section>
  );
}

function JobCard({ row, showsSession }: { row: JobRow; showsSession: boolean }): JSX.Element {
  const isRunning = row.state === 'running';
  // The list has no clock of Ray: an age counts on from the answer.
  const elapsedMs = connection.value.isLost ? 0 : Math.max(0, clockMs.value - connection.value.lastDataMs);
  const ageMs = row.ageMs + (isRunning ? elapsedMs : 0);
  const nowMs = isRunning ? (row.startMs ?? 0) + ageMs : (overview.value?.jobs.nowMs ?? 0);
  return (
    <li>
      <div class="top">
        <Chip job={row} />
        <a class="name" href={jobHref(row)} title={row.name}>
          {row.name}
        </a>
        <span class="note">
          {row.startMs === undefined ? '' : `started ${momentText(row.startMs)}, `}
          {isRunning ? `for ${durationText(ageMs)}` : `took ${durationText(ageMs)}`}
        </span>
        <span class="note">
          {`job ${row.job}${showsSession ? ` of ${row.session}` : ''}${row.submissionId === undefined ? '' : `, ${row.submissionId}`}${row.isInternal ? ', of Ray itself' : ''}`}
        </span>
        {row.traceUrl !== undefined && <ExternalLink href={row.traceUrl}>Trace ↗</ExternalLink>}
      </div>
      <VerdictLine job={row} nowMs={nowMs} class="why" />
      <StageBar counts={row.tasks} />
      <Counts counts={row.tasks}>
        {row.retried > 0 && <span>{countText(row.retried)} retried</span>}
        {row.endedPerSecond > 0 && <span>{rateText(row.endedPerSecond)}</span>}
      </Counts>
    </li>
  );
}
