import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { printable } from '../runtime/index.ts';
import { drawBar } from './bar.ts';
import { cutTo, fit, formatCount, formatDurationNs, textWidth } from './text.ts';
import { earlier, groupBy, later, type TraceModel, type TraceNode, traceModels } from './trace-model.ts';

export interface TraceTreeOptions {
  /** Columns of the terminal, at least 72. Default 80. */
  readonly width?: number;
  /** Whether to use colours (ANSI sequences). Default false. */
  readonly color?: boolean;
  /** Maximum number of lines per trace. Further lines are counted. Default 200. */
  readonly maxLines?: number;
}

interface Layout {
  readonly width: number;
  readonly nameWidth: number;
  readonly barWidth: number;
  readonly paint: Paint;
}

type Paint = (style: 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'cyan', text: string) => string;

/** A line of the tree before rendering. */
interface Row {
  /** Branches in front of the row. */
  readonly prefix: string;
  /** Branches in front of further lines of the row, such as its error. */
  readonly below: string;
  readonly content: TraceNode | CollapsedRow;
}

/** Siblings with the same name that are counted instead of shown. */
interface CollapsedRow {
  readonly collapsed: readonly TraceNode[];
  /** Text after the count: '17 …'. */
  readonly text: string;
  /** Sum of the durations, or time from the first start to the last end. */
  readonly duration: 'sum' | 'whole';
}

const MIN_WIDTH = 72;
const DURATION_WIDTH = 9;
const MAX_BAR_WIDTH = 60;
const MAX_SAME_NAME = 3;
const BRANCH_WIDTH = 3;
/** Share of the width for branches and names. */
const NAME_SHARE = 0.45;
/** Minimum width of a name at the deepest level. */
const MIN_NAME_WIDTH = 18;

const ANSI_CODES = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/**
 * Renders spans as one tree per trace, with a bar that shows when each span waited (`░`) and ran (`█`). Pure. Escapes unsafe
 * characters. Shows only the first siblings with the same name, failed ones first, and counts the others in one line.
 */
export function renderTraceTree(spans: readonly ReadableSpan[], options: TraceTreeOptions = {}): string {
  const width = Math.max(MIN_WIDTH, Math.floor(options.width ?? 80));
  const paint: Paint = options.color === true ? (style, text) => `\u001b[${ANSI_CODES[style]}m${text}\u001b[0m` : (_style, text) => text;
  const models = traceModels(spans);
  if (models.length === 0) return 'No spans.\n';
  const trees = models.map((model) => renderTrace(model, width, paint, options.maxLines ?? 200));
  const legend = `${paint('yellow', '░')} waiting  ${paint('green', '█')} running  ${paint('cyan', '━')} lifetime  ${paint('red', '✗')} failed  ${paint('dim', '~')} end inferred`;
  return `${trees.join('\n')}\n${legend}\n`;
}

function renderTrace(model: TraceModel, width: number, paint: Paint, maxLines: number): string {
  const deepest = Math.max(2, Math.floor((width * NAME_SHARE - MIN_NAME_WIDTH) / BRANCH_WIDTH));
  const rows = rowsOf(model.roots, '', 0, deepest);
  const shown = rows.slice(0, maxLines);
  const longestName = shown.map((row) => textWidth(row.prefix) + textWidth(rowName(row))).reduce((most, next) => Math.max(most, next), 0);
  const nameWidth = Math.min(longestName, Math.floor(width * NAME_SHARE));
  const layout: Layout = { width, nameWidth, barWidth: Math.min(MAX_BAR_WIDTH, width - nameWidth - DURATION_WIDTH - 5), paint };
  const failed = model.failedCount > 0 ? `, ${paint('red', `${model.failedCount.toLocaleString('en-US')} failed`)}` : '';
  const head = `${paint('bold', 'Trace')} ${model.traceId}  ${formatCount(model.spanCount, 'span')}${failed}, ${formatDurationNs(model.endNs - model.startNs)}`;
  const lines = [head, ...shown.flatMap((row) => renderRow(row, model, layout))];
  if (rows.length > shown.length) lines.push(paint('dim', `… and ${formatCount(rows.length - shown.length, 'more line')}`));
  return `${lines.join('\n')}\n`;
}

