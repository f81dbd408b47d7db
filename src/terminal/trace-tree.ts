import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { drawBar } from './bar.ts';
import { cutTo, fit, formatCount, formatDurationNs, printable, textWidth } from './text.ts';
import { earlier, groupBy, later, type TraceModel, type TraceNode, traceModels } from './trace-model.ts';

export interface TraceTreeOptions {
  /** Columns of the terminal; at least 72 are used. Default 80. */
  readonly width?: number;
  /** Colours by ANSI sequences. Default false. */
  readonly color?: boolean;
  /** Lines for one trace; what is beyond is counted. Default 200. */
  readonly maxLines?: number;
}

interface Layout {
  readonly width: number;
  readonly nameWidth: number;
  readonly barWidth: number;
  readonly paint: Paint;
}

type Paint = (style: 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'cyan', text: string) => string;

/** One line of the tree before it is drawn. */
interface Row {
  /** Branches that lead to the row. */
  readonly prefix: string;
  /** Branches of the lines below it. */
  readonly below: string;
  readonly content: TraceNode | FoldedRow;
}

/** Siblings of one name that are counted instead of shown. */
interface FoldedRow {
  readonly folded: readonly TraceNode[];
  /** Completes '17 …'. */
  readonly text: string;
  /** Of their durations, or from the first begin to the last end. */
  readonly duration: 'sum' | 'whole';
}

const leastWidth = 72;
const durationWidth = 9;
const longestBar = 60;
const shownOfOneName = 3;
const branchWidth = 3;
/** Of the width, for branches and names. */
const nameShare = 0.45;
/** What the deepest branch leaves for a name. */
const textRoom = 18;

const codes = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/**
 * Spans as trees for a terminal, one a trace, with a bar for when each span waited (`░`) and ran (`█`). Pure. All text of the spans is made harmless.
 * Siblings of one name beyond the first few are counted in one line, failed ones being kept first.
 */
