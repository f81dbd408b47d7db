import { describe, expect, it } from 'vitest';
import { type Diagnosis, renderDiagnosis } from '../../src/doctor/index.ts';

const diagnosis: Diagnosis = {
  findings: [
    {
      check: 'node_address',
      code: 'address_missing',
      severity: 'fault',
      where: ['node a', 'node b', 'node c', 'node d', 'node e', 'node f', 'node g'],
      what: 'no address',
      why: 'Nothing is posted.',
      fix: 'set it',
    },
    {
      check: 'clocks',
      code: 'clock_skew',
      severity: 'warning',
      where: ['http://x'],
      what: 'http://x is late',
      why: 'Times differ.',
      fix: 'use a time source that all of the nodes follow',
    },
  ],
  unknown: [{ checks: ['drivers'], where: [], what: 'no /proc', fix: 'look yourself' }],
  well: [{ check: 'backend', what: 'the backend accepts OTLP' }],
};

describe('the diagnosis for people', () => {
  it('the text lists findings first, each with its fix', () => {
    expect(renderDiagnosis(diagnosis, { width: undefined, color: false })).toBe(
      [
        '✗ address_missing: node a, node b, node c, node d, node e and 2 others: no address',
        '  fix: set it',
        '  why: Nothing is posted.',
        '',
        '! clock_skew: http://x is late',
        '  fix: use a time source that all of the nodes follow',
        '  why: Times differ.',
        '',
        '? unknown: no /proc',
        '  to find out: look yourself',
        '',
        '✓ the backend accepts OTLP',
        '',
        '1 fault, 1 warning, 1 unknown, 1 passed',
        '',
      ].join('\n'),
    );
  });

  it('the text is wrapped for a terminal, with an indent', () => {
    const lines = renderDiagnosis(diagnosis, { width: 52, color: false }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(52);
    expect(lines).toContain('  fix: use a time source that all of the nodes');
    expect(lines).toContain('       follow');
  });

  it('the coloured text has the same words', () => {
    const colored = renderDiagnosis(diagnosis, { width: undefined, color: true });
    expect(colored).toContain('\u001b[31m✗\u001b[0m \u001b[31maddress_missing\u001b[0m');
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderDiagnosis(diagnosis, { width: undefined, color: false }));
  });

  it('the summary without findings counts unknown and passed checks', () => {
    expect(renderDiagnosis({ ...diagnosis, findings: [] }, { width: 80, color: false })).toContain('no fault found, 1 unknown, 1 passed');
  });
});
