'use strict';
// Whether the bridge answers. While it does not, the page keeps its last data, greyed and with their time.

/** Silence of a live stream after which the bridge counts as unreachable: it sends something every 5 s. */
const SILENCE_MAX_MS = 15_000;
const WATCH_MS = 2_000;

const bridgeLink = { lastDataMs: 0, isLost: false, isLive: false };

/** The bridge answered. @param {string} note what to say of the connection @param {boolean} isLive by its stream */
function noteAnswer(note, isLive) {
  bridgeLink.lastDataMs = Date.now();
  bridgeLink.isLive = isLive;
  showConnection(note, false);
}

/** @param {number} [status] with which the bridge refused, 0 when nobody answered */
function noteLost(status = 0) {
  const asOf = bridgeLink.lastDataMs === 0 ? '' : ` Data as of ${new Date(bridgeLink.lastDataMs).toLocaleTimeString('en-GB')}.`;
  const refusal = status === 401 || status === 403 ? 'Load the page again to sign in.' : `It answers ${status}.`;
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

/** A connection can stay open although nobody answers at its other end. */
function watchSilence() {
  if (bridgeLink.isLive && !bridgeLink.isLost && Date.now() - bridgeLink.lastDataMs > SILENCE_MAX_MS) noteLost();
}

/**
 * Asks the API. `status` is 0 when nobody answered, or only a proxy did.
 * @param {string} path @returns {Promise<{status: number, answer: unknown}>} the answer is undefined when there is no good one
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
