import type { ComponentChildren, JSX } from 'preact';
import type { JobAnswer, JobRow } from '../shapes.ts';
import { countText, durationText, momentText, outcomeOf, rateText } from './format.ts';
import { Panel } from './panel.tsx';
import { Chip, CopyButton, Counts, ExternalLink, StageBar, VerdictLine } from './parts.tsx';
import { PathTab } from './path.tsx';
import { connection, hrefWith, job, jobPart, rayNowMs, route, setParams, tab, type Tab } from './store.ts';
import { ActorsTab, FailuresTab, FunctionsTab, NodesTab, WaitingTab } from './tables.tsx';
import { Timeline } from './timeline.tsx';

export function JobPage(): JSX.Element {
  const answer = job.value;
  if (jobPart.value === 'gone')
    return (
      <article id="job" class="gone" aria-labelledby="job-gone">
        <p>
          <a href="#/">All jobs</a>
        </p>
        <h2 id="job-gone">Job not found</h2>
      </article>
    );
  if (answer === undefined) return <article id="job" aria-busy="true" />;
  const taskId = route.value.params['task'];
  return (
    <div class={`split${taskId === undefined ? '' : ' open'}`}>
      <article id="job" aria-labelledby="job-title">
        <Head answer={answer} />
        <Tabs answer={answer} />
        <TabPanel answer={answer} />
      </article>
      {taskId !== undefined && <Panel key={taskId} taskId={taskId} />}
    </div>
  );
}

function Head({ answer }: { answer: JobAnswer }): JSX.Element {
  const { job: row } = answer;
  const { isLost, lastDataMs } = connection.value;
  const counts = [
    `${Math.floor(row.progress * 100)} % of ${countText(row.taskCount)} tasks`,
    row.retried > 0 ? `${countText(row.retried)} attempts were retried` : '',
    row.untracked > 0 ? `${countText(row.untracked)} open attempts are only counted` : '',
    rateText(row.endedPerSecond),
  ];
  return (
    <>
      <h2 id="job-title">
        <span class="jobname">{row.name}</span> <Chip job={row} />
        {isLost && lastDataMs > 0 && <span class="chip idle">as of {new Date(lastDataMs).toLocaleTimeString('en-GB')}</span>}
      </h2>
      <Facts row={row} />
      <Verdict row={row} />
      <StageBar counts={row.tasks} />
      <Counts counts={row.tasks}>
        {counts
          .filter((text) => text !== '')
          .map((text) => (
            <span key={text}>{text}</span>
          ))}
      </Counts>
    </>
  );
}

function Facts({ row }: { row: JobRow }): JSX.Element {
  const isRunning = row.state === 'running';
  const ageMs = isRunning && row.startMs !== undefined ? Math.max(row.ageMs, rayNowMs.value - row.startMs) : row.ageMs;
  return (
    <p id="job-facts" class="facts">
      {row.startMs !== undefined && <span>started {momentText(row.startMs)}</span>}
      <span class="age">{`${isRunning ? 'for' : 'took'} ${durationText(ageMs)}`}</span>
      <span>
        job <code>{row.job}</code> of {row.session}
        {row.isInternal ? ', of Ray itself' : ''}
      </span>
      {row.submissionId !== undefined && (
        <span>
          submission <code>{row.submissionId}</code>
        </span>
      )}
      {row.endInferred !== undefined && <span>end inferred: {row.endInferred}</span>}
      <span>
        trace <span class="id">{row.traceId}</span>
        <CopyButton text={row.traceId} label="Copy the trace id" />
      </span>
      {row.traceUrl !== undefined && <ExternalLink href={row.traceUrl}>Trace ↗</ExternalLink>}
    </p>
  );
}

