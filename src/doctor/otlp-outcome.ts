/** What became of an empty export request. */
export type OtlpOutcome =
  | { readonly kind: 'taken' }
  /** Taken, with a remark of ours or of theirs. */
  | { readonly kind: 'remark'; readonly reason: string }
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

type Rule = readonly [pattern: RegExp, kind: Exclude<OtlpOutcome['kind'], 'taken' | 'remark'>];

/** In this order: the first that fits counts. The reasons are those of `export/`, by HTTP status, gRPC status or Node's error code. */
const rules: readonly Rule[] = [
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
  [/^no answer|DEADLINE_EXCEEDED|ETIMEDOUT/, 'timeout'],
];

export function otlpOutcomeOf(answer: ExportAnswer | undefined): OtlpOutcome {
  if (answer?.kind === 'delivered') return answer.warning === undefined ? { kind: 'taken' } : { kind: 'remark', reason: answer.warning };
  const reason = answer?.reason ?? 'no answer';
  return { kind: rules.find(([pattern]) => pattern.test(reason))?.[1] ?? 'failing', reason };
}

/** Whether who answered so understands the protocol that it was spoken to in. */
export function speaksOtlp(outcome: OtlpOutcome): boolean {
  return (
    outcome.kind === 'taken' ||
    outcome.kind === 'credentials' ||
    (outcome.kind === 'failing' && /^(?:HTTP (?:400|429|5)|gRPC )/.test(outcome.reason))
  );
}
