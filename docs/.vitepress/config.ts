import { existsSync, statSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { readSidebar } from './sidebar.ts';

// The site is built from the same files that GitHub shows: the README is its home page, and every link between pages is relative.
// `npm run docs:site` writes it to .cache/site and fails on a dead link.

const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
const repository = 'https://github.com/ray-otel-bridge/ray-otel-bridge';
const indexPage = /(^|\/)README\.md$/;

/** A link from the page `from` as the site needs it: to an index page, or to GitHub for a file that is no page. */
function siteLink(from: string, href: string): string {
  if (/^(?:[a-z]+:|#|\/)/i.test(href)) return href;
  const [path = '', anchor] = href.split('#');
  const suffix = anchor === undefined ? '' : `#${anchor}`;
  const target = posix.join(posix.dirname(from), path);
  if (isPage(target)) return `${path.replace(indexPage, '$1index.md')}${suffix}`;
  const kind = existsSync(join(projectRoot, target)) && statSync(join(projectRoot, target)).isDirectory() ? 'tree' : 'blob';
  return `${repository}/${kind}/main/${target}${suffix}`;
}

function isPage(path: string): boolean {
  return /^(?:README|CHANGELOG|CONTRIBUTING|SECURITY|CODE_OF_CONDUCT)\.md$|^(?:docs|examples)\/.*\.md$/.test(path);
}

/** The anchor that GitHub gives a heading, so that one link works in both places. */
function githubAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

export default defineConfig({
  // GitHub Pages serves a project's site below the project's name.
  base: process.env['DOCS_BASE'] ?? '/',
  srcDir: '..',
  srcExclude: ['src/**', 'test/**', 'node_modules/**', '.cache/**', 'dist/**'],
  outDir: join(projectRoot, '.cache/site'),
  cacheDir: join(projectRoot, '.cache/vitepress'),
  rewrites: (id) => id.replace(indexPage, '$1index.md'),
  title: 'ray-otel-bridge',
  description: 'Ray jobs as OpenTelemetry traces',
  lang: 'en',
  cleanUrls: false,
  // Every page is in the repository; a date would come from Git, which a tarball does not have.
  lastUpdated: false,
  ignoreDeadLinks: [/^https?:\/\/(?:localhost|127\.0\.0\.1)/],
  markdown: {
    anchor: { slugify: githubAnchor },
    config(markdown) {
      const fence = markdown.renderer.rules['fence'];
      markdown.renderer.rules['fence'] = (tokens, index, options, env: unknown, self) =>
        // GitHub draws Mermaid; the site has the same picture as text, on the page "How it works".
        tokens[index]?.info === 'mermaid' ? '' : (fence?.(tokens, index, options, env, self) ?? '');
      const render = markdown.renderer.rules['link_open'] ?? ((tokens, index, options, _env, self) => self.renderToken(tokens, index, options));
      markdown.renderer.rules['link_open'] = (tokens, index, options, env: { readonly path: string }, self) => {
        const href = tokens[index]?.attrGet('href');
        const from = relative(projectRoot, env.path).replace(/(^|\/)index\.md$/, '$1README.md');
        if (href) tokens[index]?.attrSet('href', siteLink(from, href));
        return render(tokens, index, options, env, self);
      };
    },
  },
  themeConfig: {
    nav: [
      { text: 'Get started', link: '/docs/get-started/' },
      { text: 'Guides', link: '/docs/guides/' },
      { text: 'Reference', link: '/docs/reference/' },
    ],
    sidebar: readSidebar(projectRoot),
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    outline: [2, 3],
  },
});
