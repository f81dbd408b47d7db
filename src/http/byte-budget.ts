/** Bytes that all requests share. */
export interface ByteBudget {
  /** False, and nothing taken, when the budget has not that much left. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
  taken(): number;
}

export function createByteBudget(limitBytes: number): ByteBudget {
  let takenBytes = 0;
  return {
    take(bytes) {
      if (takenBytes + bytes > limitBytes) return false;
      takenBytes += bytes;
      return true;
    },
    giveBack(bytes) {
      takenBytes -= bytes;
    },
    taken: () => takenBytes,
  };
}
