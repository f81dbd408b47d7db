export {
  createForwarder,
  DEFAULT_MAX_WAITING_BYTES,
  DEFAULT_RETRY_FOR_MS,
  type ForwardedPost,
  type Forwarder,
  type ForwarderOptions,
  type ForwardEvent,
  type ForwardStats,
} from './forwarder.ts';
