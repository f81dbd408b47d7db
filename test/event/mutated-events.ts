import type { Seeded } from '../support/seeded.ts';
import { copyOf, type Member, nameOf, objectsOf, type Place, placesOf, print, raw, type Tree, treeOf, withEscapes } from './json-tree.ts';

const TEXTS = [
  '',
  ' ',
  'x',
  'NIL',
  'RUNNING',
  'FAILED',
  'DREAMING',
  'ünï 漢 😀',
  '\u007f',
  '\u0085',
  '\u001b[31mred\u001b[0m',
  'a\u0000b',
  '\ufeff',
  // Halves of surrogate pairs, which JSON can spell and UTF-8 cannot.
  '\ud83d',
  'a\ude00b',
  '\ude00\ud83d',
  '__proto__',
  'constructor',
  '{}',
  '{"pip": ["numpy==2"], "env_vars": {"A": "hunter2"}}',
  '{"env_vars": {"A": "hunter2"',
  "f(env_vars={'A': 'hunter2'})",
  'https://user:hunter2@host/path?sig=1#fragment',
  'File "a.py", line 3\n  f.remote()',
  'password=hunter2',
  'a\\b"c',
  'x'.repeat(255),
  'x'.repeat(257),
  'x'.repeat(9000),
];
const TIMES = [
  '1970-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '1999-12-31T23:59:59.999999999Z',
  '2000-01-01T00:00:00Z',
  '2199-12-31T23:59:59.999999999Z',
  '2200-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-29T00:00:00Z',
  '2026-11-23T22:01:37Z',
  '2026-11-23T22:01:37.Z',
  '2026-11-23T22:01:37.1Z',
  '2026-11-23T22:01:37.123456789Z',
  '2026-11-23T22:01:37.1234567890Z',
  '2026-11-23T22:01:60Z',
  '2026-11-23T22:01:37z',
  '2026-11-23t22:01:37Z',
  '2026-11-23T22:01:37+05:30',
  '2026-11-23T22:01:37.5-23:59',
  '2026-11-23T22:01:37',
  '2026-11-23T22:01',
  '2026-11-23 22:01:37Z',
  '2026-1-2T3:4:5Z',
  'yesterday',
  '0',
  '1795471297035311483',
];
const IDS = [
  '',
  'AQAAAA==',
  'AQAAAA',
  'AQAAAB==',
  '!!!!',
  '/'.repeat(32),
  `${'/'.repeat(37)}8=`,
  `${'/'.repeat(38)}==`,
  'yO9FzNARJXH///////////////8BAAAA',
  'yO9FzNARJXH///////////////8BAAA',
  'yO9FzNARJXH///////////////8BAAAA ',
  'S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLSw==',
  'S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLSx==',
  'S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLSw',
  'a\u007fb',
  'x'.repeat(129),
  'x'.repeat(257),
];
const NUMBERS = [
  '0',
  '-0',
  '7',
  '00',
  '1.0',
  '1e0',
  '0e5',
  '1.5',
  '-1',
  '999999999',
  '1000000000',
  '2147483647',
  '2147483648',
  '123456789012345',
  '1234567890123456',
  '9007199254740993',
  '18446744073709551616',
  '-9223372036854775809',
  '9'.repeat(400),
  '0.000000001',
  '1e308',
  '1E999',
  '-1e-999',
  // No JSON.
  '01',
  '+1',
  '.5',
  '1.',
  '0x10',
  'NaN',
];
/** Behind the digits of a number. */
const TAILS = ['0', '.0', '.5', 'e0', 'e1', 'E5', '.', 'e'];
/** At the begin of a string; most are no JSON. */
const ODD_ESCAPES = ['\\n', '\\/', '\\u0041', '\\u12', '\\u12G4', '\\x41', '\\U0041', '\\', '\\ud800', '\\u0000', '\t'];
const OTHERS = [
  'null',
  'true',
  'false',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"a":{"b":[1,{"c":"d"}]}}',
  '{"pythonFunctionDescriptor":{"className":"C"}}',
];
/** Keys that mean something to JavaScript or are out of bounds. */
const KEYS = ['"__proto__"', '"constructor"', '"toString"', '""', '"tomorrow"', '"a b"', `"${'k'.repeat(300)}"`];
/** Bytes that UTF-8 does not allow, or JSON does not, and some that both allow at a few places only. */
const BYTES = [
  [0xff],
  [0x80],
  [0xc0, 0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xc2, 0x85],
  [0x00],
  [0x1f],
  [0x7f],
  [0x22],
  [0x5c],
];
const SPACES = ['', '', '', ' ', '\n', '\t', ' \r\n  '];
const TYPES = [
  'TASK_DEFINITION_EVENT',
  'TASK_LIFECYCLE_EVENT',
  'ACTOR_TASK_DEFINITION_EVENT',
  'TASK_EXECUTION_EVENT',
  'NODE_LIFECYCLE_EVENT',
  'NEW_EVENT',
];
const PAYLOADS = [
  'taskDefinitionEvent',
  'task_definition_event',
  'taskLifecycleEvent',
  'task_lifecycle_event',
  'actorTaskDefinitionEvent',
  'actor_task_definition_event',
];
const SIBLINGS = [
  'taskDefinitionEvent',
  'task_lifecycle_event',
  'taskLifecycleEvent',
  'actorTaskDefinitionEvent',
  'nodeLifecycleEvent',
  'pythonFunctionDescriptor',
  'javaFunctionDescriptor',
  'cpp_function_descriptor',
];

