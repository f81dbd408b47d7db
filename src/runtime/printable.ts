// What can steer a terminal or fake a line: control characters, line separators, and marks that turn the direction of text.
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A hostile string made safe for one line of a terminal or log: control characters become \uXXXX, the length has a limit. */
export function printable(text: string, limit = 300): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
