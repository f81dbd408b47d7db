import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Joins what Vite built of `page/` into a single self-contained file. Its content security policy allows only its own
 * script and style, by their hashes, and requests to its own bridge only.
 */
export function buildPage(): Page {
  // A script ends at the first end tag, also within a text.
  const script = readBuilt('page.js').replaceAll('</script', '<\\/script');
  const style = readBuilt('page.css');
  const html = readBuilt('page.html')
    .replace('/*STYLE*/', () => style)
    .replace('/*SCRIPT*/', () => script);
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'x-frame-options': 'DENY',
    },
  };
}

function readBuilt(name: string): string {
  return readFileSync(new URL(`./page/built/${name}`, import.meta.url), 'utf8');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}
