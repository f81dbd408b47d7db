import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { readSmallFile, type Reloadable } from '../runtime/index.ts';

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

/** Text of a file, with the setting that names it. */
export interface SettingText {
  readonly setting: string;
  readonly file: string;
  readonly text: string;
}

/** Reads a certificate and its key, and makes sure that they can be used and belong together. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): ReadCertificate {
  const cert = readSmallFile(certFile);
  if (!cert.ok) return { ok: false, problem: `--tls-cert-file: ${cert.problem}` };
  const key = readSmallFile(keyFile);
  if (!key.ok) return { ok: false, problem: `--tls-key-file: ${key.problem}` };
  return checkCertificate(
    { setting: '--tls-cert-file', file: certFile, text: cert.value },
    { setting: '--tls-key-file', file: keyFile, text: key.value },
  );
}

/** Makes sure that a certificate and a key can be used and belong together. */
export function checkCertificate(cert: SettingText, key: SettingText): ReadCertificate {
  const certificate = attempt(() => new X509Certificate(cert.text));
  if (certificate === undefined)
    return { ok: false, problem: `${cert.setting}: ${cert.file} is not a certificate in PEM (-----BEGIN CERTIFICATE-----)` };
  const privateKey = readKey(key.text);
  if (typeof privateKey === 'string') return { ok: false, problem: `${key.setting}: ${key.file} ${privateKey}` };
  if (!certificate.checkPrivateKey(privateKey))
    return { ok: false, problem: `${key.setting}: ${key.file} is not the key of the certificate in ${cert.file}` };
  if (attempt(() => createSecureContext({ cert: cert.text, key: key.text })) === undefined)
    return {
      ok: false,
      problem: `${cert.setting}: ${cert.file} cannot be used with this key: is a certificate of its chain damaged, or the key too weak?`,
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

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*(?:-----END (?:TRUSTED |X509 )?CERTIFICATE-----)?/g;

/** Counts the certificates of authorities in a text. A damaged one is a problem: OpenSSL would silently leave out those after it. */
export function checkAuthorities({
  setting,
  file,
  text,
}: SettingText): { readonly ok: true; readonly count: number } | { readonly ok: false; readonly problem: string } {
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) return { ok: false, problem: `${setting}: ${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)` };
  const damaged = blocks.findIndex((block) => attempt(() => new X509Certificate(block)) === undefined);
  if (damaged !== -1) return { ok: false, problem: `${setting}: certificate ${damaged + 1} of ${blocks.length} in ${file} is damaged` };
  return { ok: true, count: blocks.length };
}

/** Hands on the certificate whenever its files changed and fit together. */
export function reloadableCertificate(files: CertificateFiles, first: Certificate, use: (certificate: Certificate) => void): Reloadable {
  let used = first;
  return {
    reload() {
      const read = readCertificate(files);
      if (!read.ok) return { setting: 'tls-cert-file', outcome: read };
      if (read.certificate.cert === used.cert && read.certificate.key === used.key) return undefined;
      used = read.certificate;
      use(used);
      return { setting: 'tls-cert-file', outcome: { ok: true, value: `a certificate that is valid until ${validUntil(used)}` } };
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
