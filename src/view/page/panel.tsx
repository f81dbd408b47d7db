import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AttemptRow } from '../shapes.ts';
import { clockText, durationText, shortId, STAGE_SIGNS, STAGE_WORDS } from './format.ts';
import { CopyButton, ExternalLink } from './parts.tsx';
import { phasesOf } from './rows.ts';
import { askTasks, atMostEvery, changes, closePanel, connection, hrefWith, job, route } from './store.ts';
import { TaskLink } from './tables.tsx';

const END_REASON_WORDS: Readonly<Record<string, string>> = {
  driver_ended: 'ended with its driver',
  intended_exit: 'its process exited on purpose',
};

/** Minimum time between two requests for the open task while the job runs. */
const REFRESH_MS = 1000;

type Shown = { readonly kind: 'loading' | 'missing' } | { readonly kind: 'task'; readonly task: AttemptRow };

/** The open task, beside the rest of the page. Its address is the page's. */
export function Panel({ taskId }: { taskId: string }): JSX.Element {
  const [shown, setShown] = useState<Shown>({ kind: 'loading' });
  const ref = useRef<HTMLElement>(null);
  const ask = useRef<(() => void) | undefined>(undefined);
  useEffect(() => {
    let isOpen = true;
    const askTask = async (): Promise<void> => {
      const { answer } = await askTasks(route.peek(), { search: taskId, limit: '10' });
      if (!isOpen || answer === undefined) return;
      const task = answer.tasks.find((each) => each.task === taskId);
      setShown(task === undefined ? { kind: 'missing' } : { kind: 'task', task });
    };
    ask.current = atMostEvery(REFRESH_MS, () => void askTask());
    ref.current?.focus({ preventScroll: true });
    return () => {
      isOpen = false;
    };
  }, [taskId]);
  const version = changes.value;
  useEffect(() => {
    if (!connection.peek().isLost) ask.current?.();
  }, [version, taskId]);
  return (
    <aside id="details" ref={ref} tabIndex={-1} aria-labelledby="details-title">
      <div class="bar-top">
        <h2 id="details-title">{shown.kind === 'task' ? shown.task.name : shown.kind === 'missing' ? 'Task not found' : 'Task'}</h2>
        <button type="button" class="icon" id="details-close" aria-label="Close" title="Close (Escape)" onClick={closePanel}>
          <span aria-hidden="true">✕</span>
        </button>
      </div>
      <div id="details-body">
        {shown.kind === 'task' && <Attempts task={shown.task} />}
        {shown.kind === 'missing' && <p class="note">It has no row: it ended long ago, or it belongs to another job.</p>}
      </div>
    </aside>
  );
}

function Attempts({ task }: { task: AttemptRow }): JSX.Element {
  const earlier = task.earlier ?? [];
  return (
    <>
      <Attempt attempt={task} isNumbered={earlier.length > 0} />
      {earlier.map((attempt) => (
        <section key={attempt.attempt}>
          <Attempt attempt={attempt} isNumbered />
        </section>
      ))}
    </>
  );
}

function toneOf({ stage }: AttemptRow): string {
  if (stage === 'failed') return 'fail';
  if (stage === 'finished') return 'ok';
  if (stage === 'running') return 'run';
  return stage.startsWith('pending') ? 'wait' : 'idle';
}

