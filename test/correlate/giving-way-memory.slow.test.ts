import { describe, expect, it } from 'vitest';
import { createCorrelator } from '../support/correlator.ts';
import { definition, jobStates, machineId, taskId, workerStates } from '../support/events.ts';
import { heldBytes } from '../support/held-bytes.ts';

// In the slow suite, where each file has a process of its own: others would disturb what is measured.

describe('what was forgotten takes no memory', () => {
  it('of a session, although it was to be looked at in an hour', () => {
    const { bytes, result } = heldBytes(() => {
      const correlator = createCorrelator({ maxSessions: 100 });
      for (let number = 0; number < 40_000; number += 1) {
        correlator.apply({ ...jobStates({ CREATED: 0 }), session: `session_${number}` }, number);
        correlator.advance(number);
      }
      return correlator;
    });
    expect(result.stats()).toMatchObject({ sessions: 100, openJobs: 100, agingRecords: 0 });
    expect(bytes).toBeLessThan(27_500_000);
  });
});

describe('what is empty takes no memory', () => {
  it('of a session with one job', () => {
    const { bytes, result } = heldBytes(() => {
      const correlator = createCorrelator({ maxSessions: 20_000 });
      for (let number = 0; number < 10_000; number += 1)
        correlator.apply({ ...jobStates({ CREATED: 0 }), session: `session_${number}` }, 0);
      return correlator;
    });
    expect(result.stats().sessions).toBe(10_000);
    expect(bytes / 10_000).toBeLessThan(2_600);
  });

  it('of a closed worker', () => {
    const { bytes, result } = heldBytes(() => {
      const correlator = createCorrelator();
      for (let number = 0; number < 20_000; number += 1) correlator.apply(workerStates(machineId(number), { ALIVE: 0, DEAD: 1 }), 0);
      correlator.advance(10_000);
      return correlator;
    });
    expect(result.stats().agingRecords).toBe(20_000);
    expect(bytes / 20_000).toBeLessThan(1_000);
  });
});

it('the bytes that are counted of open attempts are about those that they take of memory', () => {
  const map = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key ${index}`, 'v'.repeat(200)]));
  const { bytes, result } = heldBytes(() => {
    const correlator = createCorrelator();
    for (let number = 0; number < 200; number += 1) {
      const labels = Object.fromEntries(Object.entries(map).map(([key, value]) => [key, Buffer.from(value + number).toString('latin1')]));
      correlator.apply(definition(taskId(number), { labelSelector: labels }), 0);
    }
    return correlator;
  });
  expect(result.openBytes() / bytes).toBeGreaterThan(0.7);
  expect(result.openBytes() / bytes).toBeLessThan(1.4);
});
