/** Why an agent's posts fail, according to its log. The log's own words are never shown, because they contain headers and credentials. */
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
  /** Whether the agent posts. Undefined when the log does not say. */
  readonly isPosting?: boolean;
  /** Address that the agent posts to, with credentials. Ray 2.49 does not log it. */
  readonly address?: string;
  /** Last failure in the part of the log that was read. */
  readonly lastFailure?: PostFailure;
  /** Number of failures in that part. */
  readonly failures: number;
  /** Whether the publisher stopped. Ray 2.50 to 2.54 stop after 1,024 failures in a row. */
  readonly hasStopped: boolean;
}

const POSTING = /Publishing events to external HTTP service is enabled|Event processing enabled/;
const NOT_POSTING = /Event HTTP target is not enabled|Event HTTP target not set/;
const ADDRESS = /events_export_addr: (\S+)/;
const FAILURE = /Failed to send events to external service\. Error: (.*)/;
const STOPPED = /Publisher \S+ encountered error/;

/** Reads the beginning and the end of a node's `dashboard_agent.log`, in the format of Ray 2.49 to 2.60. */
export function readAgentLog(head: string, tail: string): AgentLog {
  const known: { isPosting?: boolean; address?: string; lastFailure?: PostFailure } = {};
  for (const text of head.split('\n')) {
    if (POSTING.test(text)) known.isPosting = true;
    else if (NOT_POSTING.test(text)) known.isPosting = false;
    else continue;
    const [, found] = ADDRESS.exec(text) ?? [];
    if (found !== undefined) known.address = found;
  }
  let failures = 0;
  let hasStopped = false;
  for (const text of tail.split('\n')) {
    const [, message] = FAILURE.exec(text) ?? [];
    if (message !== undefined) {
      failures += 1;
      known.lastFailure = postFailureOf(message);
    }
    if (STOPPED.test(text)) hasStopped = true;
  }
  return { ...known, failures, hasStopped };
}

/** Classifies the messages of aiohttp (Ray 2.50 and later) and requests (2.49). */
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
