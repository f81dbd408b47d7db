import {
  type AttemptIdentity,
  definition,
  executorStates,
  jobStart,
  nodeStart,
  ownerStates,
  type Setting,
} from '../../support/generated-events.ts';
import type { AgentsQuestion } from './agents.ts';

/**
 * The posts of agents. A node owns two tasks in each round, which run on another node:
 * - its agent posts the definition and the states that an owner reports; the end of the longer task
 *   comes a round later,
 * - the agent of the other node posts RUNNING.
 *
 * So each post has 7 events, and the events of one attempt come in two or three posts of two agents,
 * in any order.
 */
export interface AgentPosts {
  /** Nodes and jobs, sent before. */
  readonly prelude: readonly Buffer[];
  /** The post of one agent, with its headers. Valid until the next call. */
  post(agent: number, round: number): Buffer;
  /** All tasks of all rounds, in hex. */
  endedTaskIds(): string[];
}

const JOBS = 20;
const WORKERS = 4;
/** The node that runs a node's tasks has a number higher by this. */
const EXECUTOR_DISTANCE = 37;
const PRELUDE_EVENTS = 1000;
const MS = 1_000_000;
/** In this order in each round. */
const KINDS = { long: 0, short: 1 } as const;
type Kind = keyof typeof KINDS;
const ID_REST = '/'.repeat(16);
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

/** A prepared post, and where it differs from round to round. */
interface Template {
  readonly bytes: Buffer;
  /** Of event ids: the number in the post. */
  readonly eventIds: readonly Place[];
  /** Of task ids: owner and kind, and how many rounds ago the task began. */
  readonly taskIds: readonly (Place & { readonly owner: number; readonly ago: number })[];
  /** Of times: milliseconds after the start of the round. */
  readonly times: readonly Place[];
}

interface Place {
  readonly offset: number;
  readonly value: number;
}

interface PostsOfAgent {
  readonly first: Template;
  readonly middle: Template;
  readonly last: Template;
}

export function agentPosts({ session, agents: count, intervalMs, rounds }: AgentsQuestion): AgentPosts {
  const startMs = Date.now();
  const setting: Setting = {
    session,
    release: '2.60',
    runtimeEnv: '"{}"',
    moduleName: 'field',
    eventId: () => `<E00000>${'A'.repeat(32)}`,
    timestamp: (ns) => `<T${String(Math.round(ns / MS)).padStart(20, '0')}>456789Z`,
  };
  const templates = Array.from({ length: count }, (_, agent) => createTemplates(setting, agent, count, intervalMs));
  const texts = new Map<number, Buffer>();

  function textOf(ms: number): Buffer {
    let text = texts.get(ms);
    if (text === undefined) {
      if (texts.size > 10_000) texts.clear();
      text = Buffer.from(new Date(ms).toISOString().slice(0, 23));
      texts.set(ms, text);
    }
    return text;
  }

  function post(agent: number, round: number): Buffer {
    const { first, middle, last } = templates[agent] ?? { first: undefined, middle: undefined, last: undefined };
    const template = round === 0 ? first : round === rounds ? last : middle;
    if (template === undefined) throw new Error('no such agent');
    const { bytes } = template;
    for (const { offset, value } of template.eventIds) writeId(bytes, offset, agent, round, value);
    for (const { offset, value, owner, ago } of template.taskIds) writeId(bytes, offset, owner, round - ago, value);
    const roundMs = startMs + Math.round(round * intervalMs);
    for (const { offset, value } of template.times) bytes.set(textOf(roundMs + value), offset);
    // The socket keeps what it could not write at once.
    return Buffer.from(bytes);
  }

  return {
    prelude: preludeOf(setting, count, textOf(startMs).toString('latin1')),
    post,
    endedTaskIds() {
      const ids: string[] = [];
      const unique = Buffer.alloc(8);
      for (let agent = 0; agent < count; agent += 1) {
        const rest = Buffer.from(`${ID_REST}${taskIdEnd(agent)}`, 'base64').toString('hex');
        for (let round = 0; round < rounds; round += 1) {
          for (const kind of Object.values(KINDS)) {
            writeId(unique, 0, agent, round, kind);
            ids.push(`${Buffer.from(unique.toString('latin1'), 'base64').toString('hex')}${rest}`);
          }
        }
      }
      return ids;
    },
  };
}

function createTemplates(setting: Setting, agent: number, count: number, intervalMs: number): PostsOfAgent {
  const other = (agent - EXECUTOR_DISTANCE + count * EXECUTOR_DISTANCE) % count;
  const own = { long: taskOf(agent, 'long', 0, count), short: taskOf(agent, 'short', 0, count) };
  const ended = taskOf(agent, 'long', 1, count);
  const run = { long: taskOf(other, 'long', 0, count), short: taskOf(other, 'short', 0, count) };
  const at = (ms: number): number => ms * MS;
  const began = [
    definition(setting, onNode(own.long, agent), at(0)),
    reportedBy(
      agent,
      ownerStates(setting, own.long, [
        ['PENDING_ARGS_AVAIL', at(0)],
        ['PENDING_NODE_ASSIGNMENT', at(1)],
        ['SUBMITTED_TO_WORKER', at(60)],
      ]),
    ),
    definition(setting, onNode(own.short, agent), at(5)),
    reportedBy(
      agent,
      ownerStates(setting, own.short, [
        ['PENDING_ARGS_AVAIL', at(5)],
        ['PENDING_NODE_ASSIGNMENT', at(6)],
        ['SUBMITTED_TO_WORKER', at(8)],
        ['FINISHED', at(100)],
      ]),
    ),
    executorStates(setting, run.long, [['RUNNING', at(62)]], 'start'),
    executorStates(setting, run.short, [['RUNNING', at(10)]], 'both'),
  ];
  const end = reportedBy(agent, ownerStates(setting, ended, [['FINISHED', at(50)]]));
  return {
    first: compile(began, intervalMs),
    middle: compile([end, ...began], intervalMs),
    last: compile([end], intervalMs),
  };
}

