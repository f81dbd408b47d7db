import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { spanId, traceId } from '../support/identity.ts';
import { generatedPages, type IdentityVector, readIdentityVectors, sections, sectionsOf, withSections } from './generated-sections.ts';

const pages = [...generatedPages()];

describe('generated sections', () => {
  // `npm run docs` rewrites the pages; without `--update` a section that differs from the code fails here.
  it.each(pages)('%s has the sections that the code generates', async (path, text) => {
    await expect(withSections(text)).toMatchFileSnapshot(`../../${path}`);
  });

  it('stand once each, and none is empty', () => {
    const placed = pages.flatMap(([, text]) => sectionsOf(text));
    expect(placed.toSorted()).toEqual(Object.keys(sections).toSorted());
    for (const [name, render] of Object.entries(sections)) expect(render().split('\n').length, name).toBeGreaterThan(2);
  });

  it('are refused with an unknown name or without an end marker', () => {
    const begin = '<!-- begin NAME: made by npm run docs -->';
    expect(() => withSections(begin.replace('NAME', 'no-such'))).toThrow('no-such is not a generated section');
    expect(() => withSections(begin.replace('NAME', 'settings'))).toThrow('The section settings has no end marker');
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
    mark: ({ session, parts: [markedSpanId = ''] }) => library.inFlightSpanId(session, markedSpanId),
  };
  const vectors = readIdentityVectors();

  it('cover every published kind', () => {
    expect(new Set(vectors.map(({ kind }) => kind))).toEqual(new Set(Object.keys(published)));
  });

  it.each(vectors)('$kind of $parts is $id', (vector) => {
    expect(published[vector.kind]?.(vector)).toBe(vector.id);
    const { kind, session, parts } = vector;
    expect(kind.startsWith('trace.') ? traceId(kind, session, ...parts) : spanId(kind, session, ...parts)).toBe(vector.id);
  });
});
