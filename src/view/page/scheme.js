'use strict';
// Light or dark: the system's setting, or the reader's choice.

const SCHEME_KEY = 'ray-otel-bridge-colours';

/** The stored choice. A browser that blocks storage throws. @returns {string} */
function rememberedScheme() {
  try {
    return localStorage.getItem(SCHEME_KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} scheme */
function rememberScheme(scheme) {
  try {
    if (scheme === '') localStorage.removeItem(SCHEME_KEY);
    else localStorage.setItem(SCHEME_KEY, scheme);
  } catch {
    // Storage is blocked: the choice lasts until the page closes.
  }
}

/** @param {string} scheme */
function applyScheme(scheme) {
  const { dataset } = document.documentElement;
  if (scheme === 'light' || scheme === 'dark') dataset['scheme'] = scheme;
  else delete dataset['scheme'];
}

function setUpScheme() {
  const select = byId('scheme');
  if (!(select instanceof HTMLSelectElement)) return;
  const scheme = rememberedScheme();
  select.value = scheme === 'light' || scheme === 'dark' ? scheme : '';
  applyScheme(select.value);
  select.addEventListener('change', () => {
    applyScheme(select.value);
    rememberScheme(select.value);
  });
}
