import { readdirSync, readFileSync } from 'node:fs';

/** What one sender posts one after another: a recording, or a part of a generated load. */
export interface Stream {
  readonly name: string;
  readonly bodies: readonly string[];
}

/**
 * Every small recording, `rounds` times: each time under a session of its own, which makes it
 * another cluster with other ids. `only` picks some by a part of their name.
 */
export function recordedStreams(recordings: string, rounds: number, only: readonly string[] = ['']): Stream[] {
  const files = readdirSync(recordings)
    .filter((name) => name.endsWith('.ndjson') && only.some((part) => name.includes(part)))
    .sort();
  const recorded = files.map((name) => ({ name, bodies: bodiesOf(readFileSync(`${recordings}/${name}`, 'utf8')) }));
  return Array.from({ length: rounds }, (_, round) =>
    recorded.map(({ name, bodies }) => ({
      name: `${name} #${round}`,
      // Session names are in the bodies as Ray wrote them, and in paths of log files.
      bodies: bodies.map((body) => body.replaceAll(/session_2[\d_-]+/g, (session) => `${session}_${name.replaceAll('.', '-')}-${round}`)),
    })),
  ).flat();
}

function bodiesOf(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { body: string }).body);
}
