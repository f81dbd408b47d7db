import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${root}src/view/page/`;

/** Builds the live page before the tests, if its sources are newer than what was built last. */
export async function setup(): Promise<void> {
  const built = `${folder}built/page.html`;
  const sources = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [folder + entry.name] : []));
  const newest = Math.max(...[...sources, `${root}vite.page.config.ts`].map((path) => statSync(path).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs > newest) return;
  await build({ configFile: `${root}vite.page.config.ts` });
}
