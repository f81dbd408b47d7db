'use strict';
// How much ran on each node over time.

const SVG = 'http://www.w3.org/2000/svg';
const CHART_HEIGHT = 28;

/** A chart for each node, kept while the page is. @type {Map<string, {box: HTMLElement, svg: SVGElement, area: SVGElement, text: HTMLElement}>} */
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

/** The chart of a node in its table. @param {{node: string}} row */
function chartCell(row) {
  return charts.get(row.node)?.box ?? document.createTextNode('');
}

function forgetNodeUse() {
  charts.clear();
  otherNodes = [];
}

/** Nodes that share one chart. @type {JobAnswer['nodes']} */
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
  const range = `From ${clockText(startMs)} to ${clockText(startMs + buckets * bucketMs)}, averages over ${durationText(bucketMs)}; all charts are as high as ${peak.toFixed(1)}.`;
  const rest = unplaced > 0 ? ` Of ${countText(unplaced)} attempts Ray did not tell where or when they ran.` : '';
  showNodes();
  setText(byId('nodes-note'), nodes.length === 0 ? '' : `${range}${rest}`);
}

/** Steps from bucket to bucket. @param {readonly number[]} running @param {number} peak */
function areaOf(running, peak) {
  const steps = running.map((mean, index) => `V${(CHART_HEIGHT * (1 - mean / peak)).toFixed(2)}H${index + 1}`);
  return `M0 ${CHART_HEIGHT}${steps.join('')}V${CHART_HEIGHT}Z`;
}
