import type { TraceNode } from './trace-model.ts';

interface Window {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** Adjacent cells with the same content. */
interface BarPiece {
  readonly text: string;
  readonly style?: 'yellow' | 'green' | 'red' | 'cyan';
}

type Cell = 'empty' | 'lifetime' | 'waiting' | 'running' | 'failed';

const CELL_STYLES: Readonly<Record<Cell, { readonly sign: string; readonly style?: 'yellow' | 'green' | 'red' | 'cyan' }>> = {
  empty: { sign: ' ' },
  lifetime: { sign: '━', style: 'cyan' },
  waiting: { sign: '░', style: 'yellow' },
  running: { sign: '█', style: 'green' },
  failed: { sign: '█', style: 'red' },
};

/**
 * Draws when the nodes waited and ran, as `width` cells that cover the window. A node takes at least one cell. Running takes
 * precedence over waiting.
 */
export function drawBar(nodes: readonly TraceNode[], window: Window, width: number): readonly BarPiece[] {
  const cells = Array.from({ length: width }, (): Cell => 'empty');
  for (const node of nodes) drawNode(cells, node, window);
  return runsOfEqual(cells);
}

function drawNode(cells: Cell[], node: TraceNode, window: Window): void {
  const ran: Cell = node.error === undefined ? 'running' : 'failed';
  if (node.segments.length === 0) fill(cells, node, window, 'lifetime');
  for (const segment of node.segments) if (segment.isWaiting) fill(cells, segment, window, 'waiting');
  for (const segment of node.segments) if (!segment.isWaiting) fill(cells, segment, window, ran);
}

function fill(cells: Cell[], { startNs, endNs }: Window, window: Window, cell: Cell): void {
  const first = Math.min(cells.length - 1, Math.floor(cells.length * shareOf(startNs, window)));
  const end = Math.max(first + 1, Math.round(cells.length * shareOf(endNs, window)));
  cells.fill(cell, first, end);
}

function shareOf(timeNs: bigint, window: Window): number {
  const lengthNs = window.endNs - window.startNs;
  return lengthNs > 0n ? Math.min(1, Math.max(0, Number(timeNs - window.startNs) / Number(lengthNs))) : 0;
}

function runsOfEqual(cells: readonly Cell[]): readonly BarPiece[] {
  const pieces: BarPiece[] = [];
  let start = 0;
  for (let index = 1; index <= cells.length; index += 1) {
    const cell = cells[start];
    if (cell === undefined || cells[index] === cell) continue;
    const { sign, ...style } = CELL_STYLES[cell];
    pieces.push({ text: sign.repeat(index - start), ...style });
    start = index;
  }
  return pieces;
}
