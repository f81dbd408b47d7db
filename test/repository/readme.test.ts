import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { spanId, traceId } from '../support/identity.ts';
import { type IdentityVector, readIdentityVectors, sections, withSections } from './generated-sections.ts';
import { readProjectFile } from './source-tree.ts';

const readme = readProjectFile('README.md');

describe('README.md', () => {
  // `npm run docs` writes the file anew; without it, a section that differs fails here.
  it('has the tables that the code has', async () => {
    await expect(withSections(readme)).toMatchFileSnapshot('../../README.md');
  });

  it('has all of them, and each says something', () => {
    for (const [name, render] of Object.entries(sections)) expect(render().split('\n').length, name).toBeGreaterThan(2);
    expect(() => withSections(readme.replace('<!-- begin settings', '<!-- begun settings'))).toThrow('settings');
  });

  it('says of each command what its package does', () => {
    const { scripts } = JSON.parse(readProjectFile('package.json')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

describe('test vectors of the ids', () => {
  const number = (text: string | undefined): number => Number(text);
  const published: Readonly<Record<string, (vector: IdentityVector) => string>> = {
    'trace.job': ({ session, parts: [jobId = ''] }) => library.jobTraceId(session, jobId),
    'trace.actor': ({ session, parts: [actorId = ''] }) => library.actorTraceId(session, actorId),
    'trace.session': ({ session }) => library.sessionTraceId(session),
    job: ({ session, parts: [jobId = ''] }) => library.jobSpanId(session, jobId),
    actor: ({ session, parts: [actorId = ''] }) => library.actorSpanId(session, actorId),
    node: ({ session, parts: [nodeId = ''] }) => library.nodeSpanId(session, nodeId),
    worker: ({ session, parts: [workerId = ''] }) => library.workerSpanId(session, workerId),
    session: ({ session }) => library.sessionSpanId(session),
    task: ({ session, parts: [taskId = '', attempt] }) => library.taskSpanId(session, taskId, number(attempt)),
    'actor.incarnation': ({ session, parts: [actorId = '', count] }) => library.incarnationSpanId(session, actorId, number(count)),
    profile: ({ session, parts: [taskId = '', attempt, name = '', startNs = '', endNs = ''] }) =>
      library.profileSpanId(session, taskId, number(attempt), name, BigInt(startNs), BigInt(endNs)),
    phase: ({ session, parts: [taskId = '', attempt, state = '', startNs = ''] }) =>
      library.phaseSpanId(session, taskId, number(attempt), state, BigInt(startNs)),
    mark: ({ session, parts: [markedSpanId = ''] }) => library.markSpanId(session, markedSpanId),
  };
  const vectors = readIdentityVectors();

  it('stand for every published kind', () => {
    expect(new Set(vectors.map(({ kind }) => kind))).toEqual(new Set(Object.keys(published)));
  });

  it.each(vectors)('$kind of $parts is $id', (vector) => {
    expect(published[vector.kind]?.(vector)).toBe(vector.id);
    const { kind, session, parts } = vector;
    expect(kind.startsWith('trace.') ? traceId(kind, session, ...parts) : spanId(kind, session, ...parts)).toBe(vector.id);
  });
});
