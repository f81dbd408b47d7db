'use strict';
// Light or dark: as the system has it, or as somebody chose here.

const SCHEME_KEY = 'ray-otel-bridge-colours';

/** A browser may keep nothing of a page, and then says so by throwing. @returns {string} */
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
    // It holds until the page is left.
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
