import { SETTINGS } from '../config.ts';

/** Options of the commands that accept Ray's posts in place of `serve`, with the same meaning as there. */
export const RECEIVING_OPTIONS = {
  maxBodyBytes: SETTINGS.maxBodyBytes,
  ingestTokenFile: SETTINGS.ingestTokenFile,
  ingestTokens: SETTINGS.ingestTokens,
  tlsCertFile: SETTINGS.tlsCertFile,
  tlsKeyFile: SETTINGS.tlsKeyFile,
} as const;
