export {
  createForwarder,
  type ForwardedPost,
  type Forwarder,
  type ForwarderOptions,
  type ForwardEvent,
  type ForwardStats,
} from './forwarder.ts';
