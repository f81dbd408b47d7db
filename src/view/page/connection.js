'use strict';
// Tracks whether the bridge answers. While it does not, the page keeps the last data, greyed out, with their time.

/** Silence of a live stream after which the bridge counts as unreachable. The bridge sends a message at least every 5 s. */
const MAX_SILENCE_MS = 15_000;
const WATCH_MS = 2_000;

const bridgeLink = { lastDataMs: 0, isLost: false, isLive: false };

/** Records an answer of the bridge. @param {string} note text about the connection @param {boolean} isLive true: it came by the stream */
function noteAnswer(note, isLive) {
  bridgeLink.lastDataMs = Date.now();
  bridgeLink.isLive = isLive;
  showConnection(note, false);
}

/** Records that the bridge refused or did not answer. @param {number} [status] HTTP status of a refusal; 0 without an answer */
function noteLost(status = 0) {
  const asOf = bridgeLink.lastDataMs === 0 ? '' : ` Data as of ${new Date(bridgeLink.lastDataMs).toLocaleTimeString('en-GB')}.`;
  const refusal = status === 401 || status === 403 ? 'Reload the page to sign in.' : `It answers ${status}.`;
  showConnection(`${status === 0 ? 'Bridge unreachable.' : `The bridge refuses this page. ${refusal}`}${asOf}`, true);
}

/** @param {string} text @param {boolean} isLost */
function showConnection(text, isLost) {
  const at = byId('connection');
  at.classList.toggle('lost', isLost);
  setText(at, text);
  if (bridgeLink.isLost === isLost) return;
  bridgeLink.isLost = isLost;
  document.body.classList.toggle('stale', isLost);
  if (overview !== undefined) showHealth(overview.status);
  showTitle();
}

/** Detects a dead connection that the browser still considers open. */
function watchSilence() {
  if (bridgeLink.isLive && !bridgeLink.isLost && Date.now() - bridgeLink.lastDataMs > MAX_SILENCE_MS) noteLost();
}

/**
 * Asks the API. `status` is 0 when the bridge did not answer, or only a proxy did.
 * @param {string} path @returns {Promise<{status: number, answer: unknown}>} `answer` is undefined unless the status is 2xx
 */
async function askApi(path) {
  try {
    const response = await fetch(`api/v1/${path}`, { headers: { accept: 'application/json' } });
    if (response.ok) return { status: response.status, answer: await response.json() };
    const isUnreachable = response.status === 502 || response.status === 504;
    if (isUnreachable) noteLost();
    return { status: isUnreachable ? 0 : response.status, answer: undefined };
  } catch {
    noteLost();
    return { status: 0, answer: undefined };
  }
}
