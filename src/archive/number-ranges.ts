/** A set of whole numbers that mostly arrive in order: kept as ranges, so that a day of ticks is a handful of them. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

export class NumberRanges {
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];

  /** @returns false when the number was there before */
  add(value: number): boolean {
    const end = this.#lasts.length - 1;
    if (end >= 0 && value === (this.#lasts[end] as number) + 1) {
      this.#lasts[end] = value;
      return true;
    }
    if (this.has(value)) return false;
    this.addRange(value, value);
    return true;
  }

  /** Adds every number from `first` to `last`; as cheap for all that a number can be as for one. */
  addRange(first: number, last: number): void {
    // What the range overlaps or touches becomes one with it.
    const from = this.#firstEndingAtOrAfter(first - 1);
    let to = from;
    while (to < this.#firsts.length && (this.#firsts[to] as number) <= last + 1) to += 1;
    const low = from < to ? Math.min(first, this.#firsts[from] as number) : first;
    const high = from < to ? Math.max(last, this.#lasts[to - 1] as number) : last;
    this.#firsts.splice(from, to - from, low);
    this.#lasts.splice(from, to - from, high);
  }

  has(value: number): boolean {
    const index = this.#firstEndingAtOrAfter(value);
    return index < this.#firsts.length && (this.#firsts[index] as number) <= value;
  }

  get first(): number | undefined {
    return this.#firsts[0];
  }

  get last(): number | undefined {
    return this.#lasts.at(-1);
  }

  /** What is absent between `from` and `to`, both inclusive. */
  holes(from: number, to: number): readonly NumberRange[] {
    const holes: NumberRange[] = [];
    let next = from;
    for (let index = this.#firstEndingAtOrAfter(from); index < this.#firsts.length; index++) {
      const first = this.#firsts[index] as number;
      if (first > to) break;
      if (first > next) holes.push({ first: next, last: first - 1 });
      next = (this.#lasts[index] as number) + 1;
    }
    if (next <= to) holes.push({ first: next, last: to });
    return holes;
  }

  /** How many numbers between `from` and `to`, both inclusive, are there. */
  countBetween(from: number, to: number): number {
    let count = 0;
    for (let index = this.#firstEndingAtOrAfter(from); index < this.#firsts.length; index++) {
      const first = this.#firsts[index] as number;
      if (first > to) break;
      count += Math.min(this.#lasts[index] as number, to) - Math.max(first, from) + 1;
    }
    return count;
  }

  /** Place of the first range that is not wholly below `value`. */
  #firstEndingAtOrAfter(value: number): number {
    let [low, high] = [0, this.#lasts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lasts[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How many numbers the ranges hold. */
export const countOf = (ranges: readonly NumberRange[]): number =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
