/** A text of an event that may be kept: cut, never between the halves of a character, and a copy, so that it does not hold on to the rest. */
export function kept(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 2);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return Buffer.from(`${text.slice(0, limit - (splitsPair ? 2 : 1))}…`, 'utf8').toString('utf8');
}
