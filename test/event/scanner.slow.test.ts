import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { decodeEvent } from '../../src/event/index.ts';
import { EventScanner } from '../../src/event/scanner/index.ts';
import { decodeBatch } from '../../src/receiver/decode-batch.ts';
import type { Scheduler } from '../../src/runtime/index.ts';
import { everyTypeOfEvent } from './every-type.ts';
import { inSnakeCase } from '../support/raw-events.ts';
import { readRecordedEvents } from '../support/posts.ts';
import { Seeded } from '../support/seeded.ts';
import { EventMutator } from './mutated-events.ts';

/** `npm run fuzz` tries 1,000,000. */
const EVENTS = Number(process.env['FUZZ_EVENTS'] ?? 100_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
/** A scanner forgets all after so many bodies: what it learns first matters too. */
const BODIES_OF_SCANNER = 2000;

const folder = new URL('../fixtures/recordings/', import.meta.url).pathname;
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith('.ndjson'))
  .flatMap((name) => readRecordedEvents(folder + name).filter((_, index) => index % 5 === 0));
/** Scanned events come in most forms: they are tried more often. */
const tasks = recorded.filter(
  (raw) => typeof raw === 'object' && raw !== null && /"(?:actorT|t)ask(?:Lifecycle|Definition)Event"/.test(JSON.stringify(raw)),
);

class CountingScanner extends EventScanner {
  scanned = 0;

  override scan(...of: Parameters<EventScanner['scan']>): ReturnType<EventScanner['scan']> {
    const event = super.scan(...of);
    if (event !== undefined) this.scanned += 1;
    return event;
  }
}

const scheduler: Scheduler = { takeNow: () => undefined, take: async () => ({ hasEnded: () => false }) };

it(`${EVENTS} mutated events, in bodies of any history, read the same by the scanner and by the decoder`, async () => {
  const random = new Seeded(SEED);
  const events = [...recorded, ...tasks, ...tasks, ...everyTypeOfEvent, ...everyTypeOfEvent.map(inSnakeCase)];
  const mutator = new EventMutator(random, events);
  const seen = { events: 0, scanned: 0, rejected: 0, refused: 0 };
  let scanner = new CountingScanner();
  for (let bodies = 0; seen.events < EVENTS; bodies += 1) {
    if (bodies % BODIES_OF_SCANNER === 0) {
      seen.scanned += scanner.scanned;
      scanner = new CountingScanner();
    }
    const texts = Array.from({ length: 1 + random.below(3) }, () => mutator.family(1 + random.below(8))).flat();
    const body = mutator.body(texts);
    seen.events += texts.length;
    const plain = await decode(body);
    const outcome = await decode(body, scanner);
    if (!isDeepStrictEqual(outcome, plain)) {
      expect.fail(`seed ${SEED}, body ${bodies}: ${difference(outcome, plain)}\n${body.toString().slice(0, 4000)}`);
    }
    if (outcome.ok) seen.rejected += outcome.rejectedCount;
    else seen.refused += 1;
  }
  seen.scanned += scanner.scanned;
  // The numbers show that each way was taken often enough.
  expect(seen.scanned / seen.events).toBeGreaterThan(0.1);
  expect(seen.rejected / seen.events).toBeGreaterThan(0.05);
  expect(seen.refused).toBeGreaterThan(EVENTS / 1000);
}, 3_600_000);

/** An exception of the decoder, the scanner or its learner fails the test. */
function decode(bytes: Buffer, scanner?: EventScanner) {
  const onDecoderError = (error: unknown): never => {
    throw error;
  };
  return decodeBatch({ bytes, maxBodyEvents: 12, maxEventDepth: 64, scheduler, decode: decodeEvent, scanner, onDecoderError });
}

type Outcome = Awaited<ReturnType<typeof decode>>;

function difference(scanned: Outcome, plain: Outcome): string {
  if (!scanned.ok || !plain.ok) return `${print(scanned)} instead of ${print(plain)}`;
  const index = plain.events.findIndex((event, at) => !isDeepStrictEqual(event, scanned.events[at]));
  if (index < 0) return `${print(countsOf(scanned))} instead of ${print(countsOf(plain))}`;
  return `event ${index} reads as ${print(scanned.events[index])} instead of ${print(plain.events[index])}`;
}

function countsOf({ events, rejectedByCode, unknownTypes, ...others }: Extract<Outcome, { readonly ok: true }>): unknown {
  return { ...others, events: events.length, rejectedByCode: [...rejectedByCode], unknownTypes: [...unknownTypes] };
}

function print(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'nothing';
}