/** Why the job hangs, what broke it, or how it ended, with the chain to the root cause. */
function Verdict({ row }: { row: JobRow }): JSX.Element {
  const { chain, notes } = row.verdict;
  return (
    <section id="verdict" class={`verdict ${outcomeOf(row).tone}`} aria-label="Verdict">
      <VerdictLine job={row} nowMs={rayNowMs.value} class="sentence" />
      {chain.length > 1 && (
        <ol class="chain" aria-label="What waits for what">
          {chain.map(({ text, leadsBy }, index) => (
            <li key={`${index}/${text}`} class={leadsBy === '' ? 'root' : ''}>
              <span>{text}</span>
              {leadsBy !== '' && <i>{leadsBy}</i>}
            </li>
          ))}
        </ol>
      )}
      {notes.map((note) => (
        <p key={note} class="more">
          {note}
        </p>
      ))}
      {row.outcomeMessage !== undefined && row.outcomeMessage !== row.verdict.text && <p class="more outcome">{row.outcomeMessage}</p>}
      {row.error !== undefined && !row.verdict.text.includes(row.error) && (
        <p id="job-error" class="more error">
          {row.error}
        </p>
      )}
    </section>
  );
}

interface TabTitle {
  readonly id: Tab;
  readonly title: string;
  readonly count?: number | undefined;
  readonly isBad?: boolean;
}

function titlesOf({ job: row, failures, waiting, functions, actorCount, nodes }: JobAnswer): readonly TabTitle[] {
  const failed = failures.reduce((sum, { attempts }) => sum + attempts, 0);
  const pending = waiting.reduce((sum, { attempts }) => sum + attempts, 0);
  return [
    { id: 'timeline', title: 'Timeline' },
    { id: 'failures', title: 'Failures', count: Math.max(failed, row.tasks.failed), isBad: failed > 0 },
    { id: 'waiting', title: 'Waiting', count: pending },
    { id: 'functions', title: 'Functions', count: functions.length },
    { id: 'actors', title: 'Actors', count: actorCount },
    { id: 'nodes', title: 'Nodes', count: nodes.length, isBad: nodes.some(({ state }) => state === 'DEAD') },
    { id: 'path', title: 'Critical path' },
  ];
}

function Tabs({ answer }: { answer: JobAnswer }): JSX.Element {
  const titles = titlesOf(answer);
  const move = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const at = titles.findIndex(({ id }) => id === tab.value);
    const next = titles[(at + by + titles.length) % titles.length];
    if (next === undefined) return;
    showTab(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Parts of the job" onKeyDown={move}>
      {titles.map(({ id, title, count, isBad }) => (
        <a
          key={id}
          id={`tab-${id}`}
          role="tab"
          href={hrefWith({ tab: tabParam(id) })}
          aria-selected={tab.value === id}
          aria-controls={`panel-${id}`}
          tabIndex={tab.value === id ? 0 : -1}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            showTab(id);
          }}
        >
          {title}
          {count !== undefined && count > 0 && <em class={isBad === true ? 'bad' : ''}>{countText(count)}</em>}
        </a>
      ))}
    </div>
  );
}

function tabParam(id: Tab): string | undefined {
  return id === 'timeline' ? undefined : id;
}

function showTab(id: Tab): void {
  setParams({ tab: tabParam(id) }, 'push');
}

function TabPanel({ answer }: { answer: JobAnswer }): JSX.Element {
  const id = tab.value;
  const content: Readonly<Record<Tab, () => ComponentChildren>> = {
    timeline: () => <Timeline answer={answer} />,
    failures: () => <FailuresTab answer={answer} />,
    waiting: () => <WaitingTab answer={answer} />,
    functions: () => <FunctionsTab answer={answer} />,
    actors: () => <ActorsTab answer={answer} />,
    nodes: () => <NodesTab answer={answer} />,
    path: () => <PathTab />,
  };
  return (
    <section id={`panel-${id}`} role="tabpanel" aria-labelledby={`tab-${id}`} class="panel">
      {content[id]()}
    </section>
  );
}
