export { type Access, type AccessOptions, createTokenSet, openAccess, type TokenSet } from './access.ts';
export { type BodyBuffers, type ByteBudget, createBodyBuffers, createByteBudget } from './body-buffers.ts';
export { ANSWER_HEADERS, answerRefusal, JSON_HEADERS, refusedAnswer, responseOf } from './answer.ts';
export { basicAuthorization, withoutCredentials } from './basic-authorization.ts';
export { isCrossSite, isOwnHost } from './browser.ts';
export { AUTHENTICATE, headOf, pathWithoutToken, peerOf, refuseBrowser, refuseScrape, refuseUnauthenticated } from './guard.ts';
export { hostInUrl, isLoopback } from './host.ts';
export { type ListenerSecurity, listenerSecurityWarnings, openListenerSecurity } from './listener-security.ts';
export { type PostAnswer, postOfContext, postOfIncoming, type PostRequest, sendAnswer } from './post-request.ts';
export { readAtMost, readBody } from './read-body.ts';
export { type Refusal, type RefusalCode, refuse, STATUS_OF_REFUSAL } from './refusal.ts';
export { type AnswerDirectly, listen, type ListeningServer } from './server.ts';
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
