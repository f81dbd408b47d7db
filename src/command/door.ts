import {
  type Access,
  type AccessOptions,
  type Certificate,
  type CertificateFiles,
  openAccess,
  readCertificate,
  validUntil,
} from '../access/index.ts';
import { hostInUrl } from './http-server.ts';
import { eventsUrl, isLoopback, type Machine, rayVariables, reachOf } from './ray-variables.ts';

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

/** What makes Ray post to this server, ready to paste but for the token, with what the user should know about it. */
export function rayLines({ access, certificate }: Door, listenHost: string, port: number, machine: Machine): readonly string[] {
  const reach = reachOf(listenHost, port, machine);
  const needsToken = access.ingest.isRequired();
  return [
    ...reach.notes,
    ...(needsToken
      ? ["# Put one of the sender tokens in place of TOKEN. Ray's agent writes this address into its log when it starts."]
      : []),
    ...(certificate === undefined ? [] : certificateNotes(certificate, reach.host)),
    ...rayVariables(eventsUrl({ host: reach.host, port, isSecure: certificate !== undefined, needsToken })),
  ];
}

function certificateNotes(certificate: Certificate, host: string): readonly string[] {
  return [
    ...(certificate.isFor(host)
      ? []
      : [`# The certificate is not for ${host}: put a name or address that it is for in its place (${certificate.names}).`]),
    '# If a private authority signed the certificate, Ray also needs its PEM file: export SSL_CERT_FILE=... (Ray 2.49: REQUESTS_CA_BUNDLE)',
  ];
}
