import { Packr } from 'msgpackr';

/** The MessagePack of the store: records of one shape contain their keys once. */
export function createMessagePack(): Packr {
  return new Packr({ useRecords: true, moreTypes: false });
}
