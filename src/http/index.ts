export { type Access, type AccessOptions, openAccess } from './access.ts';
export { createTokenSet, type TokenSet } from './token-set.ts';

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

export { pathWithoutToken, AUTHENTICATE, refuseBrowser, refuseStranger, peerOf, refuseScrape } from './guard.ts';
export { listen, type ListeningServer } from './server.ts';
export { createByteBudget, type ByteBudget } from './byte-budget.ts';
export { readBody } from './read-body.ts';
export { doorWarnings, openDoor, type Door } from './listener-security.ts';
export { createBodyBuffers, type BodyBuffers } from './body-buffers.ts';
export { requestBody } from './request-body.ts';
export { isCrossSite, isOwnHost } from './browser.ts';
export { STATUS_OF_REFUSAL, type Refusal, type RefusalCode, refuse } from './refusal.ts';
export { hostInUrl, isLoopback } from './host.ts';
