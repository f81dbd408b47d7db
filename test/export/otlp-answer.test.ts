import { describe, expect, it } from 'vitest';
import { readOtlpAnswer } from '../../src/export/otlp-sender.ts';
import { bytesField, varintField } from './support.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const rejection = bytesField(1, Buffer.concat([varintField(1, 3), bytesField(2, 'too old')]));
const TOO_OLD = { rejectedSpans: 3, message: 'too old' };
const SUCCESS = { rejectedSpans: 0, message: '' };

describe('the answer of a backend', () => {
  it.each<[string, string, Uint8Array, unknown]>([
    ['protobuf', 'application/x-protobuf', rejection, TOO_OLD],
    ['protobuf with a parameter', 'application/x-protobuf; charset=utf-8', rejection, TOO_OLD],
    ['protobuf by its other name', 'application/protobuf', rejection, TOO_OLD],
    ['protobuf of no type', '', rejection, TOO_OLD],
    ['protobuf as bytes', 'application/octet-stream', rejection, TOO_OLD],
    [
      'protobuf of no type that looks like JSON after a line feed',
      '',
      bytesField(1, Buffer.concat([varintField(1, 3), bytesField(2, 'x'.repeat(119))])),
      { rejectedSpans: 3, message: 'x'.repeat(119) },
    ],
    ['JSON', 'application/json', bytes('{"partialSuccess":{"rejectedSpans":3,"errorMessage":"too old"}}'), TOO_OLD],
    [
      'JSON with an int64 as text',
      'Application/JSON; charset=utf-8',
      bytes('{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}'),
      TOO_OLD,
    ],
    [
      'JSON in the names of the .proto file',
      'application/json',
      bytes('{"partial_success":{"rejected_spans":3,"error_message":"too old"}}'),
      TOO_OLD,
    ],
    [
      'JSON of a derived type',
      'application/vnd.otlp+json',
      bytes('{"partialSuccess":{"rejectedSpans":3,"errorMessage":"too old"}}'),
      TOO_OLD,
    ],
    ['JSON as text', 'text/plain', bytes(' {"partialSuccess":{"rejectedSpans":3,"errorMessage":"too old"}}\n'), TOO_OLD],
    ['JSON with unknown fields beside the known one', 'application/json', bytes('{"partialSuccess":null,"took":3}'), SUCCESS],
    [
      'only a remark',
      'application/json',
      bytes('{"partialSuccess":{"errorMessage":"old name"}}'),
      { rejectedSpans: 0, message: 'old name' },
    ],
    ['a negative count', 'application/json', bytes('{"partialSuccess":{"rejectedSpans":-1}}'), SUCCESS],
    [
      'a negative count in protobuf',
      'application/x-protobuf',
      bytesField(1, Buffer.from([8, ...Array.from({ length: 9 }, () => 0xff), 1])),
      SUCCESS,
    ],
    ['an empty object', 'application/json', bytes('{}'), SUCCESS],
    ['nothing', 'text/html', bytes(''), SUCCESS],
    ['white space', 'application/x-protobuf', bytes(' \r\n'), SUCCESS],
    [
      'a control character in a message',
      'application/json',
      bytes('{"partialSuccess":{"errorMessage":"\\u001b[31m"}}'),
      { rejectedSpans: 0, message: '\\u001b[31m' },
    ],
  ])('may be %s', (_, type, body, answer) => {
    expect(readOtlpAnswer(body, type)).toEqual(answer);
  });

  it.each<[string, string, Uint8Array]>([
    ['a page', 'text/html', bytes('<html></html>')],
    ['a word', 'text/plain', bytes('OK')],
    ['a word in JSON', 'application/json', bytes('"OK"')],
    ['a list', 'application/json', bytes('[]')],
    ['null', 'application/json', bytes('null')],
    ['an object of another service', 'application/json', bytes('{"status":"ok"}')],
    ['a partial success of another kind', 'application/json', bytes('{"partialSuccess":true}')],
    ['an invalid count', 'application/json', bytes('{"partialSuccess":{"rejectedSpans":"many"}}')],
    ['a count with a fraction', 'application/json', bytes('{"partialSuccess":{"rejectedSpans":1.5}}')],
    ['an invalid message', 'application/json', bytes('{"partialSuccess":{"errorMessage":{}}}')],
    ['protobuf that is called JSON', 'application/json', rejection],
    ['JSON that is called protobuf', 'application/x-protobuf', bytes('{}')],
    ['half of a message', 'application/x-protobuf', rejection.subarray(0, 5)],
    ['a partial success that is a number', 'application/x-protobuf', varintField(1, 3)],
    ['a partial success that is no message', 'application/x-protobuf', bytesField(1, 'xyz')],
    ['text that could be a field of a later release', '', bytesField(9, 'some text')],
  ])('is not OTLP when it is %s', (_, type, body) => {
    expect(readOtlpAnswer(body, type)).toBeUndefined();
  });
});
