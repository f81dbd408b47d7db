import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Issued {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority extends Issued {
  /**
   * A certificate with this common name, for 127.0.0.1 and localhost unless `names` says others.
   */
  issue(commonName: string, names?: string): Issued;
}

/** A certificate authority made with openssl; undefined where there is no openssl. */
export function makeAuthority(name: string): Authority | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  const config = join(folder, 'openssl.cnf');
  writeFileSync(
    config,
    '[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=unused\n[ca]\nbasicConstraints=critical,CA:true\n' +
      '[leaf]\nsubjectAltName=$ENV::NAMES\n',
  );
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const filesOf = (file: string) => ({ certFile: join(folder, `${file}.crt`), keyFile: join(folder, `${file}.key`) });
  const read = (files: ReturnType<typeof filesOf>): Issued => ({
    ...files,
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
  });
  let names = 'DNS:unused';
  const openssl = (...args: string[]): Buffer =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, NAMES: names } });
  const ca = filesOf('ca');
  try {
    openssl(
      'req',
      '-x509',
      ...curve,
      '-config',
      config,
      '-extensions',
      'ca',
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-keyout',
      ca.keyFile,
      '-out',
      ca.certFile,
    );
  } catch {
    return undefined;
  }
  let issued = 0;
  return {
    ...read(ca),
    issue: (commonName, wanted = 'IP:127.0.0.1,DNS:localhost') => {
      names = wanted;
      const files = filesOf(`leaf-${(issued += 1)}`);
      const request = join(folder, `leaf-${issued}.csr`);
      openssl('req', '-new', ...curve, '-config', config, '-subj', `/CN=${commonName}`, '-keyout', files.keyFile, '-out', request);
      const signing = [
        '-CA',
        ca.certFile,
        '-CAkey',
        ca.keyFile,
        '-CAcreateserial',
        '-extfile',
        config,
        '-extensions',
        'leaf',
        '-days',
        '2',
      ];
      openssl('x509', '-req', '-in', request, ...signing, '-out', files.certFile);
      return read(files);
    },
  };
}
