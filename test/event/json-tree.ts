import type { Seeded } from '../support/seeded.ts';

/**
 * JSON as it is written, not as it is read: keys in their order and as often as they are there, numbers and strings with their spelling.
 * What JSON.parse gives has lost all of that.
 */
export type Tree =
  | { readonly kind: 'object'; readonly members: Member[] }
  | { readonly kind: 'array'; readonly elements: Tree[] }
  /** Written as it stands. */
  | { readonly kind: 'raw'; text: string };

export interface Member {
  /** With its quotes. */
  key: string;
  value: Tree;
}

export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: 'array', elements: value.map(treeOf) };
  if (typeof value !== 'object' || value === null) return raw(JSON.stringify(value) ?? 'null');
  return { kind: 'object', members: Object.entries(value).map(([key, inner]) => ({ key: JSON.stringify(key), value: treeOf(inner) })) };
}

export function raw(text: string): Tree {
  return { kind: 'raw', text };
}

export function copyOf(tree: Tree): Tree {
  if (tree.kind === 'raw') return { ...tree };
  if (tree.kind === 'array') return { kind: 'array', elements: tree.elements.map(copyOf) };
  return { kind: 'object', members: tree.members.map(({ key, value }) => ({ key, value: copyOf(value) })) };
}

/** `space` gives what stands between two tokens. */
export function print(tree: Tree, space: () => string): string {
  if (tree.kind === 'raw') return tree.text;
  if (tree.kind === 'array')
    return `[${space()}${tree.elements.map((element) => print(element, space)).join(`${space()},${space()}`)}${space()}]`;
  const members = tree.members.map(({ key, value }) => `${key}${space()}:${space()}${print(value, space)}`);
  return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
}

/** A place that holds a value, and how to put another one there. */
export interface Place {
  readonly name: string;
  readonly value: Tree;
  readonly owner: Tree;
  set(value: Tree): void;
}

/** Every place below the root. */
export function placesOf(tree: Tree, found: Place[] = []): Place[] {
  if (tree.kind === 'array') {
    for (const [index, value] of tree.elements.entries()) {
      found.push({ name: '', value, owner: tree, set: (other) => (tree.elements[index] = other) });
      placesOf(value, found);
    }
  } else if (tree.kind === 'object') {
    for (const member of tree.members) {
      found.push({ name: nameOf(member.key), value: member.value, owner: tree, set: (other) => (member.value = other) });
      placesOf(member.value, found);
    }
  }
  return found;
}

export function objectsOf(tree: Tree, found: Member[][] = []): Member[][] {
  if (tree.kind === 'array') for (const element of tree.elements) objectsOf(element, found);
  if (tree.kind !== 'object') return found;
  found.push(tree.members);
  for (const { value } of tree.members) objectsOf(value, found);
  return found;
}

/** Of a key that may have any spelling. */
export function nameOf(key: string): string {
  const name: unknown = JSON.parse(key);
  return String(name);
}

/** The same string with some of its UTF-16 units written as escapes. */
export function withEscapes(text: string, random: Seeded): string {
  if (!text.startsWith('"')) return text;
  const units = nameOf(text).split('');
  const written = units.map((unit) => {
    if (!random.chance(0.3)) return JSON.stringify(unit).slice(1, -1);
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${written.join('')}"`;
}
