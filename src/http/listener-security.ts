import { failure, type Result, success } from '../runtime/index.ts';
import { type Access, type AccessOptions, openAccess } from './access.ts';
import { hostInUrl, isLoopback } from './host.ts';
import { type Certificate, type CertificateFiles, readCertificate, validUntil } from './tls.ts';

export interface ListenerSecurityOptions extends AccessOptions {
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
}

/** Authentication and encryption of a listening server. */
export interface ListenerSecurity {
  readonly access: Access;
  readonly certificate: Certificate | undefined;
  readonly certificateFiles: CertificateFiles | undefined;
}

/** Reads the token and certificate files that the settings name. Reports every problem. */
export function openListenerSecurity(options: ListenerSecurityOptions): Result<ListenerSecurity, readonly string[]> {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = options;
  if ((certFile === undefined) !== (keyFile === undefined))
    return failure(['--tls-cert-file and --tls-key-file go together: give both, or neither']);
  const certificateFiles = certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
  const access = openAccess(options);
  const certificate = certificateFiles === undefined ? undefined : readCertificate(certificateFiles);
  const problems = [...(access.ok ? [] : access.problem), ...(certificate === undefined || certificate.ok ? [] : [certificate.problem])];
  if (!access.ok || certificate?.ok === false) return failure(problems);
  return success({ access: access.value, certificate: certificate?.value, certificateFiles });
}

/** Warnings for the operator at startup, for standard error. */
export function listenerSecurityWarnings({ access, certificate }: ListenerSecurity, listenHost: string, nowMs: number): readonly string[] {
  const warnings: string[] = [];
  if (!isLoopback(listenHost) && !access.ingest.isRequired())
    warnings.push(`anyone who reaches ${hostInUrl(listenHost)} can post events: require a token with --ingest-token-file`);
  if (certificate !== undefined && certificate.validUntilMs < nowMs)
    warnings.push(`the certificate expired at ${validUntil(certificate)}: Ray will not connect`);
  return warnings;
}
