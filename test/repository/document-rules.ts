import type { FileTexts } from './source-tree.ts';
import { resolveFrom } from './source-tree.ts';

const link = /\[[^\]]*\]\(([^()\s]+)\)/g;

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

/** The anchor that GitHub gives a heading: lower case, punctuation out, spaces to hyphens. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

function anchors(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6}\s+(.*)$/gm);
  return new Set([...headings].map((match) => anchorOf(match[1] ?? '')));
}

/** Files that a page of Markdown links to or shows, relative to it, without their anchors; `''` is the page itself. */
export function linkTargets(markdown: string): readonly string[] {
  return [...withoutCode(markdown).matchAll(link)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target) && !target.startsWith('#'))
    .map((target) => target.split('#')[0] ?? '');
}

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

/** Blocks of code of a page: fenced ones by their language, and each indented line, also in a list, as `sh`. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const fences = [...page.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```/gm)].map(([, language = '', text = '']) => ({ language, text }));
  const prose = page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  return [...fences, ...[...prose.matchAll(/^(?: {4}| {7})\S.*$/gm)].map(([text]) => ({ language: 'sh', text: text.trim() }))];
}

/** Relative links of Markdown files that lead nowhere, each as a sentence. `exists` takes a path from the top level. */
export function brokenLinks(documents: FileTexts, exists: (path: string) => boolean): string[] {
  return [...documents].flatMap(([path, markdown]) =>
    [...withoutCode(markdown).matchAll(link)].flatMap((match) => {
      const target = match[1] ?? '';
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
      const [file = '', anchor] = target.split('#');
      const resolved = file === '' ? path : resolveFrom(path, file);
      if (!exists(resolved)) return [`${path} links to ${target}, which does not exist`];
      const linked = documents.get(resolved);
      const lost = anchor !== undefined && linked !== undefined && !anchors(linked).has(anchor);
      return lost ? [`${path} links to ${target}, but no heading makes that anchor`] : [];
    }),
  );
}

/** Paths in backticks of the map, as paths from the top level; `*` and `<name>` stand for any name. */
function mappedPaths(map: string): string[] {
  return [...map.matchAll(/`([\w.<>*/-]+(?:\/|\.(?:ts|md|json|yaml|mjs)))`/g)].map((match) => (match[1] ?? '').replace(/\/$/, ''));
}

/** What the map of `src` leaves out or names wrongly, each as a sentence. `topLevel` are the names directly in `src`. */
export function mapBreaches(map: string, topLevel: readonly string[], exists: (path: string) => boolean): string[] {
  const paths = mappedPaths(map);
  const named = new Set(paths.filter((path) => !path.includes('/')));
  const missing = topLevel.filter((name) => !named.has(name)).map((name) => `src/README.md does not name ${name}`);
  const dead = paths
    .filter((path) => !/[<*]/.test(path) && !exists(`src/${path}`) && !exists(path))
    .map((path) => `src/README.md names ${path}, which does not exist`);
  return [...missing, ...dead];
}