function rowsOf(nodes: readonly TraceNode[], prefix: string, level: number, deepest: number): readonly Row[] {
  const contents = collapseSameNames(nodes);
  const rows: Row[] = [];
  for (const [index, content] of contents.entries()) {
    const isLast = index === contents.length - 1;
    const own = level === 0 ? '' : `${prefix}${isLast ? '└─ ' : '├─ '}`;
    const below = level === 0 ? '' : `${prefix}${isLast ? '   ' : '│  '}`;
    const children = 'collapsed' in content ? [] : content.children;
    const row: Row = { prefix: own, below: `${below}${children.length > 0 ? '│  ' : '   '}`, content };
    rows.push(row);
    if (level < deepest) rows.push(...rowsOf(children, below, level + 1, deepest));
    else if (children.length > 0)
      rows.push({
        prefix: `${below}└─ `,
        below,
        content: { collapsed: children.flatMap(withDescendants), text: 'below', duration: 'whole' },
      });
  }
  return rows;
}

function withDescendants(node: TraceNode): readonly TraceNode[] {
  return [node, ...node.children.flatMap(withDescendants)];
}

function collapseSameNames(nodes: readonly TraceNode[]): readonly (TraceNode | CollapsedRow)[] {
  const shown = new Set<TraceNode>();
  const collapsedAfter = new Map<TraceNode, CollapsedRow>();
  for (const [name, same] of groupBy(nodes, (node) => node.span.name)) {
    const failedFirst = [...same.filter((node) => node.error !== undefined), ...same.filter((node) => node.error === undefined)];
    const kept = same.length <= MAX_SAME_NAME + 1 ? failedFirst : failedFirst.slice(0, MAX_SAME_NAME);
    for (const node of kept) shown.add(node);
    const last = same.findLast((node) => shown.has(node));
    if (last !== undefined && kept.length < same.length)
      collapsedAfter.set(last, { collapsed: failedFirst.slice(kept.length), text: `more of ${printable(name)}`, duration: 'sum' });
  }
  return nodes
    .filter((node) => shown.has(node))
    .flatMap((node) => {
      const collapsed = collapsedAfter.get(node);
      return collapsed === undefined ? [node] : [node, collapsed];
    });
}

/** Name of a span, with the number of the attempt if it is a retry. */
function nodeName({ name, attributes }: ReadableSpan): string {
  const attempt = attributes['ray.task.attempt'];
  return `${printable(name)}${typeof attempt === 'number' && attempt > 0 ? ` (attempt ${attempt})` : ''}`;
}

function rowName({ content }: Row): string {
  return 'collapsed' in content ? `${content.collapsed.length.toLocaleString('en-US')} ${content.text}` : nodeName(content.span);
}

function renderRow(row: Row, model: TraceModel, layout: Layout): readonly string[] {
  const { nameWidth, barWidth, paint } = layout;
  const prefixWidth = textWidth(row.prefix);
  const name = fit(rowName(row), nameWidth - prefixWidth);
  const { content } = row;
  const nodes = 'collapsed' in content ? content.collapsed : [content];
  const bar = drawBar(nodes, model, barWidth)
    .map(({ text, style }) => (style === undefined ? text : paint(style, text)))
    .join('');
  const duration = durationText(row).padStart(DURATION_WIDTH);
  const isFailed = nodes.some((node) => node.error !== undefined);
  const isInferred = !isFailed && nodes.some((node) => node.isEndInferred);
  const mark = isFailed ? paint('red', '✗') : isInferred ? paint('dim', '~') : ' ';
  const line = `${paint('dim', row.prefix)}${'collapsed' in content ? paint('dim', name) : name} ${bar} ${duration} ${mark}`.trimEnd();
  if ('collapsed' in content || content.error === undefined) return [line];
  const errorWidth = layout.width - textWidth(row.below) - 1;
  return [line, `${paint('dim', row.below)}${paint('red', cutTo(printable(content.error), errorWidth))}`];
}

function durationText({ content }: Row): string {
  if (!('collapsed' in content)) return formatDurationNs(content.endNs - content.startNs);
  const { collapsed, duration } = content;
  if (duration === 'sum') return `Σ ${formatDurationNs(collapsed.reduce((sum, node) => sum + (node.endNs - node.startNs), 0n))}`;
  const startNs = collapsed.map((node) => node.startNs).reduce(earlier);
  const endNs = collapsed.map((node) => node.endNs).reduce(later);
  return formatDurationNs(endNs - startNs);
}
