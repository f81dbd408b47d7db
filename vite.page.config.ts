import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// The page becomes one script and one style sheet. `page.ts` puts both into page.html when the bridge starts.
const folder = fileURLToPath(new URL('src/view/page/', import.meta.url));
const target = join(folder, 'built');

export default defineConfig({
  root: folder,
  logLevel: 'warn',
  publicDir: false,
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  plugins: [{ name: 'page.html', closeBundle: () => copyFileSync(join(folder, 'page.html'), join(target, 'page.html')) }],
  build: {
    outDir: target,
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    rollupOptions: {
      input: join(folder, 'main.tsx'),
      output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]' },
    },
  },
});
