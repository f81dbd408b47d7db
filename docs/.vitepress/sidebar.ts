import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

interface SidebarItem {
  readonly text: string;
  readonly link: string;
}

interface SidebarGroup extends SidebarItem {
  readonly collapsed: boolean;
  readonly items: readonly SidebarItem[];
}

const FOLDERS = ['docs/get-started', 'docs/guides', 'docs/concepts', 'docs/operate', 'docs/reference', 'examples'];

/** The sidebar, in the order in which each folder's README links to its pages. */
export function readSidebar(projectRoot: string): SidebarGroup[] {
  return FOLDERS.map((folder) => {
    const index = readFileSync(join(projectRoot, folder, 'README.md'), 'utf8');
    const links = [...index.matchAll(/\]\(((?!\.\.\/|https?:)[^)#]+\.md)\)/g)].map(([, path = '']) => posix.join(folder, path));
    return {
      text: titleOf(index),
      link: `/${folder}/`,
      collapsed: true,
      items: [...new Set(links)].map((path) => ({
        text: titleOf(readFileSync(join(projectRoot, path), 'utf8')),
        link: `/${path.replace(/README\.md$/, '').replace(/\.md$/, '')}`,
      })),
    };
  });
}

function titleOf(page: string): string {
  return (/^# (.+)$/m.exec(page)?.[1] ?? '').replaceAll('`', '');
}
