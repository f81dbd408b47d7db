'use strict';
// Charts of the running attempts on each node over time.

const SVG = 'http://www.w3.org/2000/svg';
const CHART_HEIGHT = 28;

/** Charts by node id. Each is made once and reused. @type {Map<string, {box: HTMLElement, svg: SVGElement, area: SVGElement, text: HTMLElement}>} */
const charts = new Map();

/** @param {string} node */
function chartOf(node) {
  const known = charts.get(node);
  if (known !== undefined) return known;
  const svg = document.createElementNS(SVG, 'svg');
  const area = document.createElementNS(SVG, 'path');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.append(area);
  const text = make('span', 'note');
  const made = { box: make('div', '', svg, text), svg, area, text };
  charts.set(node, made);
  return made;
}

/** The chart of a node, for the table of nodes. @param {{node: string}} row */
function chartCell(row) {
  return charts.get(row.node)?.box ?? document.createTextNode('');
}

function forgetNodeUse() {
  charts.clear();
  otherNodes = [];
}

/** The row for the nodes that share one chart. @type {JobAnswer['nodes']} */
let otherNodes = [];

/** @param {NodeUseAnswer} use */
function showNodeUse({ startMs, bucketMs, nodes, unplaced }) {
  const buckets = Math.max(1, ...nodes.map(({ running }) => running.length));
  const peak = Math.max(1, ...nodes.flatMap(({ running }) => running));
  for (const { node = '', name, running, cpus } of nodes) {
    const { svg, area, text } = chartOf(node);
    svg.setAttribute('viewBox', `0 0 ${buckets} ${CHART_HEIGHT}`);
    area.setAttribute('d', areaOf(running, peak));
    const mean = running.reduce((sum, each) => sum + each, 0) / buckets;
    const facts = `${mean.toFixed(1)} on average, ${Math.max(0, ...running).toFixed(1)} at most${cpus === undefined ? '' : `, ${cpus} CPUs`}`;
    svg.setAttribute('aria-label', `Running on ${name} over time: ${facts}`);
    setText(text, facts);
  }
  otherNodes = nodes.flatMap(({ node, name }) => (node === undefined ? [{ node: '', name, state: '', running: 0 }] : []));
  const range = `From ${clockText(startMs)} to ${clockText(startMs + buckets * bucketMs)}, averaged over ${durationText(bucketMs)}. The top of every chart is ${peak.toFixed(1)}.`;
  const rest = unplaced > 0 ? ` Ray did not report where or when ${countText(unplaced)} attempts ran.` : '';
  showNodes();
  setText(byId('nodes-note'), nodes.length === 0 ? '' : `${range}${rest}`);
}

/** An SVG path with one step for each bucket. @param {readonly number[]} running @param {number} peak */
function areaOf(running, peak) {
  const steps = running.map((mean, index) => `V${(CHART_HEIGHT * (1 - mean / peak)).toFixed(2)}H${index + 1}`);
  return `M0 ${CHART_HEIGHT}${steps.join('')}V${CHART_HEIGHT}Z`;
}
