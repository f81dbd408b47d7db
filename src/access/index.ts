export { type Access, type AccessOptions, openAccess } from './access.ts';
export { createTokenSet, type TokenSet } from './token-set.ts';
export { readSmallFile } from './small-file.ts';
export {
  type Certificate,
  type CertificateFiles,
  checkAuthorities,
  checkCertificate,
  readCertificate,
  reloadableCertificate,
  type SettingText,
  validUntil,
} from './tls.ts';
export { type Reloadable, type Reloaded, watch } from './watch.ts';
