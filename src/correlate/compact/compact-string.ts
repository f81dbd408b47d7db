const MAX_LENGTH = 1_024;
const scratch = Buffer.alloc(MAX_LENGTH);

/**
 * The same text in memory of its own. What the journal's decoder hands out can be a part of a text of many kilobytes, which lives as long as the
 * part: of a million open attempts whose events came from the disk, that was more than all else. Long texts, and those beyond Latin-1, stay as
 * they are.
 */
export function compactString(text: string): string {
  if (text.length > MAX_LENGTH) return text;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0xff) return text;
    scratch[index] = code;
  }
  return scratch.toString('latin1', 0, text.length);
}
