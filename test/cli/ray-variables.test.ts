import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RAY_EVENT_TYPES, rayVariables, reachOf } from '../../src/command/ray-variables.ts';

const machine = { hostname: 'head', addresses: ['10.0.0.5', '10.1.0.5', 'fd00::5'] };
const recordings = new URL('../fixtures/recordings/', import.meta.url);

describe('the address that Ray is given', () => {
  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('%s is reached from this machine only, and that is said', (host) => {
    const reach = reachOf(host, 8080, machine);
    expect(reach.host).toBe(host);
    expect(reach.notes.join('\n')).toContain('--listen 0.0.0.0:8080');
  });

  test.each(['0.0.0.0', '::'])('%s is no address to post to: one of the machine stands for it', (host) => {
    const reach = reachOf(host, 8080, machine);
    expect(reach.host).toBe('10.0.0.5');
    expect(reach.notes.join('\n')).toContain('10.1.0.5, fd00::5, head');
    expect(reachOf(host, 8080, { hostname: 'head', addresses: [] }).host).toBe('head');
  });

  test('any other one is taken as it is', () => {
    expect(reachOf('10.1.0.5', 8080, machine)).toEqual({ host: '10.1.0.5', notes: [] });
  });
});

test('every line is a comment or an export of a value that a shell takes as it stands', () => {
  for (const line of rayVariables('http://[fd00::5]:8080/v1/events')) expect(line).toMatch(/^(# |export \w+=[\w:/.,[\]-]+$)/);
});

test('every type of event that a recorded release sends is asked for', () => {
  const types = new Set<string>();
  for (const name of readdirSync(recordings)) {
    const text = readFileSync(new URL(name, recordings), 'utf8');
    for (const [, type = ''] of text.matchAll(/\\"event_?[tT]ype\\": ?\\"(\w+)\\"/g)) types.add(type);
  }
  expect(types.size).toBeGreaterThan(10);
  for (const type of types) expect(RAY_EVENT_TYPES).toContain(type);
});
