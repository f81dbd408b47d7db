import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { readSmallFile } from './small-file.ts';
import type { Reloadable } from './watch.ts';

/** PEM texts that belong together. */
export interface Certificate {
  /** The server's certificate first, then those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  readonly validUntilMs: number;
  /** Names and addresses that it is for, as it writes them. */
  readonly names: string;
  /** Whether a client that asks for this name or address accepts it. */
  readonly isFor: (host: string) => boolean;
}

export type ReadCertificate = { readonly ok: true; readonly certificate: Certificate } | { readonly ok: false; readonly problem: string };

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Reads a certificate and its key, and makes sure that they can be used and belong together. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): ReadCertificate {
  const cert = readSmallFile(certFile);
  if (!cert.ok) return { ok: false, problem: `--tls-cert-file: ${cert.problem}` };
  const key = readSmallFile(keyFile);
  if (!key.ok) return { ok: false, problem: `--tls-key-file: ${key.problem}` };

  const certificate = attempt(() => new X509Certificate(cert.text));
  if (certificate === undefined)
    return { ok: false, problem: `--tls-cert-file: ${certFile} is not a certificate in PEM (-----BEGIN CERTIFICATE-----)` };
  const privateKey = readKey(key.text);
  if (typeof privateKey === 'string') return { ok: false, problem: `--tls-key-file: ${keyFile} ${privateKey}` };
  if (!certificate.checkPrivateKey(privateKey))
    return { ok: false, problem: `--tls-key-file: ${keyFile} is not the key of the certificate in ${certFile}` };
  if (attempt(() => createSecureContext({ cert: cert.text, key: key.text })) === undefined)
    return {
      ok: false,
      problem: `--tls-cert-file: ${certFile} cannot be used with this key: is a certificate of its chain damaged, or the key too weak?`,
    };
  return {
    ok: true,
    certificate: {
      cert: cert.text,
      key: key.text,
      validUntilMs: Date.parse(certificate.validTo),
      names: certificate.subjectAltName ?? 'it names none',
      isFor: (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
    },
  };
}

/** Hands on the certificate whenever its files changed and fit together. */
export function reloadableCertificate(files: CertificateFiles, first: Certificate, use: (certificate: Certificate) => void): Reloadable {
  let used = first;
  return {
    reload() {
      const read = readCertificate(files);
      if (!read.ok) return { what: 'tls-cert-file', outcome: read };
      if (read.certificate.cert === used.cert && read.certificate.key === used.key) return undefined;
      used = read.certificate;
      use(used);
      return { what: 'tls-cert-file', outcome: { ok: true, holds: `a certificate that is valid until ${validUntil(used)}` } };
    },
  };
}

export function validUntil({ validUntilMs }: Certificate): string {
  return new Date(validUntilMs).toISOString();
}

function readKey(text: string): KeyObject | string {
  if (/ENCRYPTED/.test(text)) return 'is encrypted; give one without a passphrase: openssl pkey -in KEY -out PLAIN_KEY';
  return attempt(() => createPrivateKey(text)) ?? 'is not a private key in PEM (-----BEGIN PRIVATE KEY-----)';
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
