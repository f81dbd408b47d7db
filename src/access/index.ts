export { type Access, type AccessOptions, openAccess } from './access.ts';
export { createTokenSet, type TokenSet } from './token-set.ts';
export { type Certificate, type CertificateFiles, readCertificate, reloadableCertificate, validUntil } from './tls.ts';
export { type Reloadable, type Reloaded, watch } from './watch.ts';
