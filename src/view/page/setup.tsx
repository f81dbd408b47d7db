import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { StatusAnswer } from '../shapes.ts';
import { CopyButton } from './parts.tsx';

const WAYS = [
  ['ray', 'ray start'],
  ['docker', 'Docker'],
  ['kuberay', 'KubeRay'],
] as const;
type Way = (typeof WAYS)[number][0];

const way = signal<Way>('ray');

/** What to do before the first event: the variables that Ray needs. */
export function Setup({ setup: { lines, needsToken } }: { setup: StatusAnswer['setup'] }): JSX.Element {
  const base = new URL('v1/events', new URL('.', location.href));
  const url = `${base.protocol}//${needsToken ? 'ray:TOKEN@' : ''}${base.host}${base.pathname}`;
  const isLoopback = /^(?:localhost|127\.|\[::1\])/.test(location.hostname);
  const notes = [
    isLoopback
      ? 'The address below works on this machine only. For other nodes, replace it with an address that they can reach, and make the bridge listen there (--listen).'
      : '',
    needsToken ? 'Replace TOKEN with one of the sender tokens.' : '',
  ];
  const text = textFor(
    way.value,
    lines.map((line) => line.replaceAll('{url}', url)),
  );
  return (
    <section id="setup" class="setup" aria-labelledby="setup-title">
      <h2 id="setup-title">Waiting for Ray's first event</h2>
      <p>
        Set these variables before Ray starts: on every node, and in the shell of each driver that calls <code>ray.init()</code>. This page
        updates when the first event arrives.
      </p>
      <p class="note">{notes.filter((note) => note !== '').join(' ')}</p>
      <div class="tabs" role="tablist" aria-label="How Ray is started">
        {WAYS.map(([id, title]) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`way-${id}`}
            aria-selected={way.value === id}
            aria-controls="setup-lines"
            onClick={() => (way.value = id)}
          >
            {title}
          </button>
        ))}
      </div>
      <pre id="setup-lines" role="tabpanel" aria-labelledby={`way-${way.value}`} tabIndex={0}>
        {text}
      </pre>
      <p>
        <CopyButton text={text} label="Copy the variables" class="button" /> No events? Run <code>ray-otel-bridge doctor</code> to find out
        why.
      </p>
      <p>
        No Ray at hand? <code>ray-otel-bridge demo --serve</code> opens this page with recorded jobs.
      </p>
    </section>
  );
}

const EXPORT = /^export (\w+)=(.*)$/;

/** The lines of a shell, as an argument of `docker run`, or as the `env` of a KubeRay pod. */
export function textFor(wanted: Way, lines: readonly string[]): string {
  if (wanted === 'ray') return lines.join('\n');
  const variables = lines.flatMap((line) => {
    const [, name, value] = EXPORT.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, unquoted(value)] as const];
  });
  if (wanted === 'docker')
    return ['docker run \\', ...variables.map(([name, value]) => `  --env ${name}=${value} \\`), '  rayproject/ray'].join('\n');
  return [
    '# of every container of the head and of the workers',
    'env:',
    ...variables.flatMap(([name, value]) => [`  - name: ${name}`, `    value: ${JSON.stringify(value)}`]),
  ].join('\n');
}

function unquoted(value: string): string {
  return value.replace(/^(['"])(.*)\1$/, '$2');
}
