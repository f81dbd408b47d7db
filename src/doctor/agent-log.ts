/** Why an agent's posts fail, as its log tells it. The log's own words go no further: they hold headers and credentials. */
export type PostFailure =
  | 'cannot_connect'
  | 'unknown_host'
  | 'timeout'
  | 'token_refused'
  | 'path_wrong'
  | 'bridge_busy'
  | 'post_refused'
  | 'redirected'
  | 'tls'
  | 'address_invalid'
  | 'other';

export interface AgentLog {
  /** Whether the agent posts at all; undefined when the log does not tell. */
  readonly isPosting?: boolean;
  /** Where to, credentials included; 2.49 does not tell. */
  readonly address?: string;
  /** The last failure in the part of the log that was read. */
  readonly lastFailure?: PostFailure;
  /** Failures in that part. */
  readonly failures: number;
  /** The publisher ended: 2.50 to 2.54 do so after 1,024 failures in a row. */
  readonly hasStopped: boolean;
}

const posting = /Publishing events to external HTTP service is enabled|Event processing enabled/;
const notPosting = /Event HTTP target is not enabled|Event HTTP target not set/;
const address = /events_export_addr: (\S+)/;
const failure = /Failed to send events to external service\. Error: (.*)/;
const stopped = /Publisher \S+ encountered error/;

/** Reads the begin and the end of a node's `dashboard_agent.log`, as 2.49 to 2.60 write it. */
export function readAgentLog(head: string, tail: string): AgentLog {
  const known: { isPosting?: boolean; address?: string; lastFailure?: PostFailure } = {};
  for (const text of head.split('\n')) {
    if (posting.test(text)) known.isPosting = true;
    else if (notPosting.test(text)) known.isPosting = false;
    else continue;
    const [, found] = address.exec(text) ?? [];
    if (found !== undefined) known.address = found;
  }
  let failures = 0;
  let hasStopped = false;
  for (const text of tail.split('\n')) {
    const [, message] = failure.exec(text) ?? [];
    if (message !== undefined) {
      failures += 1;
      known.lastFailure = postFailureOf(message);
    }
    if (stopped.test(text)) hasStopped = true;
  }
  return { ...known, failures, hasStopped };
}

/** Tells apart what aiohttp (2.50 and later) and requests (2.49) say. */
function postFailureOf(message: string): PostFailure {
  const status = Number(/\bstatus=(\d{3})\b|^(\d{3}) (?:Client|Server) Error|too many (\d{3}) error/.exec(message)?.slice(1).join(''));
  if (status > 0) return failureOfStatus(status);
  if (/TooManyRedirects|Exceeded \d+ redirects/.test(message)) return 'redirected';
  if (/SSLError|SSLCert|CertificateError|CERTIFICATE_VERIFY/.test(message)) return 'tls';
  if (/NonHttpUrl|InvalidUrl|InvalidURL|No connection adapters|MissingSchema|Invalid URL/.test(message)) return 'address_invalid';
  if (/DNSError|gaierror|NameResolution|Failed to resolve|Name or service not known/.test(message)) return 'unknown_host';
  if (/Timeout|timed out/.test(message)) return 'timeout';
  return /Connect|Connection|No route|ClientOSError|Disconnected|unreachable/i.test(message) ? 'cannot_connect' : 'other';
}

function failureOfStatus(status: number): PostFailure {
  if (status === 401 || status === 403 || status === 407) return 'token_refused';
  if (status === 404 || status === 405) return 'path_wrong';
  return status >= 500 || status === 429 ? 'bridge_busy' : 'post_refused';
}
