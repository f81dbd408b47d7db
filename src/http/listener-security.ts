import { type Access, type AccessOptions, openAccess } from './access.ts';
import { type Certificate, type CertificateFiles, readCertificate, validUntil } from './tls.ts';
import { hostInUrl, isLoopback } from './host.ts';

export interface DoorOptions extends AccessOptions {
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
}

/** Who may come in, and by which certificate they know where they are. */
export interface Door {
  readonly access: Access;
  readonly certificate: Certificate | undefined;
  readonly certificateFiles: CertificateFiles | undefined;
}

export type OpenedDoor = { readonly ok: true; readonly door: Door } | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the files that the settings name. */
export function openDoor(options: DoorOptions): OpenedDoor {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = options;
  if ((certFile === undefined) !== (keyFile === undefined))
    return { ok: false, problems: ['--tls-cert-file and --tls-key-file go together: give both, or neither'] };
  const certificateFiles = certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
  const opened = openAccess(options);
  const read = certificateFiles === undefined ? undefined : readCertificate(certificateFiles);
  const problems = [...(opened.ok ? [] : opened.problems), ...(read === undefined || read.ok ? [] : [read.problem])];
  if (!opened.ok || read?.ok === false) return { ok: false, problems };
  return { ok: true, door: { access: opened.access, certificate: read?.certificate, certificateFiles } };
}

/** What somebody who starts a server should know about its door, for standard error. */
export function doorWarnings({ access, certificate }: Door, listenHost: string, nowMs: number): readonly string[] {
  const warnings: string[] = [];
  if (!isLoopback(listenHost) && !access.ingest.isRequired())
    warnings.push(`whoever reaches ${hostInUrl(listenHost)} can post events: ask for a token with --ingest-token-file`);
  if (certificate !== undefined && certificate.validUntilMs < nowMs)
    warnings.push(`the certificate is not valid since ${validUntil(certificate)}: Ray will not connect`);
  return warnings;
}
