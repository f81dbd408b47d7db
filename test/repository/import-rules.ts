import { posix } from 'node:path';
import type { FileTexts } from './source-tree.ts';

/** One import, export-from or dynamic import of a file of the project. Paths are from the top level. */
export interface ImportEdge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/**
 * What each part of `src` may import. A part is a folder, or a file at the top of `src`. `types` may be imported with
 * `import type` only: they name a seam without depending on what stands behind it.
 */
export interface Layer {
  readonly imports: readonly string[];
  readonly types?: readonly string[];
}

const statement =
  /(?:^|[;\n}])\s*(?:import|export)\s+(type\s+)?(?:[\w$*\s{},]*?\sfrom\s*)?['"](\.[^'"]+)['"]|\bimport\s*\(\s*['"](\.[^'"]+)['"]\s*\)/g;

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

export function importEdges(files: FileTexts): ImportEdge[] {
  return [...files].flatMap(([from, text]) =>
    [...withoutComments(text).matchAll(statement)].map((match) => ({
      from,
      to: posix.normalize(posix.join(posix.dirname(from), match[2] ?? match[3] ?? '')),
      typeOnly: match[1] !== undefined,
    })),
  );
}

/** `src/event/decode.ts` -> `event`; `src/config.ts` -> `config`. */
function partOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

function isInFolder(path: string): boolean {
  return path.split('/').length > 2;
}

/** Every breach as one sentence; empty when the rules hold. */
export function layerBreaches(files: FileTexts, layers: Readonly<Record<string, Layer>>): string[] {
  const edges = importEdges(files);
  return [...unknownParts(files, layers), ...edges.flatMap((edge) => edgeBreaches(edge, files, layers)), ...cycleBreaches(edges)];
}

function unknownParts(files: FileTexts, layers: Readonly<Record<string, Layer>>): string[] {
  const parts = new Set([...files.keys()].map(partOf));
  return [...parts].filter((part) => layers[part] === undefined).map((part) => `src/${part} has no row in the table of layers`);
}

function edgeBreaches(edge: ImportEdge, files: FileTexts, layers: Readonly<Record<string, Layer>>): string[] {
  if (!files.has(edge.to)) return [`${edge.from} imports ${edge.to}, which is not a file of src`];
  const [from, to] = [partOf(edge.from), partOf(edge.to)];
  if (from === to) return [];
  const layer = layers[from];
  const allowed = layer?.imports.includes(to) === true || (edge.typeOnly && layer?.types?.includes(to) === true);
  const breaches = allowed ? [] : [`${edge.from} imports ${edge.to}: ${from} may not know ${to}`];
  if (isInFolder(edge.to) && !edge.to.endsWith('/index.ts')) breaches.push(`${edge.from} enters ${to} past its index.ts, by ${edge.to}`);
  return breaches;
}

function cycleBreaches(edges: readonly ImportEdge[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) found.push(`import cycle: ${[...trail.slice(start), file].join(' -> ')}`);
    if (start >= 0 || done.has(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}
