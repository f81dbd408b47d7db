import { Packr } from 'msgpackr';

/** MessagePack as it stands in the store: records of one shape name their keys once. */
export function createPackr(): Packr {
  return new Packr({ useRecords: true, moreTypes: false });
}
