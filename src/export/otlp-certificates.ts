import { checkAuthorities, checkCertificate, type SettingText, validUntil } from '../http/index.ts';
import { failure, readSmallFile, type Reloadable, type Reloaded, type Result, success } from '../runtime/index.ts';

/** A file, and the variable that names it. */
export interface NamedFile {
  readonly setting: string;
  readonly file: string;
}

/**
 * The CA certificates that verify the backend, and the client certificate that identifies the
 * bridge.
 */
export interface CertificateVariables {
  readonly ca?: NamedFile;
  readonly cert?: NamedFile;
  readonly key?: NamedFile;
}

/** PEM texts. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Certificates for connections to a backend, reloaded when their files change. */
export interface OtlpCertificates extends Reloadable {
  /** A new object after each change. */
  current(): TlsMaterial;
}

interface ReadMaterial {
  readonly material: TlsMaterial;
  /** For people: `1 authority`. */
  readonly description: string;
}

/** Reads the files at startup. Adds unusable files to `problems`. */
export function readCertificates(variables: CertificateVariables, problems: string[]): OtlpCertificates {
  const first = readMaterial(variables);
  if (!first.ok) problems.push(...first.problem);
  let material = first.ok ? first.value.material : {};
  return {
    current: () => material,
    // The files are one unit: while one is unusable or does not match the others yet, the previous
    // ones stay in use.
    reload: (): Reloaded | undefined => {
      const next = readMaterial(variables);
      if (!next.ok) return { setting: SETTING, outcome: failure(next.problem.join('; ')) };
      if (isSame(next.value.material, material)) return undefined;
      ({ material } = next.value);
      return { setting: SETTING, outcome: success(next.value.description) };
    },
  };
}

/** The name of these files in logs and metrics. */
const SETTING = 'otlp-certificates';

function readMaterial({ ca, cert, key }: CertificateVariables): Result<ReadMaterial, readonly string[]> {
  const problems: string[] = [];
  const [caText, certText, keyText] = [ca, cert, key].map((named) => readNamed(named, problems));
  const descriptions: string[] = [];
  if (caText !== undefined) {
    const checked = checkAuthorities(caText);
    if (checked.ok) descriptions.push(checked.value === 1 ? '1 authority' : `${checked.value} authorities`);
    else problems.push(checked.problem);
  }
  if (certText !== undefined && keyText !== undefined) {
    const checked = checkCertificate(certText, keyText);
    if (checked.ok) descriptions.push(`a client certificate valid until ${validUntil(checked.value)}`);
    else problems.push(checked.problem);
  }
  if (problems.length > 0) return failure(problems);
  const material = {
    ...(caText && { ca: caText.text }),
    ...(certText && { cert: certText.text }),
    ...(keyText && { key: keyText.text }),
  };
  return success({ material, description: descriptions.join(' and ') });
}

function readNamed(named: NamedFile | undefined, problems: string[]): SettingText | undefined {
  if (named === undefined) return undefined;
  const read = readSmallFile(named.file);
  if (read.ok) return { ...named, text: read.value };
  problems.push(`${named.setting}: ${read.problem}`);
  return undefined;
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key;
}