export function renderTraceTree(spans: readonly ReadableSpan[], options: TraceTreeOptions = {}): string {
  const width = Math.max(leastWidth, Math.floor(options.width ?? 80));
  const paint: Paint = options.color === true ? (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m` : (_style, text) => text;
  const models = traceModels(spans);
  if (models.length === 0) return 'No spans.\n';
  const trees = models.map((model) => renderTrace(model, width, paint, options.maxLines ?? 200));
  const legend = `${paint('yellow', '░')} waiting  ${paint('green', '█')} running  ${paint('cyan', '━')} lifetime  ${paint('red', '✗')} failed  ${paint('dim', '~')} end inferred`;
  return `${trees.join('\n')}\n${legend}\n`;
}

function renderTrace(model: TraceModel, width: number, paint: Paint, maxLines: number): string {
  const deepest = Math.max(2, Math.floor((width * nameShare - textRoom) / branchWidth));
  const rows = rowsOf(model.roots, '', 0, deepest);
  const shown = rows.slice(0, maxLines);
  const longestName = shown.map((row) => textWidth(row.prefix) + textWidth(rowName(row))).reduce((most, next) => Math.max(most, next), 0);
  const nameWidth = Math.min(longestName, Math.floor(width * nameShare));
  const layout: Layout = { width, nameWidth, barWidth: Math.min(longestBar, width - nameWidth - durationWidth - 5), paint };
  const failed = model.failedCount > 0 ? `, ${paint('red', `${model.failedCount.toLocaleString('en-US')} failed`)}` : '';
  const head = `${paint('bold', 'Trace')} ${model.traceId}  ${formatCount(model.spanCount, 'span')}${failed}, ${formatDurationNs(model.endNs - model.startNs)}`;
  const lines = [head, ...shown.flatMap((row) => renderRow(row, model, layout))];
  if (rows.length > shown.length) lines.push(paint('dim', `… and ${formatCount(rows.length - shown.length, 'line')} more`));
  return `${lines.join('\n')}\n`;
}

function rowsOf(nodes: readonly TraceNode[], prefix: string, level: number, deepest: number): readonly Row[] {
  const contents = foldSameNames(nodes);
  const rows: Row[] = [];
  for (const [index, content] of contents.entries()) {
    const isLast = index === contents.length - 1;
    const own = level === 0 ? '' : `${prefix}${isLast ? '└─ ' : '├─ '}`;
    const below = level === 0 ? '' : `${prefix}${isLast ? '   ' : '│  '}`;
    const children = 'folded' in content ? [] : content.children;
    const row: Row = { prefix: own, below: `${below}${children.length > 0 ? '│  ' : '   '}`, content };
    rows.push(row);
    if (level < deepest) rows.push(...rowsOf(children, below, level + 1, deepest));
    else if (children.length > 0)
      rows.push({ prefix: `${below}└─ `, below, content: { folded: children.flatMap(withDescendants), text: 'below', duration: 'whole' } });
  }
  return rows;
}

function withDescendants(node: TraceNode): readonly TraceNode[] {
  return [node, ...node.children.flatMap(withDescendants)];
}

function foldSameNames(nodes: readonly TraceNode[]): readonly (TraceNode | FoldedRow)[] {
  const shown = new Set<TraceNode>();
  const foldAfter = new Map<TraceNode, FoldedRow>();
  for (const [name, same] of groupBy(nodes, (node) => node.span.name)) {
    const failedFirst = [...same.filter((node) => node.error !== undefined), ...same.filter((node) => node.error === undefined)];
    const kept = same.length <= shownOfOneName + 1 ? failedFirst : failedFirst.slice(0, shownOfOneName);
    for (const node of kept) shown.add(node);
    const last = same.findLast((node) => shown.has(node));
    if (last !== undefined && kept.length < same.length)
      foldAfter.set(last, { folded: failedFirst.slice(kept.length), text: `more of ${printable(name)}`, duration: 'sum' });
  }
  return nodes
    .filter((node) => shown.has(node))
    .flatMap((node) => {
      const fold = foldAfter.get(node);
      return fold === undefined ? [node] : [node, fold];
    });
}

/** A repeated attempt says which one it is. */
function nodeName({ name, attributes }: ReadableSpan): string {
  const attempt = attributes['ray.task.attempt'];
  return `${printable(name)}${typeof attempt === 'number' && attempt > 0 ? ` (attempt ${attempt})` : ''}`;
}

function rowName({ content }: Row): string {
  return 'folded' in content ? `${content.folded.length.toLocaleString('en-US')} ${content.text}` : nodeName(content.span);
}

function renderRow(row: Row, model: TraceModel, layout: Layout): readonly string[] {
  const { nameWidth, barWidth, paint } = layout;
  const prefixWidth = textWidth(row.prefix);
  const name = fit(rowName(row), nameWidth - prefixWidth);
  const { content } = row;
  const nodes = 'folded' in content ? content.folded : [content];
  const bar = drawBar(nodes, model, barWidth)
    .map(({ text, style }) => (style === undefined ? text : paint(style, text)))
    .join('');
  const duration = durationText(row).padStart(durationWidth);
  const isFailed = nodes.some((node) => node.error !== undefined);
  const isInferred = !isFailed && nodes.some((node) => node.isEndInferred);
  const mark = isFailed ? paint('red', '✗') : isInferred ? paint('dim', '~') : ' ';
  const line = `${paint('dim', row.prefix)}${'folded' in content ? paint('dim', name) : name} ${bar} ${duration} ${mark}`.trimEnd();
  if ('folded' in content || content.error === undefined) return [line];
  const room = layout.width - textWidth(row.below) - 1;
  return [line, `${paint('dim', row.below)}${paint('red', cutTo(printable(content.error), room))}`];
}

function durationText({ content }: Row): string {
  if (!('folded' in content)) return formatDurationNs(content.endNs - content.startNs);
  const { folded, duration } = content;
  if (duration === 'sum') return `Σ ${formatDurationNs(folded.reduce((sum, node) => sum + (node.endNs - node.startNs), 0n))}`;
  const startNs = folded.map((node) => node.startNs).reduce(earlier);
  const endNs = folded.map((node) => node.endNs).reduce(later);
  return formatDurationNs(endNs - startNs);
}
