import { failure, type Result, success } from '../runtime/index.ts';
import { parseMessage, type RecordedEvent, type RecordedPost } from './read.ts';

/** The events of a recorded item, as Ray sent them. Not decoded. */
export function rawEventsOf(item: RecordedPost | RecordedEvent): Result<readonly unknown[]> {
  if (item.kind === 'event') return success([item.event]);
  try {
    const body: unknown = JSON.parse(item.body);
    return success(Array.isArray(body) ? body : [body]);
  } catch (error) {
    return failure(`the recorded body is not JSON: ${parseMessage(error)}`);
  }
}
