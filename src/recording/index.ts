export {
  type ReadOptions,
  type ReadProgress,
  type RecordedEvent,
  type RecordedPost,
  type RecordingItem,
  type RecordingProblem,
  readRecording,
  recordingSizeBytes,
} from './read.ts';
export { type RawEvents, rawEventsOf } from './events.ts';
export { createRecordingWriter, type RecordingWriter, type WriteOutcome } from './write.ts';
