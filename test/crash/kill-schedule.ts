import { setTimeout as sleep } from 'node:timers/promises';
import type { BridgeProcess } from './bridge-process.ts';
import { holdsWithin } from './machine.ts';
import type { Random } from './random.ts';
import type { Sink, SinkEvent } from './sink.ts';
import type { StorageFaults, StorageRule } from './storage-faults.ts';

/**
 * `start-up`: at a random time of its start. `append`: a post is on its way. `storage`: before, in
 * or after a call that writes, syncs, makes, renames or removes a file of the journal, which are
 * those of appends, checkpoints, compaction and recovery. `checkpoint`: the same, once a checkpoint
 * has begun to compact what it gives back. `export`: the sink has a request and has not answered,
 * or has just answered. `any`: at any time. `disk`: after calls of one kind failed temporarily, and
 * posts were taken again or not yet. `power`: with it goes all that was not synced. `outage`: while the
 * backend is away, which it is before and after.
 */
export type Moment = 'start-up' | 'append' | 'storage' | 'checkpoint' | 'export' | 'any' | 'disk' | 'power' | 'outage';

export interface Kill {
  readonly moment: Moment;
  readonly detail: string;
}

export interface KillerOptions {
  readonly bridge: BridgeProcess;
  readonly sink: Sink;
  /** Undefined where it cannot be built: `storage` kills are `any` kills then. */
  readonly faults: StorageFaults | undefined;
  readonly random: Random;
}

/** Ends the bridge at a moment of a kind and starts it again. */
export interface Killer {
  kill(moment: Moment): Promise<Kill>;
}

/** Longest part of an outage before the kill, and after it. */
const outagePartMs = 2500;
/** How long a moment may let wait for itself before the bridge is ended without it. */
const patienceMs = 1000;
/** A checkpoint comes when enough was worked through. */
const checkpointPatienceMs = 4000;
const momentsOfOutage: readonly Moment[] = ['append', 'storage', 'checkpoint', 'any'];
/** Until a start is ready, about. */
const startMs = 900;

export function createKiller({ bridge, sink, faults, random }: KillerOptions): Killer {
  /** True when the process is gone. */
  async function dies(withinMs: number): Promise<boolean> {
    return holdsWithin(withinMs, () => !bridge.isUp(), 2);
  }

  async function onStorage(tracked: StorageFaults): Promise<string> {
    const operation = random.pick(['write', 'write', 'sync', 'create', 'rename', 'unlink'] as const);
    const action = random.pick(
      operation === 'write' ? (['kill-before', 'kill-halfway', 'kill-after'] as const) : (['kill-before', 'kill-after'] as const),
    );
    const rule: StorageRule = { operations: [operation], action, match: 'journal', skip: random.below(4), times: 1 };
    // What makes and removes files happens seldom but then.
    const duringStart = random.next() < (operation === 'write' || operation === 'sync' ? 0.3 : 0.8);
    if (duringStart) {
      await bridge.kill();
      tracked.set(rule);
      bridge.start();
    } else tracked.set(rule);
    const struck = await dies(duringStart ? patienceMs + startMs : patienceMs);
    tracked.clear();
    return `${action} ${operation} +${rule.skip}${duringStart ? ' while it starts' : ''}${struck ? '' : ', which did not come'}`;
  }

  async function onCheckpoint(tracked: StorageFaults): Promise<string> {
    const operations = random.pick([['create'], ['write', 'sync'], ['unlink']] as const);
    const action = random.pick(['kill-before', 'kill-after'] as const);
    // A table is made by compaction, which is what a checkpoint ends with; a file is removed after
    // that.
    const rule: StorageRule = {
      operations,
      action,
      match: operations[0] === 'unlink' ? 'journal' : '.ldb',
      skip: random.below(2),
      times: 1,
    };
    tracked.set(rule);
    const struck = await dies(checkpointPatienceMs);
    tracked.clear();
    return `${action} ${operations.join(' or ')} +${rule.skip}${struck ? '' : ', which did not come'}`;
  }

  async function afterFaults(tracked: StorageFaults): Promise<string> {
    const operations = random.pick([
      ['write'],
      ['sync'],
      ['write', 'sync'],
      ['create'],
      ['write', 'sync', 'create', 'rename', 'unlink'],
    ] as const);
    const action = operations[0] === 'write' ? random.pick(['fail', 'fail-halfway'] as const) : 'fail';
    const times = random.pick([1, 1, 3, 1000]);
    const error = random.pick(['EIO', 'ENOSPC'] as const);
    tracked.set({ operations, action, error, match: 'journal', skip: random.below(6), times });
    const lastedMs = random.below(1500);
    await sleep(lastedMs);
    const struck = tracked.struck();
    tracked.clear();
    await sleep(random.below(2500));
    return `${struck} calls of ${operations.join(', ')} failed (${action} ${error}) within ${lastedMs} ms`;
  }

  async function onExport(): Promise<string> {
    const wanted = random.pick(['began', 'recorded', 'answered'] as const);
    const came = await new Promise<boolean>((resolve) => {
      const stop = sink.watch((event: SinkEvent) => {
        if (event.what !== wanted) return;
        stop();
        resolve(true);
      });
      void sleep(patienceMs * 3).then(() => {
        stop();
        resolve(false);
      });
    });
    await sleep(random.pick([0, 0, 1, 3, 10]));
    return came ? `the sink ${wanted}` : `the sink ${wanted}, which did not come`;
  }

  async function untilMoment(moment: Moment): Promise<string> {
    switch (moment) {
      case 'start-up': {
        await bridge.kill();
        bridge.start();
        const waitMs = random.below(startMs);
        await sleep(waitMs);
        return `${waitMs} ms after its start`;
      }
      case 'append': {
        const waitMs = random.below(12);
        await sleep(waitMs);
        return `${waitMs} ms after a post`;
      }
      case 'storage':
        return faults === undefined ? untilMoment('any') : onStorage(faults);
      case 'checkpoint':
        return faults === undefined ? untilMoment('any') : onCheckpoint(faults);
      case 'export':
        return onExport();
      case 'disk':
        return faults === undefined ? untilMoment('any') : afterFaults(faults);
      case 'power':
        return untilMoment(random.pick(['append', 'storage', 'any']));
      case 'outage': {
        await sink.become({ mode: 'away' });
        const waitMs = random.below(outagePartMs);
        await sleep(waitMs);
        return `${waitMs} ms after the backend went away; ${await untilMoment(random.pick(momentsOfOutage))}`;
      }
      case 'any': {
        const waitMs = random.below(400);
        await sleep(waitMs);
        return `after ${waitMs} ms`;
      }
    }
  }

  return {
    async kill(moment) {
      const detail = await untilMoment(moment);
      await bridge.kill();
      const lost = moment === 'power' && faults !== undefined ? `; ${faults.losePower(random)} bytes lost` : '';
      bridge.start();
      if (moment === 'outage') {
        await sleep(random.below(outagePartMs));
        await sink.become({ mode: 'ok' });
      }
      return { moment, detail: detail + lost };
    },
  };
}
