import { RAY_EVENT_TYPES } from '../../src/event/index.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rayVariables, reachOf } from '../../src/command/ray-variables.ts';

const machine = { hostname: 'head', addresses: ['10.0.0.5', '10.1.0.5', 'fd00::5'] };
const recordings = new URL('../fixtures/recordings/', import.meta.url);

describe('the address for Ray', () => {
  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('a note says that only this machine reaches %s', (host) => {
    const reach = reachOf(host, 8080, machine);
    expect(reach.host).toBe(host);
    expect(reach.notes.join('\n')).toContain('--listen 0.0.0.0:8080');
  });

  test.each(['0.0.0.0', '::'])('%s is replaced by an address of the machine, because Ray cannot post to it', (host) => {
    const reach = reachOf(host, 8080, machine);
    expect(reach.host).toBe('10.0.0.5');
    expect(reach.notes.join('\n')).toContain('10.1.0.5, fd00::5, head');
    expect(reachOf(host, 8080, { hostname: 'head', addresses: [] }).host).toBe('head');
  });

  test('any other address is used unchanged', () => {
    expect(reachOf('10.1.0.5', 8080, machine)).toEqual({ host: '10.1.0.5', notes: [] });
  });
});

test('every line is a comment or an export that a shell accepts without quoting', () => {
  for (const line of rayVariables('http://[fd00::5]:8080/v1/events')) expect(line).toMatch(/^(# |export \w+=[\w:/.,[\]-]+$)/);
});

test('the list of event types includes every type that a recorded release sends', () => {
  const types = new Set<string>();
  for (const name of readdirSync(recordings)) {
    const text = readFileSync(new URL(name, recordings), 'utf8');
    for (const [, type = ''] of text.matchAll(/\\"event_?[tT]ype\\": ?\\"(\w+)\\"/g)) types.add(type);
  }
  expect(types.size).toBeGreaterThan(10);
  for (const type of types) expect(RAY_EVENT_TYPES).toContain(type);
});
