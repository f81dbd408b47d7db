import { describe, expect, it } from 'vitest';
import { textOfAnswer } from '../../src/export/otlp-sender.ts';
import { bytesField, varintField } from './support.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the message of a server in its answer', () => {
  it.each([
    ['a status in protobuf', 'application/x-protobuf', Buffer.concat([varintField(1, 3), bytesField(2, 'bad span')]), 'bad span'],
    ['bytes that are no status', 'application/x-protobuf', bytes('zzz'), ''],
    ['a status in JSON', 'application/json', bytes('{"code":3,"message":"bad span"}'), 'bad span'],
    ['other JSON', 'application/json', bytes('{"error":"bad"}'), '{"error":"bad"}'],
    ['text', 'text/plain', bytes('no tenant'), 'no tenant'],
    [
      'a page',
      'text/html',
      bytes('<html><head><title>400 Bad</title></head><body><h1>Bad</h1>\n<hr>nginx</body></html>'),
      '400 Bad Bad nginx',
    ],
    [
      'a page with a script and a style',
      'text/html',
      bytes('<style>a{}</style><SCRIPT type="x">let a = "<b>";</SCRIPT>Sign in'),
      'Sign in',
    ],
    ['a page of no type', '', bytes(' <!DOCTYPE html><p>Hi</p>'), 'Hi'],
    ['a page that is cut in a tag', 'text/html', bytes('Hi <a href="x'), 'Hi'],
  ])('is read from %s', (_, type, body, text) => {
    expect(textOfAnswer(body, type)).toBe(text);
  });

  it('is the text at the top of a large page, and no more is read', () => {
    expect(textOfAnswer(bytes(`<p>top</p>${'<'.repeat(1_000_000)}<p>bottom</p>`), 'text/html')).toBe('top');
    expect(textOfAnswer(bytes(`<p>top</p>${' '.repeat(4096)}bottom`), 'text/html')).toBe('top');
  });
});
