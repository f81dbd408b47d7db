import { signal } from '@preact/signals';
import type { JSX } from 'preact';

// Light or dark: the system's setting, or the reader's choice.

const SCHEMES = ['', 'light', 'dark'] as const;
type Scheme = (typeof SCHEMES)[number];

const KEY = 'ray-otel-bridge-colours';
const WORDS: Readonly<Record<Scheme, string>> = { '': 'as the system', light: 'light', dark: 'dark' };
const ICONS: Readonly<Record<Scheme, string>> = { '': '◐', light: '☀', dark: '☾' };

const scheme = signal<Scheme>('');

function apply(wanted: Scheme): void {
  scheme.value = wanted;
  const { dataset } = document.documentElement;
  if (wanted === '') delete dataset['scheme'];
  else dataset['scheme'] = wanted;
}

/** A browser that blocks storage throws. */
export function applyRememberedScheme(): void {
  try {
    const kept = localStorage.getItem(KEY);
    apply(SCHEMES.find((each) => each === kept) ?? '');
  } catch {
    apply('');
  }
}

function next(): void {
  const wanted = SCHEMES[(SCHEMES.indexOf(scheme.value) + 1) % SCHEMES.length] ?? '';
  apply(wanted);
  try {
    if (wanted === '') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, wanted);
  } catch {
    // Storage is blocked: the choice lasts until the page closes.
  }
}

export function SchemeButton(): JSX.Element {
  const label = `Colours: ${WORDS[scheme.value]}`;
  return (
    <button type="button" id="scheme" class="icon" onClick={next} title={label} aria-label={label} data-scheme={scheme.value}>
      <span aria-hidden="true">{ICONS[scheme.value]}</span>
    </button>
  );
}
