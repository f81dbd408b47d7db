#!/usr/bin/env node
// Compares a lockfile of npm with advisories in the format of https://ossf.github.io/osv-schema/.
//
//   node .ci/check-advisories.mjs FOLDER [package-lock.json]
//
// FOLDER holds one JSON file for each advisory, as in https://osv-vulnerabilities.storage.googleapis.com/npm/all.zip.
// Exit code 1: an installed version is affected. Exit code 2: wrong arguments, or a folder without advisories.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, lockfile = 'package-lock.json'] = process.argv.slice(2);
if (folder === undefined) fail('usage: check-advisories.mjs FOLDER [package-lock.json]');

const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
if (files.length === 0) fail(`${folder} has no advisories`);

const installed = readInstalled(lockfile);
const findings = files.flatMap((name) => findingsOf(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
for (const finding of findings) console.log(finding);
console.log(`${findings.length} findings in ${[...installed.values()].flat().length} packages by ${files.length} advisories`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** Versions in the lockfile by package name, without the project itself. */
function readInstalled(path) {
  const versions = new Map();
  for (const [place, { version }] of Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages)) {
    const name = place.split('node_modules/').at(-1);
    if (place !== '' && version !== undefined) versions.set(name, [...(versions.get(name) ?? []), version]);
  }
  return versions;
}

function findingsOf({ id, withdrawn, summary = '', affected = [] }) {
  if (withdrawn !== undefined) return [];
  return affected
    .filter((entry) => entry.package?.ecosystem === 'npm')
    .flatMap((entry) =>
      (installed.get(entry.package.name) ?? [])
        .filter((version) => isAffected(version, entry))
        .map((version) => `${id}: ${entry.package.name} ${version} ${summary}`.trim()),
    );
}

function isAffected(version, { versions = [], ranges = [] }) {
  return versions.includes(version) || ranges.some((range) => range.type === 'SEMVER' && isInRange(version, range.events ?? []));
}

/** Events are applied in the order of their versions: `introduced` opens a range, `fixed` and `last_affected` close it. */
function isInRange(version, events) {
  const ordered = events
    .flatMap((event) => Object.entries(event).map(([kind, at]) => ({ kind, at: at === '0' ? '0.0.0-0' : at })))
    .toSorted((a, b) => compare(a.at, b.at));
  let isOpen = false;
  for (const { kind, at } of ordered) {
    const order = compare(version, at);
    if (kind === 'introduced' && order >= 0) isOpen = true;
    if (kind === 'fixed' && order >= 0) isOpen = false;
    if (kind === 'last_affected' && order > 0) isOpen = false;
  }
  return isOpen;
}

/** Precedence of https://semver.org/#spec-item-11. */
function compare(left, right) {
  const [a, b] = [parse(left), parse(right)];
  for (let index = 0; index < 3; index += 1) if (a.core[index] !== b.core[index]) return a.core[index] - b.core[index];
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let index = 0; index < Math.max(a.pre.length, b.pre.length); index += 1) {
    const order = compareIdentifiers(a.pre[index], b.pre[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function parse(version) {
  const [core = '', ...pre] = version.split('+')[0].split('-');
  const numbers = core.split('.').map(Number);
  return { core: [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0], pre: pre.length === 0 ? [] : pre.join('-').split('.') };
}

/** A missing identifier comes first, numbers come before words. */
function compareIdentifiers(left, right) {
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? -1 : 1;
  const [isLeftNumber, isRightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isLeftNumber && isRightNumber) return Number(left) - Number(right);
  if (isLeftNumber !== isRightNumber) return isLeftNumber ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
