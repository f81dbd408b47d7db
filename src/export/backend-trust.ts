/**
 * Decides whether a backend's refusal is about the span or about the configuration.
 *
 * With a wrong port, protocol, proxy or tenant every span is refused, and so it is when a backend
 * breaks later. A refusal is therefore final only while both conditions hold:
 * 1. The backend has accepted a span since the exporter was last configured: since the process
 *    started, or since its certificates changed.
 * 2. It has refused fewer than `maxRefusedInARow` spans since it last accepted one.
 *
 * So a wrong configuration loses no span. A backend that starts to refuse everything costs at most
 * `maxRefusedInARow` spans. A bad span does not block good ones.
 */
export class BackendTrust {
  readonly #maxRefusedInARow: number;
  readonly #isBlind: boolean;
  #hasAccepted = false;
  #refusedInARow = 0;

  /** @param isBlind every refusal is final, for a caller that keeps refused spans */
  constructor(maxRefusedInARow: number, isBlind: boolean) {
    this.#maxRefusedInARow = maxRefusedInARow;
    this.#isBlind = isBlind;
  }

  /** True once the backend has accepted a span since it was last configured. */
  get hasAccepted(): boolean {
    return this.#hasAccepted;
  }

  /** The number of spans that may be refused before the backend has to accept one. */
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