/** Makes events that are nearly those of Ray. The same seed makes the same ones. */
export class EventMutator {
  readonly #random: Seeded;
  readonly #trees: readonly Tree[];
  /** Keys and values of all events, to be put where they do not belong. */
  readonly #members: readonly Member[];

  constructor(random: Seeded, events: readonly unknown[]) {
    this.#random = random;
    this.#trees = events.map(treeOf);
    this.#members = this.#trees.flatMap((tree) => objectsOf(tree).flat());
  }

  /** `count` events in JSON of one changed form with different values: the scanner may learn from the first how to read the others. */
  family(count: number): string[] {
    const random = this.#random;
    const tree = copyOf(random.pick(this.#trees));
    const touched: Member[][] = [];
    const changes = random.chance(0.25) ? 0 : 1 + random.below(3);
    for (let change = 0; change < changes; change += 1) this.#changeForm(tree, touched);
    const places = { all: placesOf(tree), touched: touched.flatMap((members) => placesOf({ kind: 'object', members })) };
    const space = this.#spacing();
    const texts: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const before: (() => void)[] = [];
      for (let change = index === 0 ? 0 : random.below(4); change > 0; change -= 1) {
        const place = random.pick(places.touched.length > 0 && random.chance(0.5) ? places.touched : places.all);
        before.unshift(() => place.set(place.value));
        this.#changeValue(place);
      }
      const text = print(tree, space);
      for (const restore of before) restore();
      texts.push(random.chance(0.02) ? this.#breakText(text) : text);
    }
    return texts;
  }

  /** A body of these events: mostly an array, now and then cut, glued or decorated. */
  body(texts: readonly string[]): Buffer {
    const random = this.#random;
    const space = this.#spacing();
    let body = `${space()}[${space()}${texts.join(`${space()},${space()}`)}${space()}]${space()}`;
    if (random.chance(0.02)) body = `\ufeff${body}`;
    if (random.chance(0.01)) body = texts[0] ?? body;
    if (random.chance(0.01)) body = body.replace(']', random.pick([',]', '', ']]', '] x', ',,', '}']));
    if (random.chance(0.01)) body = body.replaceAll('},{', random.pick(['}{', '} x,{', '},,{', '}\u00a0,{', '};{']));
    const bytes = random.chance(0.03) ? this.#withOddBytes(Buffer.from(body)) : Buffer.from(body);
    return random.chance(0.02) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
  }

  /** Some bytes more, or in place of others. */
  #withOddBytes(bytes: Buffer): Buffer {
    const random = this.#random;
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(BYTES)), bytes.subarray(at + random.below(4))]);
  }

  /** Notes the objects in which something was changed. */
  #changeForm(tree: Tree, touched: Member[][]): void {
    const random = this.#random;
    const members = random.chance(0.3) && tree.kind === 'object' ? tree.members : random.pick(objectsOf(tree));
    touched.push(members);
    const at = random.below(members.length + 1);
    const member = members[Math.min(at, members.length - 1)];
    if (member === undefined) return;
    const changes: (() => void)[] = [
      () => members.splice(at, 0, { key: this.#spelling(member.key), value: copyOf(member.value) }),
      () => members.splice(at, 0, { key: this.#spelling(member.key), value: this.#hostile(nameOf(member.key)) }),
      () => members.splice(random.below(members.length), 0, { key: withEscapes(member.key, random), value: copyOf(member.value) }),
      () => touched.push(this.#splitPayload(tree)),
      () => touched.push(this.#splitPayload(tree)),
      () => touched.push(this.#split(members)),
      () => touched.push(this.#split(members)),
      () => members.push(...members.splice(0, at)),
      () => members.reverse(),
      () => members.splice(at, 1),
      () => members.splice(at, 0, ...this.#stray()),
      () => members.splice(at, 0, this.#otherPayload()),
      () => (member.key = this.#spelling(member.key)),
      () => members.forEach((other) => (other.key = this.#spelling(other.key))),
      () => (member.key = withEscapes(member.key, random)),
      () => (member.value = this.#hostile(nameOf(member.key))),
      () => (member.value = this.#nested(member.value)),
      () => members.forEach((other) => this.#addTail(other)),
      () => this.#changeList(tree),
      () => this.#changeType(tree),
    ];
    random.pick(changes)();
  }

  /**
   * A part of an object moves to a second one under the same name, another spelling of it, or that of another payload or descriptor. Its values
   * become those that Ray prints when nothing is set, which read like absent ones.
   */
  #split(members: Member[]): Member[] {
    const random = this.#random;
    const objects = members.filter(({ value }) => value.kind === 'object');
    if (objects.length === 0) return members;
    const first = random.pick(objects);
    if (first.value.kind !== 'object') return members;
    const moved: Member[] = [];
    const kept: Member[] = [];
    for (const member of first.value.members) (random.chance(0.3) ? moved : kept).push(member);
    first.value.members.splice(0, Infinity, ...kept);
    this.#put(members, random.chance(0.5) ? this.#spelling(first.key) : JSON.stringify(random.pick(SIBLINGS)), moved);
    return moved;
  }

  /** The same with one to three values of the payload, so that what is left of it is most often still an event. */
  #splitPayload(tree: Tree): Member[] {
    const random = this.#random;
    if (tree.kind !== 'object') return [];
    const payload = tree.members.find(({ value }) => value.kind === 'object');
    if (payload?.value.kind !== 'object') return [];
    const moved: Member[] = [];
    const { members } = payload.value;
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      const at = random.below(members.length);
      // Without these two there is no event any more.
      const isNeeded = members[at] !== undefined && /^(?:task_?id|state_?transitions)$/i.test(nameOf(members[at].key));
      if (!isNeeded || random.chance(0.1)) moved.push(...members.splice(at, 1));
    }
    this.#put(tree.members, JSON.stringify(random.pick(PAYLOADS)), moved);
    return moved;
  }

  /** Puts these into an object of their own. */
  #put(members: Member[], key: string, moved: Member[]): void {
    const random = this.#random;
    for (const member of moved) {
      const { value } = member;
      if (value.kind === 'raw' && random.chance(0.7))
        member.value = raw(value.text.startsWith('"') ? '""' : value.text === 'true' ? 'false' : '0');
    }
    members.splice(random.below(members.length + 1), 0, { key, value: { kind: 'object', members: moved } });
  }

  /** What differs from event to event: an id, a name, a count, a time. */
  #changeValue(place: Place): void {
    const random = this.#random;
    if (place.value.kind !== 'raw') return;
    const { text } = place.value;
    const changes: (() => string)[] = [
      () => this.#hostile(place.name, text).text,
      () => this.#sameOfAnother(place),
      () => this.#sameOfAnother(place),
      () => changedCharacter(text, random),
      () => withEscapes(text, random),
      () => this.#odd(text),
      () => (text.startsWith('"') ? this.#unquoted(text) : `"${text}"`),
      () => changedCharacter(text, random),
    ];
    place.set(raw(random.pick(changes)()));
  }

  /** Of a raw value the raw kind: what is of the same kind as `like`, or any. */
  #hostile(name: string, like = ''): { readonly kind: 'raw'; text: string } {
    const random = this.#random;
    const isTime = /time|stamp|Ns$/i.test(name);
    const isId = /id$/i.test(name);
    const pools = [TEXTS.map(quoted), NUMBERS, OTHERS, TIMES.map(quoted), IDS.map(quoted)];
    const fitting = isTime ? pools[3] : isId ? pools[4] : like.startsWith('"') ? pools[0] : pools[1];
    const pool = random.chance(0.6) ? (fitting ?? NUMBERS) : random.pick(pools);
    return { kind: 'raw', text: random.pick(pool) };
  }

  /** A whole number gets a fraction or an exponent. */
  #addTail(member: Member): void {
    const { value } = member;
    if (value.kind === 'raw' && /^\d+$/.test(value.text)) member.value = raw(value.text + this.#random.pick(['.0', 'e0', 'e1', 'E5']));
  }

  /** Digits or an escape more. What is no JSON spoils its whole body, and is seldom kept. */
  #odd(text: string): string {
    const random = this.#random;
    const odd = text.startsWith('"') ? `"${random.pick(ODD_ESCAPES)}${text.slice(1)}` : `${text}${random.pick(TAILS)}`;
    return isJson(odd) || random.chance(0.1) ? odd : text;
  }

  #sameOfAnother({ name }: Place): string {
    for (let tries = 0; tries < 50; tries += 1) {
      const { key, value } = this.#random.pick(this.#members);
      if (value.kind === 'raw' && nameOf(key) === name) return value.text;
    }
    return 'null';
  }

  #unquoted(text: string): string {
    const inside = nameOf(text);
    return /^-?(?:0|[1-9]\d*)$/.test(inside) ? inside : text;
  }

  #spelling(key: string): string {
    const name = nameOf(key);
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return this.#random.pick([key, JSON.stringify(snake), JSON.stringify(camel), JSON.stringify(name.toUpperCase()), key]);
  }

  #stray(): Member[] {
    const { key, value } = this.#random.pick(this.#members);
    return [{ key: this.#random.chance(0.2) ? this.#random.pick(KEYS) : key, value: copyOf(value) }];
  }

  #otherPayload(): Member {
    const tree = this.#random.pick(this.#trees);
    const payloads = tree.kind === 'object' ? tree.members.filter(({ value }) => value.kind === 'object') : [];
    const payload = payloads[0];
    if (payload === undefined) return { key: '"nodeLifecycleEvent"', value: raw('null') };
    return { key: this.#spelling(payload.key), value: this.#random.chance(0.2) ? raw('null') : copyOf(payload.value) };
  }

  #nested(value: Tree): Tree {
    const random = this.#random;
    const levels = random.pick([1, 2, 5, 60, 61, 62, 63, 64, 70, 400]);
    let nested = value;
    for (let level = 0; level < levels; level += 1)
      nested = random.chance(0.5) ? { kind: 'array', elements: [nested] } : { kind: 'object', members: [{ key: '"a"', value: nested }] };
    return nested;
  }

  #changeList(tree: Tree): void {
    const random = this.#random;
    const lists = placesOf(tree).flatMap(({ value }) => (value.kind === 'array' ? [value.elements] : []));
    if (lists.length === 0) return;
    const list = random.pick(lists);
    const at = random.below(list.length + 1);
    const element = list[at];
    if (element === undefined) list.push(this.#state());
    else {
      random.pick<() => void>([
        () => list.splice(at, random.below(2), this.#state()),
        () => list.splice(at, 1),
        () => list.splice(at, 0, ...Array.from({ length: 1 + random.below(12) }, () => copyOf(element))),
        () => list.splice(at, 0, copyOf(element)),
        () => list.reverse(),
      ])();
    }
  }

  /** A state that the decoder takes, leaves out or rejects, at a time that it takes or reads as absent. */
  #state(): Tree {
    const random = this.#random;
    const times = [...TIMES, '', null, 0, {}, [], false];
    return treeOf({ state: random.pick(['RUNNING', 'FAILED', 8, 'NIL', 'NIL', 0, 77, null]), timestamp: random.pick(times) });
  }

  #changeType(tree: Tree): void {
    if (tree.kind !== 'object') return;
    const random = this.#random;
    const member = tree.members.find(({ key }) => nameOf(key) === 'eventType' || nameOf(key) === 'event_type');
    if (member !== undefined) member.value = raw(random.chance(0.5) ? quoted(random.pick(TYPES)) : String(random.below(20)));
  }

  #breakText(text: string): string {
    const random = this.#random;
    const at = random.below(text.length);
    const broken = random.pick(['', '"', '\\', '{', '}', ']', ',', ':', '\u0000', 'é', '0', ' ']);
    return text.slice(0, at) + broken + text.slice(at + random.below(3));
  }

  #spacing(): () => string {
    const random = this.#random;
    if (random.chance(0.7)) return () => '';
    if (random.chance(0.5)) {
      const space = random.pick(SPACES);
      return () => space;
    }
    return () => random.pick(SPACES);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Of a string one letter or digit of it, so that an id stays one of its kind; of a number another one. */
function changedCharacter(text: string, random: Seeded): string {
  const [, digits, tail = ''] = /^(\d{1,6})(\D.*)?$/.exec(text) ?? [];
  if (digits !== undefined) return `${random.below(10 ** digits.length)}${tail}`;
  const at = 1 + random.below(Math.max(1, text.length - 2));
  if (!/[A-Za-z0-9]/.test(text.charAt(at)) || text.charAt(at - 1) === '\\') return text;
  const changed = text.slice(0, at) + random.pick('AQaz09+/'.split('')) + text.slice(at + 1);
  return isJson(changed) ? changed : text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
