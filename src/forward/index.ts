export {
  createForwarder,
  type ForwardedPost,
  type Forwarder,
  type ForwarderOptions,
  type ForwardEvent,
  type ForwardStats,
  MAX_REQUIRED_WAIT_MS,
} from './forwarder.ts';
