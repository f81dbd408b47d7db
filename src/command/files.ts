import { access, constants } from 'node:fs/promises';

/** What is wrong with the files that a command should read, before it begins to work. */
export async function findUnreadable(files: readonly string[]): Promise<readonly string[]> {
  const checked = await Promise.all(
    files.map(async (file) => {
      if (file === '-') return undefined;
      try {
        await access(file, constants.R_OK);
        return undefined;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        return `${file}: ${code === 'ENOENT' ? 'no such file' : 'cannot be read by this user'}`;
      }
    }),
  );
  return checked.filter((problem) => problem !== undefined);
}
