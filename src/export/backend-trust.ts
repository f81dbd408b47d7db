/**
 * Decides whether a backend's refusal is about the span or about the set-up.
 *
 * A wrong port, protocol, proxy or tenant refuses every span, and so does a backend that breaks later. A refusal is therefore final
 * only while both hold:
 * 1. The backend has accepted a span since the exporter was last configured: since the process started, or since its certificates changed.
 * 2. It has refused fewer than `maxRefusedInARow` spans since it last accepted one.
 *
 * So a wrong set-up costs no span, a backend that begins to refuse everything costs at most `maxRefusedInARow`, and a bad span among
 * good ones does not stay in their way.
 */
export class BackendTrust {
  readonly #maxRefusedInARow: number;
  readonly #isBlind: boolean;
  #hasAccepted = false;
  #refusedInARow = 0;

  /** @param isBlind every refusal is final, for a caller that keeps what is refused. */
  constructor(maxRefusedInARow: number, isBlind: boolean) {
    this.#maxRefusedInARow = maxRefusedInARow;
    this.#isBlind = isBlind;
  }

  /** True once the backend has accepted a span since it was last configured. */
  get hasAccepted(): boolean {
    return this.#hasAccepted;
  }

  /** How many more spans may be refused before the backend has to accept one. */
  get credit(): number {
    if (this.#isBlind) return Number.POSITIVE_INFINITY;
    return this.#hasAccepted ? Math.max(0, this.#maxRefusedInARow - this.#refusedInARow) : 0;
  }

  accepted(): void {
    this.#hasAccepted = true;
    this.#refusedInARow = 0;
  }

  refused(spans: number): void {
    this.#refusedInARow += spans;
  }

  reconfigured(): void {
    this.#hasAccepted = false;
    this.#refusedInARow = 0;
  }
}
