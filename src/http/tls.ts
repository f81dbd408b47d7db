import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { failure, readSmallFile, type Reloadable, type Result, success } from '../runtime/index.ts';

/** A server certificate and its private key, as PEM. */
export interface Certificate {
  /** The server's certificate first, then its intermediates. */
  readonly cert: string;
  readonly key: string;
  readonly validUntilMs: number;
  /** The subject alternative names, as in the certificate. */
  readonly names: string;
  /** Whether the certificate is valid for this name or address. */
  readonly isFor: (host: string) => boolean;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The text of a file, with the setting that names the file. */
export interface SettingText {
  readonly setting: string;
  readonly file: string;
  readonly text: string;
}

/** Reads a certificate and its key, and checks that they are usable and belong together. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Result<Certificate> {
  const cert = readSmallFile(certFile);
  if (!cert.ok) return failure(`--tls-cert-file: ${cert.problem}`);
  const key = readSmallFile(keyFile);
  if (!key.ok) return failure(`--tls-key-file: ${key.problem}`);
  return checkCertificate(
    { setting: '--tls-cert-file', file: certFile, text: cert.value },
    { setting: '--tls-key-file', file: keyFile, text: key.value },
  );
}

/** Checks that a certificate and a key are usable and belong together. */
export function checkCertificate(cert: SettingText, key: SettingText): Result<Certificate> {
  const certificate = attempt(() => new X509Certificate(cert.text));
  if (certificate === undefined) return failure(`${cert.setting}: ${cert.file} is not a certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  const privateKey = readKey(key.text);
  if (typeof privateKey === 'string') return failure(`${key.setting}: ${key.file} ${privateKey}`);
  if (!certificate.checkPrivateKey(privateKey))
    return failure(`${key.setting}: ${key.file} is not the key of the certificate in ${cert.file}`);
  if (attempt(() => createSecureContext({ cert: cert.text, key: key.text })) === undefined)
    return failure(
      `${cert.setting}: ${cert.file} cannot be used with this key: is a certificate of its chain damaged, or the key too weak?`,
    );
  return success({
    cert: cert.text,
    key: key.text,
    validUntilMs: Date.parse(certificate.validTo),
    names: certificate.subjectAltName ?? 'none',
    isFor: (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
  });
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*(?:-----END (?:TRUSTED |X509 )?CERTIFICATE-----)?/g;

/**
 * Counts the CA certificates in a text. A damaged one is a problem: OpenSSL would silently ignore
 * those after it.
 */
export function checkAuthorities({ setting, file, text }: SettingText): Result<number> {
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) return failure(`${setting}: ${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`);
  const damaged = blocks.findIndex((block) => attempt(() => new X509Certificate(block)) === undefined);
  if (damaged !== -1) return failure(`${setting}: certificate ${damaged + 1} of ${blocks.length} in ${file} is damaged`);
  return success(blocks.length);
}

/** Calls `use` with the new certificate when its files have changed and belong together. */
export function reloadableCertificate(files: CertificateFiles, first: Certificate, use: (certificate: Certificate) => void): Reloadable {
  let used = first;
  return {
    reload() {
      const read = readCertificate(files);
      if (!read.ok) return { setting: 'tls-cert-file', outcome: read };
      if (read.value.cert === used.cert && read.value.key === used.key) return undefined;
      used = read.value;
      use(used);
      return { setting: 'tls-cert-file', outcome: success(`a certificate valid until ${validUntil(used)}`) };
    },
  };
}

export function validUntil({ validUntilMs }: Certificate): string {
  return new Date(validUntilMs).toISOString();
}

function readKey(text: string): KeyObject | string {
  if (/ENCRYPTED/.test(text)) return 'is encrypted; use a key without a passphrase: openssl pkey -in KEY -out PLAIN_KEY';
  return attempt(() => createPrivateKey(text)) ?? 'is not a private key in PEM (-----BEGIN PRIVATE KEY-----)';
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
