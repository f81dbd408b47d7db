import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The browser gets these as one script, in this order. */
const SCRIPTS = [
  'dom.js',
  'scheme.js',
  'format.js',
  'connection.js',
  'jobs.js',
  'node-use.js',
  'job.js',
  'rollups.js',
  'rows.js',
  'tasks.js',
  'path.js',
  'main.js',
];

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Builds the page as a single self-contained file. Its content security policy allows only its own
 * script and style, by their hashes, and requests to its own bridge only.
 */
export function buildPage(): Page {
  const script = SCRIPTS.map(readAsset).join('\n');
  const style = readAsset('page.css');
  const html = readAsset('page.html')
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

function readAsset(name: string): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
}
