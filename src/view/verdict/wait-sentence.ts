import type { NodeNeed, WaitLink } from '../wait.ts';
import type { WaitGroup } from './facts.ts';
import { inWords, listText } from './words.ts';

/** How much a wait holds up its job: the higher, the less likely it ends by itself. */
export function weightOf({ links }: WaitGroup): number {
  const root = links.at(-1);
  if (root === undefined || root.kind === 'arguments') return 0;
  return isHopeless(root) ? 3 : isOfScheduler(root) ? 2 : 1;
}

/** True if the wait does not end unless the cluster or the job changes. */
export function isHopeless({ kind, node }: WaitLink): boolean {
  return kind === 'dead_actor' || node?.fit === 'too_much' || node?.fit === 'no_labels';
}

function isOfScheduler({ kind }: WaitLink): boolean {
  return kind === 'node' || kind === 'actor' || kind === 'object_store';
}

/** `leaf`, or `3 calls of leaf`. */
export function subjectOf({ function: name, attempts }: Pick<WaitGroup, 'function' | 'attempts'>): string {
  return attempts === 1 ? name : `${inWords(attempts, 'call')} of ${name}`;
}

/** What a group waits for, as one sentence without its stop. */
export function waitSentence(group: WaitGroup): string {
  const { links, attempts } = group;
  const root = links.at(-1);
  const subject = subjectOf(group);
  const verb = attempts === 1 ? 'waits for' : 'wait for';
  if (root === undefined) return `${subject} ${verb} something that Ray does not report`;
  if (root.node === undefined) return `${subject} ${verb} ${phraseOf(links)}`;
  const before = links.slice(0, -1);
  const isOne = before.length > 0 || attempts === 1;
  const predicate = needText(root.node, isOne);
  return before.length === 0 ? `${subject} ${predicate}` : `${subject} ${verb} ${phraseOf(before)}, which ${predicate}`;
}

function phraseOf(links: readonly WaitLink[]): string {
  return links.map(({ text }) => text).join(', which waits for ');
}

function needText(need: NodeNeed, isOne: boolean): string {
  const { fit, amounts, labels, nodes, group, shortages } = need;
  const needs = isOne ? 'needs' : 'need';
  const waits = isOne ? 'waits for' : 'wait for';
  if (group !== undefined && fit !== 'too_much' && fit !== 'no_labels')
    return group.state === '' || group.state === 'CREATED'
      ? `${waits} room in placement group ${group.name}`
      : `${waits} placement group ${group.name}, which is ${group.state}`;
  if (fit === 'too_much') return `${needs} ${amounts}; ${shortageText(shortages)}`;
  if (fit === 'no_labels') return `${needs} a node labelled ${labels}; no node has these labels`;
  const node = nodeText(need);
  if (fit !== 'in_use') return `${waits} ${node}`;
  return `${waits} ${node} (${nodes === 1 ? 'the only node that has it is in use' : `${nodes} nodes have it, all in use`})`;
}

function nodeText({ amounts, labels }: NodeNeed): string {
  const parts = [...(amounts === '' ? [] : [`with ${amounts}`]), ...(labels === '' ? [] : [`labelled ${labels}`])];
  return parts.length === 0 ? 'a node that has room' : `a node ${parts.join(', ')}`;
}

function shortageText(shortages: NodeNeed['shortages']): string {
  const [only] = shortages;
  if (only === undefined) return 'no node has all of it';
  const missing = shortages.filter(([, largest]) => largest === 0).map(([name]) => name);
  if (missing.length > 0) return `no node has ${listText(missing)}`;
  if (shortages.length === 1) return `the largest node has ${only[1]}`;
  return `the largest nodes have ${listText(shortages.map(([name, largest]) => `${name} ${largest}`))}`;
}
