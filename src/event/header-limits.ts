/** UTF-16 units. Ray's session names have about 45. */
export const MAX_SESSION_LENGTH = 256;
/** UTF-16 units. Ray's have 40. */
export const MAX_EVENT_ID_LENGTH = 256;
