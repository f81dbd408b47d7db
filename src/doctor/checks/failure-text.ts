import type { AskFailure } from '../ask.ts';

const texts: Readonly<Record<AskFailure, string>> = {
  refused: 'nothing listens',
  unknown_host: 'the host is not known',
  no_route: 'there is no route to the host',
  timeout: 'no answer came in time',
  cut: 'the connection was cut',
  tls_untrusted: 'the certificate is not trusted',
  tls_mismatch: 'no TLS is spoken',
  not_http: 'no HTTP is spoken',
  not_asked: 'nothing was asked, because the time was over',
  other: 'the request failed',
};

/** Completes 'at http://bridge:8080 …'. */
export function failureText(failure: AskFailure): string {
  return texts[failure];
}
