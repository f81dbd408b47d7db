import type { ComponentChildren, JSX, TargetedMouseEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { JobRow } from '../shapes.ts';
import type { Stage, StageCounts } from '../stage.ts';
import { countsText, countText, outcomeOf, STAGE_WORDS, STAGES, verdictText } from './format.ts';

// Texts from Ray are untrusted: Preact makes them text nodes and attribute values, never markup.

/** Links to a trace. The bridge accepts only http and https URLs at its start; the page checks again. */
export function ExternalLink({ href, children, class: name }: { href: string; children: ComponentChildren; class?: string }): JSX.Element {
  if (!/^https?:\/\//i.test(href)) return <span>{href}</span>;
  return (
    <a href={href} rel="noopener noreferrer" target="_blank" class={name ?? ''}>
      {children}
    </a>
  );
}

export function CopyButton({
  text,
  label,
  children = 'Copy',
  class: name = 'copy',
}: {
  text: string;
  label: string;
  children?: string;
  class?: string;
}): JSX.Element {
  const [shown, setShown] = useState('');
  const copy = async (event: TargetedMouseEvent<HTMLButtonElement>): Promise<void> => {
    setShown((await copyText(text, event.currentTarget)) ? 'Copied' : 'Copy by hand');
    setTimeout(() => setShown(''), 2_000);
  };
  return (
    <button type="button" class={name} aria-label={label} onClick={(event) => void copy(event)}>
      {shown === '' ? children : shown}
    </button>
  );
}

/** Copies a text. Without HTTPS a page may not write to the clipboard, so it selects the text instead. */
async function copyText(text: string, button: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('aria-hidden', 'true');
    (button.closest('dialog') ?? document.body).append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  }
}

const BAR_ORDER: readonly Stage[] = [
  'finished',
  'failed',
  'cancelled',
  'unfinished',
  'running',
  'pending_worker',
  'pending_node',
  'pending_args',
  'unknown',
];

/** A stacked bar of stages, from ended to pending. */
export function StageBar({ counts }: { counts: StageCounts }): JSX.Element {
  return (
    <div class="bar" role="img" aria-label={countsText(counts)}>
      {BAR_ORDER.filter((stage) => counts[stage] > 0).map((stage) => (
        <span
          key={stage}
          class={`c-${stage}`}
          style={{ flexGrow: counts[stage] }}
          title={`${countText(counts[stage])} ${STAGE_WORDS[stage]}`}
        />
      ))}
    </div>
  );
}

/** Counts by stage in words, each with the colour of its part of the bar. */
export function Counts({ counts, children }: { counts: StageCounts; children?: ComponentChildren }): JSX.Element {
  return (
    <p class="legend">
      {STAGES.filter((stage) => counts[stage] > 0).map((stage) => (
        <span key={stage}>
          <i class={`sw c-${stage}`} />
          <b>{countText(counts[stage])}</b> {STAGE_WORDS[stage]}
        </span>
      ))}
      {children}
    </p>
  );
}

export function Chip({ job }: { job: JobRow }): JSX.Element {
  const { word, sign, tone } = outcomeOf(job);
  return (
    <span class={`state chip ${tone} ${job.state}${job.outcome === undefined ? '' : ` ${job.outcome}`}`} title={job.outcomeMessage ?? ''}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}

/** The verdict in one line. */
export function VerdictLine({ job, nowMs, class: name }: { job: JobRow; nowMs: number; class: string }): JSX.Element {
  return <p class={`${name} ${outcomeOf(job).tone}`}>{verdictText(job, nowMs)}</p>;
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly kind?: 'num' | 'wide' | 'word' | 'chart';
}

/** On a phone each row becomes a card, with the titles of the columns as labels. */
export function Table<Row>({
  columns,
  rows,
  keyOf,
  label,
  classOf,
}: {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  label: string;
  classOf?: (row: Row) => string;
}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind ?? ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={classOf?.(row) ?? ''}>
              {columns.map(({ title, cell, kind }) => (
                <td key={title} class={kind ?? ''} data-title={title}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
