import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRpcStatus } from '../../src/otlp/rpc-status.ts';
import { bytesField, varintField } from '../export/support.ts';

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

function status(typeUrl: string, duration: Uint8Array): Buffer {
  const any = Buffer.concat([bytesField(1, typeUrl), bytesField(2, bytesField(1, duration))]);
  return Buffer.concat([varintField(1, 14), bytesField(2, 'slow down'), bytesField(3, any)]);
}

describe('reading google.rpc.Status', () => {
  it('the message and the delay of RetryInfo are read', () => {
    const duration = Buffer.concat([varintField(1, 300), varintField(2, 5)]);
    expect(readRpcStatus(status(RETRY_INFO, duration))).toEqual({ message: 'slow down', retryAfterMs: 300_001 });
  });

  it('other details are ignored', () => {
    expect(readRpcStatus(status('type.googleapis.com/google.rpc.Help', varintField(1, 3)))).toEqual({ message: 'slow down' });
  });

  it('reading a status never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = readRpcStatus(bytes);
        expect(read === undefined || typeof read.message === 'string').toBe(true);
        expect(Number.isNaN(read?.retryAfterMs)).toBe(false);
      }),
    );
  });
});
