import { describe, expect, it } from 'vitest';
import { type PostFailure, readAgentLog } from '../../src/doctor/agent-log.ts';

const line = (text: string): string => `2026-11-25 01:30:46,123\tERROR async_publisher_client.py:165 -- ${text}`;
const failed = (error: string): string => line(`Failed to send events to external service. Error: ${error}`);
const secretHeaders = "headers=<CIMultiDictProxy('Host': 'bridge:8080', 'Authorization': 'Basic cmF5OlNFQ1JFVA==')>";
const response = (status: number): string =>
  `ClientResponseError(RequestInfo(url=URL('http://bridge:8080/t/SECRET/v1/events'), method='POST', ${secretHeaders}), (), status=${status}, message='X')`;
const pool = (cause: string): string =>
  `HTTPConnectionPool(host='bridge', port=8080): Max retries exceeded with url: /v1/events (Caused by ${cause})`;

describe('the log of an agent', () => {
  it.each<[release: string, head: string, expected: object]>([
    [
      '2.60 that posts',
      'Publishing events to external HTTP service is enabled. events_export_addr: http://ray:SECRET@bridge:8080/v1/events',
      { isPosting: true, address: 'http://ray:SECRET@bridge:8080/v1/events' },
    ],
    [
      '2.60 without an address',
      'Event HTTP target is not enabled or publishing events to external HTTP service is disabled. Skipping sending events to external HTTP service. events_export_addr: ',
      { isPosting: false },
    ],
    [
      '2.60 with posting disabled',
      'Event HTTP target is not enabled or publishing events to external HTTP service is disabled. Skipping sending events to external HTTP service. events_export_addr: http://bridge:8080',
      { isPosting: false, address: 'http://bridge:8080' },
    ],
    ['2.49 that posts', 'Event processing enabled', { isPosting: true }],
    [
      '2.49 without an address',
      'Event HTTP target not set, skipping sending events to external http service. events_export_addr: ',
      { isPosting: false },
    ],
    ['anything else', 'events_export_addr: http://elsewhere', {}],
  ])('the log of an agent is read: %s', (_release, head, expected) => {
    expect(readAgentLog(`${line('Dashboard agent grpc address')}\n${line(head)}\n`, '')).toEqual({
      ...expected,
      failures: 0,
      hasStopped: false,
    });
  });

  // Messages of aiohttp 3.14 in Ray 2.60 and of requests in Ray 2.49, for servers with these faults.
  it.each<[failure: PostFailure, error: string]>([
    [
      'cannot_connect',
      `ClientConnectorError(ConnectionKey(host='127.0.0.1', port=1, is_ssl=False, ssl=True), ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"))`,
    ],
    [
      'cannot_connect',
      pool(
        `NewConnectionError("HTTPConnection(host='127.0.0.1', port=1): Failed to establish a new connection: [Errno 111] Connection refused")`,
      ),
    ],
    ['cannot_connect', pool('NewConnectionError("Failed to establish a new connection: [Errno 113] No route to host")')],
    ['cannot_connect', "ClientOSError(104, 'Connection reset by peer')"],
    ['cannot_connect', pool("ProtocolError('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))")],
    [
      'unknown_host',
      "ClientConnectorDNSError(ConnectionKey(host='nohost.invalid', port=80, is_ssl=False, ssl=True), gaierror(-2, 'Name or service not known'))",
    ],
    ['unknown_host', pool(`NameResolutionError("Failed to resolve 'nohost.invalid' ([Errno -2] Name or service not known)")`)],
    ['timeout', 'TimeoutError()'],
    ['timeout', pool('ReadTimeoutError("Read timed out. (read timeout=4)")')],
    ['token_refused', response(401)],
    ['token_refused', '401 Client Error: Unauthorized for url: http://ray:SECRET@bridge:8080/t/SECRET/v1/events'],
    ['path_wrong', response(404)],
    ['path_wrong', '404 Client Error: Not Found for url: http://bridge:8080/x'],
    ['bridge_busy', response(503)],
    ['bridge_busy', pool("ResponseError('too many 503 error responses')")],
    ['post_refused', response(413)],
    ['post_refused', '413 Client Error: Request Entity Too Large for url: http://bridge:8080/'],
    [
      'redirected',
      `TooManyRedirects(RequestInfo(url=URL('http://bridge:8080/'), method='POST', ${secretHeaders}), (<ClientResponse(http://bridge:8080/) [302 Found]>`,
    ],
    ['redirected', 'Exceeded 30 redirects.'],
    [
      'tls',
      "ClientConnectorCertificateError(ConnectionKey(host='localhost'), SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)'))",
    ],
    [
      'tls',
      "ClientConnectorSSLError(ConnectionKey(host='127.0.0.1', is_ssl=True, ssl=True), SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)'))",
    ],
    ['tls', pool("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))")],
    ['address_invalid', "NonHttpUrlClientError(URL('127.0.0.1:8080/v1/events'))"],
    ['address_invalid', "No connection adapters were found for '127.0.0.1:8080/v1/events'"],
    ['other', 'something new'],
  ])('the failure %s is recognised in: %s', (failure, error) => {
    const log = readAgentLog('', `${failed('TimeoutError()')}\n${failed(error)}\n${line('something else')}\n`);
    expect(log).toEqual({ lastFailure: failure, failures: 2, hasStopped: false });
    expect(JSON.stringify(log)).not.toContain('SECRET');
  });

  it('the log shows that the publisher has stopped', () => {
    expect(readAgentLog('', line('Publisher http_publisher encountered error: (34, Result too large)')).hasStopped).toBe(true);
  });
});
