import { checkAuthorities, checkCertificate, type SettingText, validUntil } from '../http/index.ts';
import { readSmallFile, type Reloadable, type Reloaded } from '../runtime/index.ts';

/** A variable and the file that it names. */
export interface NamedFile {
  readonly setting: string;
  readonly file: string;
}

/** The files by which a backend is trusted, and by which the bridge shows who it is. */
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

/** Certificates for connections to a backend. They change when their files do. */
export interface OtlpCertificates extends Reloadable {
  /** Another object after each change. */
  current(): TlsMaterial;
}

type ReadMaterial =
  | { readonly ok: true; readonly material: TlsMaterial; readonly holds: string }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the files for the first time. What cannot be used is added to `problems`. */
export function readCertificates(variables: CertificateVariables, problems: string[]): OtlpCertificates {
  const first = readMaterial(variables);
  if (!first.ok) problems.push(...first.problems);
  let material = first.ok ? first.material : {};
  return {
    current: () => material,
    // The files are one unit: while one of them cannot be used, or does not fit the others yet, all that was good before stays.
    reload: (): Reloaded | undefined => {
      const next = readMaterial(variables);
      if (!next.ok) return { setting: SETTING, outcome: { ok: false, problem: next.problems.join('; ') } };
      if (isSame(next.material, material)) return undefined;
      ({ material } = next);
      return { setting: SETTING, outcome: { ok: true, value: next.holds } };
    },
  };
}

/** The name of these files in the log and in metrics. */
const SETTING = 'otlp-certificates';

function readMaterial({ ca, cert, key }: CertificateVariables): ReadMaterial {
  const problems: string[] = [];
  const [caText, certText, keyText] = [ca, cert, key].map((named) => readNamed(named, problems));
  const held: string[] = [];
  if (caText !== undefined) {
    const checked = checkAuthorities(caText);
    if (checked.ok) held.push(checked.value === 1 ? '1 authority' : `${checked.value} authorities`);
    else problems.push(checked.problem);
  }
  if (certText !== undefined && keyText !== undefined) {
    const checked = checkCertificate(certText, keyText);
    if (checked.ok) held.push(`a client certificate valid until ${validUntil(checked.value)}`);
    else problems.push(checked.problem);
  }
  if (problems.length > 0) return { ok: false, problems };
  const material = {
    ...(caText && { ca: caText.text }),
    ...(certText && { cert: certText.text }),
    ...(keyText && { key: keyText.text }),
  };
  return { ok: true, material, holds: held.join(' and ') };
}

function readNamed(named: NamedFile | undefined, problems: string[]): SettingText | undefined {
  if (named === undefined) return undefined;
  const read = readSmallFile(named.file);
  if (read.ok) return { ...named, text: read.value };
  problems.push(`${named.setting}: cannot read the file: ${read.problem}`);
  return undefined;
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key;
}
