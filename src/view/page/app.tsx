import { effect, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { bytesText, countText, durationText } from './format.ts';
import { JobPage } from './job.tsx';
import { JobsPage } from './jobs.tsx';
import { goToNextFailure, moveSelection } from './rows.ts';
import { SchemeButton } from './scheme.tsx';
import { Setup } from './setup.tsx';
import { closePanel, connection, job, jobPart, overview, type Overview, route, setParams } from './store.ts';

const isHelpOpen = signal(false);
const isHealthOpen = signal(false);

export function App(): JSX.Element {
  useEffect(listenToKeys, []);
  useEffect(() => effect(nameDocument), []);
  const { kind } = route.value;
  const known = overview.value;
  const isFirstUse = kind === 'jobs' && known !== undefined && known.status.events.accepted === 0 && known.jobs.jobs.length === 0;
  return (
    <div class={`app${connection.value.isLost ? ' stale' : ''}`}>
      <Header />
      <main id="main" tabIndex={-1}>
        {kind !== 'jobs' ? (
          <JobPage />
        ) : isFirstUse ? (
          <Setup setup={known.status.setup} />
        ) : (
          known !== undefined && <JobsPage answer={known.jobs} />
        )}
      </main>
      <Help />
    </div>
  );
}

function nameDocument(): void {
  const running = overview.value?.jobs.jobs.filter((row) => row.state === 'running' && !row.isInternal).length ?? 0;
  const { kind, job: id } = route.value;
  const ofJob = jobPart.value === 'gone' ? 'Job not found' : (job.value?.job.name ?? id);
  const ofPage = kind === 'jobs' ? `${running} running` : ofJob;
  document.title = `${connection.value.isLost ? 'Bridge unreachable' : ofPage} – ray-otel-bridge`;
}

function Header(): JSX.Element {
  const { isLost, text } = connection.value;
  const name = route.value.kind === 'job' && jobPart.value !== 'gone' ? (job.value?.job.name ?? route.value.job) : undefined;
  return (
    <header>
      <h1>
        <a href="#/">ray-otel-bridge</a>
      </h1>
      {name !== undefined && (
        <nav class="crumb" aria-label="Breadcrumb">
          <a href="#/">All jobs</a> / <span>{name}</span>
        </nav>
      )}
      <p id="connection" role="status" class={isLost ? 'lost' : ''}>
        {text}
      </p>
      <span class="space" />
      {overview.value !== undefined && <Health data={overview.value} />}
      <button
        type="button"
        class="icon"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => (isHelpOpen.value = true)}
      >
        <span aria-hidden="true">?</span>
      </button>
      <SchemeButton />
    </header>
  );
}

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly isBad: boolean;
  readonly why: string;
}

function fact(name: string, value: string, isBad = false, why = ''): Fact {
  return { name, value, isBad, why };
}

function list(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([name, count]) => `${name} ${count}`).join(', ');
}

function factsOf({ status: { health, events, nowMs } }: Overview): readonly Fact[] {
  const inferred = Object.entries(health.inferredEnds).filter(([, count]) => count > 0);
  const { isLost } = connection.value;
  const rejected = list(Object.entries(events.rejectedByCode));
  return [
    fact('Bridge', isLost ? 'unreachable' : (health.reason ?? health.state), isLost || health.reason !== undefined),
    fact('Last event', events.lastReceivedMs === undefined ? 'none yet' : `${durationText(nowMs - events.lastReceivedMs)} ago`),
    fact('Events', countText(events.accepted)),
    fact(
      'Backlog',
      `${countText(health.backlogEvents)} events, ${bytesText(health.journalBytes)}`,
      health.backlogAgeMs > 60_000,
      'accepted but not yet processed',
    ),
    fact(
      'Export lag',
      health.queuedSpans === 0 ? 'none' : `${durationText(health.exportLagMs)}, ${countText(health.queuedSpans)} spans`,
      health.exportLagMs > 60_000,
      health.outboxBytes === 0
        ? 'spans waiting for the backend'
        : `spans waiting for the backend, ${bytesText(health.outboxBytes)} of ${bytesText(health.outboxLimitBytes)} on disk`,
    ),
    fact('Rejected', countText(events.rejected), events.rejected > 0, rejected),
    fact('Late events', countText(health.lateEvents), false, 'arrived after their span was sent'),
    fact('Inferred ends', countText(inferred.reduce((sum, [, count]) => sum + count, 0)), false, list(inferred)),
    fact('Refused spans', countText(health.refusedSpans), health.refusedSpans > 0, 'the backend refused them permanently'),
  ];
}

/** One pill says whether the bridge is well, and opens the figures. */
function Health({ data }: { data: Overview }): JSX.Element {
  const facts = factsOf(data);
  const first = facts.find(({ isBad }) => isBad);
  const { health } = data.status;
  const lag = health.queuedSpans > 0 && health.exportLagMs >= 100 ? ` · ${durationText(health.exportLagMs)} behind` : '';
  const text =
    first === undefined ? `healthy${lag}` : first.name === 'Bridge' ? first.value : `${first.name.toLowerCase()}: ${first.value}`;
  return (
    <div class="health">
      <button
        type="button"
        id="health-pill"
        class={`pill ${first === undefined ? 'ok' : 'bad'}`}
        aria-expanded={isHealthOpen.value}
        aria-controls="health"
        onClick={() => (isHealthOpen.value = !isHealthOpen.value)}
      >
        <span class="dot" aria-hidden="true" />
        {text}
      </button>
      <dl id="health" aria-label="Health of the bridge" hidden={!isHealthOpen.value}>
        {facts.map(({ name, value, isBad, why }) => (
          <div key={name} class={isBad ? 'bad' : ''} title={why}>
            <dt>{name}</dt>
            <dd>{isBad && why !== '' ? `${value} (${why})` : value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ['/', 'search'],
  ['j, k or ↓, ↑', 'next and previous row'],
  ['Enter', 'open a task; expand or collapse a rolled-up row'],
  ['→, ←', 'expand or collapse; on other rows move the time axis'],
  ['n', 'next failed task'],
  ['+, −, 0', 'zoom in, zoom out, whole time range'],
  ['Escape', 'close the panel'],
  ['?', 'this help'],
];

function Help(): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) ref.current?.showModal();
    else ref.current?.close();
  }, [isOpen]);
  return (
    <dialog id="help" ref={ref} aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <form method="dialog">
        <h2 id="help-title">Keyboard</h2>
        <button>Close</button>
      </form>
      <dl>
        {SHORTCUTS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}

function listenToKeys(): () => void {
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null) return;
  const { target } = event;
  if (event.key === 'Escape') {
    isHealthOpen.value = false;
    if (route.value.params['task'] !== undefined) closePanel();
    return;
  }
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return;
  const actions: Readonly<Record<string, () => void>> = {
    '/': focusSearch,
    j: () => moveSelection(1),
    k: () => moveSelection(-1),
    n: () => void goToNextFailure(),
    '?': () => {
      isHelpOpen.value = true;
    },
  };
  const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
  if (action === undefined) return;
  event.preventDefault();
  action();
}

/** The search is in the timeline of a job, or above the list of jobs. */
function focusSearch(): void {
  if (route.value.kind === 'job') setParams({ tab: undefined }, 'push');
  requestAnimationFrame(() => document.querySelector<HTMLInputElement>('input[name=search]')?.focus());
}
