// Tag of a field: its number times 8, plus 0 for a varint, 1 for 8 bytes, 2 for length and content,
// 5 for 4 bytes.
// Source: opentelemetry/proto/trace/v1/trace.proto, common/v1/common.proto,
// resource/v1/resource.proto.

export const RESOURCE_SPANS = 0x0a;
export const RESOURCE = { resource: 0x0a, attributes: 0x0a, droppedAttributes: 0x10 };
export const SCOPE_SPANS = 0x12;
export const SCOPE = { scope: 0x0a, name: 0x0a, version: 0x12 };
export const SPANS = 0x12;
export const SPAN = {
  traceId: 0x0a,
  spanId: 0x12,
  traceState: 0x1a,
  parentSpanId: 0x22,
  name: 0x2a,
  kind: 0x30,
  start: 0x39,
  end: 0x41,
  attributes: 0x4a,
  droppedAttributes: 0x50,
  events: 0x5a,
  droppedEvents: 0x60,
  links: 0x6a,
  droppedLinks: 0x70,
  status: 0x7a,
};
/** Tag of field 16, which has two bytes. */
export const SPAN_FLAGS = { first: 0x85, second: 0x01 };
export const EVENT = { time: 0x09, name: 0x12, attributes: 0x1a, droppedAttributes: 0x20 };
export const LINK = { traceId: 0x0a, spanId: 0x12, attributes: 0x22, droppedAttributes: 0x28, flags: 0x35 };
export const STATUS = { message: 0x12, code: 0x18 };
export const KEY_VALUE = { key: 0x0a, value: 0x12 };
export const ANY_VALUE = { string: 0x0a, bool: 0x10, int: 0x18, double: 0x21, array: 0x2a };
export const ARRAY_VALUES = 0x0a;
/**
 * Bits of `SpanFlags`: whether the origin of the parent is known, and whether it is another
 * process.
 */
export const HAS_IS_REMOTE = 0x100;
export const IS_REMOTE = 0x200;
