import { readFileSync, statSync } from 'node:fs';

/** Where systems keep the authorities that OpenSSL, and with it Ray's Python, trusts. */
const systemBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];
const maxBundleBytes = 4 * 1024 * 1024;

/** The PEM text of the authorities that Ray trusts: of SSL_CERT_FILE, else of the system; undefined when there is none that can be read. */
export function readAuthorities(certFile: string | undefined): string | undefined {
  for (const path of certFile === undefined || certFile === '' ? systemBundles : [certFile]) {
    try {
      const status = statSync(path);
      if (status.isFile() && status.size <= maxBundleBytes) return readFileSync(path, 'utf8');
    } catch {
      // Not there, or not for this user: the next.
    }
  }
  return undefined;
}
