import type { FileTexts } from './source-tree.ts';

/** One row of a table of `docs/reference/error-codes.md`, by the heading above it. */
export interface CodeRow {
  readonly section: string;
  readonly code: string;
  readonly cells: Readonly<Record<string, string>>;
}

/** Every row whose first column is named `code`. */
export function codeRows(document: string): readonly CodeRow[] {
  const rows: CodeRow[] = [];
  let section = '';
  let head: readonly string[] = [];
  for (const line of document.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3);
    if (!line.startsWith('| ')) {
      head = [];
      continue;
    }
    const cells = line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim());
    if (head.length === 0) head = cells;
    const code = /^`([^`]+)`$/.exec(cells[0] ?? '')?.[1];
    if (head[0] !== 'code' || code === undefined) continue;
    rows.push({ section, code, cells: Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])) });
  }
  return rows;
}

/** The members of every exported union of words, by the type's name. */
export function unionsOf(files: FileTexts): ReadonlyMap<string, readonly string[]> {
  const unions = new Map<string, readonly string[]>();
  const union = /^export type (\w+) =\s*((?:\|?\s*'[a-z0-9_]+'\s*)+);/gm;
  for (const [, text] of files)
    for (const [, name = '', members = ''] of text.matchAll(union))
      unions.set(
        name,
        [...members.matchAll(/'([^']+)'/g)].map(([, word]) => word ?? ''),
      );
  return unions;
}

/** Names of the log lines of a level that warns, in the source of telemetry: given as text, or by their `case`. */
export function warningLines(source: string): readonly string[] {
  return [...source.matchAll(/log\.(?:warn|error|fatal)\(/g)].map(({ index }) => {
    const call = source.slice(index, index + 120);
    const named = /event: '(\w+)'/.exec(call)?.[1];
    if (named !== undefined) return named;
    const before = source.slice(0, index);
    const cases = [...before.matchAll(/(?:case|event:) '(\w+)'/g)];
    return cases.at(-1)?.[1] ?? '';
  });
}