/** The error first, then where it ran, its states with times, and where to go from here. */
function Attempt({ attempt, isNumbered }: { attempt: AttemptRow; isNumbered: boolean }): JSX.Element {
  const { error } = attempt;
  const [first = '', ...rest] = (error?.message ?? '').split('\n');
  return (
    <>
      {isNumbered && <h3>{`Attempt ${attempt.attempt}`}</h3>}
      <p class="line">
        <span class={`chip ${toneOf(attempt)}`}>
          <span aria-hidden="true">{STAGE_SIGNS[attempt.stage]}</span> {STAGE_WORDS[attempt.stage]}
        </span>
      </p>
      {error !== undefined && (
        <div class="err">
          <b>{error.type}</b>
          <p>{first}</p>
          {rest.length > 0 && <pre>{rest.join('\n')}</pre>}
        </div>
      )}
      {attempt.waitsFor !== undefined && <p class="waits">{`Waits for ${attempt.waitsFor}.`}</p>}
      <p class="actions">
        {attempt.traceUrl !== undefined && (
          <ExternalLink href={attempt.traceUrl} class="button">
            {attempt.endMs === undefined ? 'Span (exported after the end) ↗' : 'Span in the trace ↗'}
          </ExternalLink>
        )}
        <CopyButton text={location.href} label="Copy link to this task" class="button">
          Copy link
        </CopyButton>
      </p>
      <Where attempt={attempt} />
      <Steps attempt={attempt} />
      <Ids attempt={attempt} />
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element | null {
  if (children === undefined || children === '' || children === false) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Where({ attempt }: { attempt: AttemptRow }): JSX.Element {
  const { node, nodeName, pid, actor, parentTask, needs } = attempt;
  const place = [nodeName ?? (node === undefined ? '' : shortId(node)), pid === undefined ? '' : `process ${pid}`].filter(
    (text) => text !== '',
  );
  const known = job.value?.actors.find((each) => each.actor === actor);
  return (
    <dl>
      <Fact name="State">{`${STAGE_WORDS[attempt.stage]}${attempt.state === '' ? '' : ` (${attempt.state})`}`}</Fact>
      <Fact name="Function">{attempt.function}</Fact>
      <Fact name="Node">{place.length > 0 && <a href={hrefWith({ tab: 'nodes', task: undefined })}>{place.join(', ')}</a>}</Fact>
      <Fact name="Needs">{needs}</Fact>
      <Fact name="Actor">
        {actor !== undefined && (
          <a href={hrefWith({ tab: 'actors', actor, task: undefined })}>{known?.name ?? known?.className ?? shortId(actor)}</a>
        )}
      </Fact>
      <Fact name="Called by">{parentTask !== undefined && <TaskLink task={parentTask}>{shortId(parentTask)}</TaskLink>}</Fact>
      <Fact name="End inferred">{attempt.endInferred}</Fact>
      <Fact name="End reason">{attempt.endReason === undefined ? '' : (END_REASON_WORDS[attempt.endReason] ?? attempt.endReason)}</Fact>
      <Fact name="Clock skew">
        {attempt.clockSkewMs === undefined ? '' : `owner and executor differ by at least ${durationText(attempt.clockSkewMs)}`}
      </Fact>
      <Fact name="Rolled up">{attempt.isFolded === true && 'no span of its own, because of the span budget of its trace'}</Fact>
    </dl>
  );
}

function Steps({ attempt }: { attempt: AttemptRow }): JSX.Element | null {
  if (attempt.startMs === undefined) return null;
  const phases = phasesOf(attempt, false).filter(({ startMs, endMs }) => endMs > startMs);
  return (
    <ol class="steps" aria-label="States">
      <li>
        Started<span>{clockText(attempt.startMs)}</span>
      </li>
      {phases.map(({ stage, startMs, endMs }) => (
        <li key={`${stage}/${startMs}`} class={stage === 'failed' ? 'bad' : ''}>
          {stage === 'failed' ? 'ran, then failed' : STAGE_WORDS[stage]}
          <span>{durationText(endMs - startMs)}</span>
        </li>
      ))}
      <li>
        {attempt.endMs === undefined ? (attempt.untilMs === undefined ? 'still open' : 'end unknown') : 'Ended'}
        <span>{attempt.endMs === undefined ? '' : clockText(attempt.endMs)}</span>
      </li>
    </ol>
  );
}

function Ids({ attempt }: { attempt: AttemptRow }): JSX.Element {
  const ids: readonly (readonly [name: string, id: string | undefined])[] = [
    ['Task id', attempt.task],
    ['Span id', attempt.spanId],
    ['Trace id', job.value?.job.traceId],
    ['Actor id', attempt.actor],
    ['Node id', attempt.node],
    ['Parent task', attempt.parentTask],
  ];
  return (
    <dl class="ids">
      {ids.map(([name, id]) => (
        <Fact key={name} name={name}>
          {id !== undefined && (
            <>
              <span class="id">{id}</span>
              <CopyButton text={id} label={`Copy ${name}`} />
            </>
          )}
        </Fact>
      ))}
    </dl>
  );
}
