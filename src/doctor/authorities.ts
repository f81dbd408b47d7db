import { readSmallFile } from '../runtime/index.ts';

/** Bundles of certificate authorities that OpenSSL, and with it Ray's Python, trusts. */
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];
const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;

/** PEM text of the authorities that Ray trusts: SSL_CERT_FILE, or the system's bundle. Undefined when no file is readable. */
export function readAuthorities(certFile: string | undefined): string | undefined {
  for (const path of certFile === undefined || certFile === '' ? SYSTEM_BUNDLES : [certFile]) {
    const read = readSmallFile(path, MAX_BUNDLE_BYTES);
    if (read.ok) return read.value;
  }
  return undefined;
}
