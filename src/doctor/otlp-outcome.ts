/** Result of an empty export request. */
export type OtlpOutcome =
  | { readonly kind: 'accepted' }
  /** Accepted, with a warning of the exporter or the backend. */
  | { readonly kind: 'warning'; readonly reason: string }
  | {
      readonly kind: 'refused_connection' | 'unknown_host' | 'timeout' | 'not_its_protocol' | 'tls_mismatch' | 'tls_untrusted';
      readonly reason: string;
    }
  | { readonly kind: 'credentials' | 'path' | 'redirect' | 'proxy' | 'failing'; readonly reason: string };

interface ExportAnswer {
  readonly kind: string;
  readonly reason?: string;
  readonly warning?: string;
}

type Rule = readonly [pattern: RegExp, kind: Exclude<OtlpOutcome['kind'], 'accepted' | 'warning'>];

/** The first matching rule wins. The reasons come from `export/`: HTTP status, gRPC status or Node's error code. */
const RULES: readonly Rule[] = [
  [/^the proxy |^HTTP 407\b|^E[A-Z]+:.*\(through the proxy /, 'proxy'],
  [/but the answer is not OTLP/, 'not_its_protocol'],
  [/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ECONNRESET.*connect/, 'refused_connection'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'unknown_host'],
  [/no application protocol/, 'not_its_protocol'],
  [
    /wrong version number|EPROTO|packet length too long|HTTP request (?:was sent )?to (?:an )?HTTPS|HTTP to an SSL|requires TLS|ERR_SSL_/i,
    'tls_mismatch',
  ],
  [/CERT|SELF_SIGNED|UNABLE_TO_|self.signed|certificate|ERR_TLS_/i, 'tls_untrusted'],
  [/^HTTP (?:401|402|403)\b|^gRPC (?:UNAUTHENTICATED|PERMISSION_DENIED)/, 'credentials'],
  [/^HTTP 3\d\d\b/, 'redirect'],
  [/^HTTP (?:404|405|410|421|501)\b|^gRPC (?:NOT_FOUND|UNIMPLEMENTED)/, 'path'],
  [/HPE_|Parse Error|Protocol error|^HTTP (?:406|415|426|505)\b|ECONNRESET|socket hang up|EPIPE|RST_STREAM/, 'not_its_protocol'],
  [/^no answer|did not answer within|DEADLINE_EXCEEDED|ETIMEDOUT/, 'timeout'],
];

/** Classifies the answer of an exporter. */
export function otlpOutcomeOf(answer: ExportAnswer | undefined): OtlpOutcome {
  if (answer?.kind === 'delivered')
    return answer.warning === undefined ? { kind: 'accepted' } : { kind: 'warning', reason: answer.warning };
  const reason = answer?.reason ?? 'no answer';
  return { kind: RULES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'failing', reason };
}

/** Whether the server understood the protocol of the request. */
export function speaksOtlp(outcome: OtlpOutcome): boolean {
  return (
    outcome.kind === 'accepted' ||
    outcome.kind === 'credentials' ||
    (outcome.kind === 'failing' && /^(?:HTTP (?:400|429|5)|gRPC )/.test(outcome.reason))
  );
}
