/**
 * Signal that aborts with `stop`, or after `ms`.
 *
 * `AbortSignal.any([stop, AbortSignal.timeout(ms)])` is not enough: Node refers weakly to the sources of a combined signal, so the garbage
 * collector can take the timeout, which then never fires. The timer here keeps its controller. Source: https://github.com/nodejs/node/issues/57736
 */
export function withTimeLimit(stop: AbortSignal, ms: number): AbortSignal {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new DOMException('The time limit was reached.', 'TimeoutError'));
  }, ms).unref();
  const either = AbortSignal.any([stop, limit.signal]);
  const disarm = (): void => {
    clearTimeout(timer);
  };
  either.addEventListener('abort', disarm, { once: true });
  return either;
}
