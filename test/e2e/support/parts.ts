import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `test/e2e/parts/install.sh` puts what it makes. */
const cache = process.env['RAY_OTEL_BRIDGE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ray-otel-bridge');

// By the hash of its manifest, so that a Collector of another one is not taken for it.
const manifest = readFileSync(join(import.meta.dirname, '../parts/collector-builder.yaml'));
export const collectorBinary = join(cache, `otelcol-${createHash('sha256').update(manifest).digest('hex').slice(0, 12)}`, 'otelcol');
export const jaegerBinary = join(cache, 'jaeger-1.76.0', 'jaeger');
export const deploymentChecks = join(cache, 'deployment-checks');
export const containerChecks = join(cache, 'container-checks');
export const pythonChecks = join(cache, 'python-checks');
export const rayBinFolder = (version: string): string => join(cache, `ray-${version}`, 'bin');
/** The built command line, as a user gets it. */
export const bridgeCommand = join(import.meta.dirname, '../../../dist/cli.js');

export type Part =
  | 'collector'
  | 'jaeger'
  | `ray-${string}`
  | `user-spans-${string}`
  | `libraries-${string}`
  | 'python-checks'
  | 'deployment-checks'
  | 'container-checks'
  | 'build';

const HOW: Readonly<Record<string, string>> = { build: 'npm run build' };

/** Title and skip flag for a suite that needs parts: skipped by name where they are absent, but never in CI, where it then fails. */
export function needing(title: string, parts: readonly Part[]): { readonly title: string; readonly skip: boolean } {
  const absent = parts.filter((part) => !existsSync(placeOf(part)));
  if (absent.length === 0) return { title, skip: false };
  const how = absent.map((part) => HOW[part] ?? `test/e2e/parts/install.sh ${part}`).join(' && ');
  return { title: `${title} (absent: ${absent.join(', ')}; to get them: ${how})`, skip: process.env['CI'] === undefined };
}

function placeOf(part: Part): string {
  if (part === 'build') return bridgeCommand;
  if (part.startsWith('user-spans-')) return join(rayBinFolder(part.slice('user-spans-'.length)), '..', 'user-spans');
  if (part.startsWith('libraries-')) return join(rayBinFolder(part.slice('libraries-'.length)), '..', 'libraries');
  if (part === 'container-checks') return join(containerChecks, 'kustomize');
  if (part === 'python-checks') return join(pythonChecks, 'complete');
  if (part === 'jaeger') return jaegerBinary;
  if (part === 'deployment-checks') return join(deploymentChecks, 'crds', 'complete');
  return part === 'collector' ? collectorBinary : join(rayBinFolder(part.slice('ray-'.length)), 'ray');
}
