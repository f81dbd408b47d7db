import { hostname, networkInterfaces } from 'node:os';
import type { Machine } from './ray-variables.ts';

/** Names and addresses of the machine that this runs on; link-local ones are left out. */
export function thisMachine(): Machine {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'));
  const addresses = [...reachable.filter(({ family }) => family === 'IPv4'), ...reachable.filter(({ family }) => family !== 'IPv4')];
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}
