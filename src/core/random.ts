/**
 * Seeded randomness, so that sampling, jitter and simulated faults can be replayed. Not for secrets.
 *
 * mulberry32: 32 bits of state, passes gjrand's tests for this use, and is twelve lines that need no library.
 *
 * @param seed any integer; only its low 32 bits count
 * @returns a generator of numbers in [0, 1); the same seed gives the same sequence
 */
export const createRandom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};