/** `ago`: rounds since its definition. */
function taskOf(owner: number, kind: Kind, ago: number, count: number): AttemptIdentity {
  const job = owner % JOBS;
  const executor = (owner + EXECUTOR_DISTANCE) % count;
  const placeholder = `<K${String(owner * 4 + KINDS[kind] * 2 + ago).padStart(5, '0')}>`;
  return {
    taskId: `${placeholder}${ID_REST}${taskIdEnd(owner)}`,
    jobId: jobIdOf(job).toString('base64'),
    jobHex: jobIdOf(job).toString('hex'),
    parentTaskId: driverOf(job),
    number: 0,
    name: `step_${job % 5}`,
    actorId: undefined,
    className: '',
    place: workerOf(executor, kind),
  };
}

/** The last 6 of a task id's 24 bytes: a filler and the job. */
const taskIdEnd = (owner: number): string => Buffer.concat([Buffer.alloc(2, 0xff), jobIdOf(owner % JOBS)]).toString('base64');

function jobIdOf(job: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(job + 1);
  return bytes;
}

const driverOf = (job: number): string => Buffer.concat([Buffer.alloc(20, 0xff), jobIdOf(job)]).toString('base64');

function nodeIdOf(node: number): string {
  const bytes = Buffer.alloc(28, 0xab);
  bytes.writeUInt32LE(node + 1);
  return bytes.toString('base64');
}

function workerOf(node: number, kind: Kind): AttemptIdentity['place'] {
  const worker = (node + KINDS[kind]) % WORKERS;
  const bytes = Buffer.alloc(28, 0xcd);
  bytes.writeUInt32LE(node + 1);
  bytes.writeUInt8(worker, 4);
  return { nodeId: nodeIdOf(node), workerId: bytes.toString('base64'), workerHex: bytes.toString('hex'), pid: 1000 + worker };
}

/** A definition names the node of the process that submits, not the one that runs it. */
function onNode(task: AttemptIdentity, node: number): AttemptIdentity {
  return { ...task, place: { ...task.place, nodeId: nodeIdOf(node) } };
}

/** The envelope, at the end of the text, names the node of the process that reports. */
function reportedBy(node: number, event: string): string {
  return event.replace(/"nodeId": "[^"]*", "message": ""\}$/, `"nodeId": "${nodeIdOf(node)}", "message": ""}`);
}

function compile(events: readonly string[], intervalMs: number): Template {
  const body = `[${events.join(', ')}]`;
  const text = `${headOf(body.length)}${body}`;
  const places = [...text.matchAll(/<([EKT])(\d+)>/g)].map(({ 1: kind = '', 2: digits = '', index }) => ({
    kind,
    value: Number(digits),
    offset: index,
  }));
  const eventIds = places.filter(({ kind }) => kind === 'E').map(({ offset }, value) => ({ offset, value }));
  const taskIds = places
    .filter(({ kind }) => kind === 'K')
    .map(({ offset, value }) => ({ offset, owner: value >> 2, value: (value >> 1) & 1, ago: value & 1 }));
  const times = places.filter(({ kind }) => kind === 'T').map(({ offset, value }) => ({ offset, value: Math.min(value, intervalMs) }));
  return { bytes: Buffer.from(text, 'latin1'), eventIds, taskIds, times };
}

function headOf(length: number): string {
  const lines = [
    'POST / HTTP/1.1',
    'Host: 127.0.0.1:8080',
    'Accept: */*',
    'Accept-Encoding: gzip, deflate',
    'User-Agent: Python/3.12 aiohttp/3.14.5',
    `Content-Length: ${length}`,
    'Content-Type: application/json',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function preludeOf(setting: Setting, nodes: number, now: string): Buffer[] {
  const head = nodeIdOf(0);
  const events = [
    ...Array.from({ length: nodes }, (_, node) => nodeStart(setting, nodeIdOf(node), node, 0)).flat(),
    ...Array.from({ length: JOBS }, (_, job) => jobStart(setting, jobIdOf(job).toString('base64'), driverOf(job), head, 0)).flat(),
  ].map((event, index) => {
    const number = Buffer.alloc(8);
    writeId(number, 0, 0xffff, index >> 16, index & 0xffff);
    return event.replace(/<E\d+>/, number.toString('latin1')).replaceAll(/<T\d+>/g, now);
  });
  const posts: Buffer[] = [];
  for (let from = 0; from < events.length; from += PRELUDE_EVENTS) {
    const body = `[${events.slice(from, from + PRELUDE_EVENTS).join(', ')}]`;
    posts.push(Buffer.from(`${headOf(body.length)}${body}`));
  }
  return posts;
}

/** Three numbers of 16 bits as 8 characters of base64. */
function writeId(bytes: Buffer, offset: number, a: number, b: number, c: number): void {
  write3(bytes, offset, (a << 8) | (b >> 8));
  write3(bytes, offset + 4, ((b & 0xff) << 16) | c);
}

function write3(bytes: Buffer, offset: number, value: number): void {
  for (let index = 0; index < 4; index += 1) bytes[offset + index] = BASE64[(value >> (18 - 6 * index)) & 63] ?? 0;
}
