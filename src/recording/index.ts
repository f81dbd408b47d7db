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
export { rawEventsOf } from './events.ts';
export { createRecordingWriter, type RecordingWriter } from './write.ts';
