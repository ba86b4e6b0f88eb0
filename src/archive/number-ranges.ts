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
    // The first range that begins after the value.
    let [low, high] = [0, this.#firsts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] as number) <= value) low = middle + 1;
      else high = middle;
    }
    const before = low - 1;
    if (before >= 0 && value <= (this.#lasts[before] as number)) return false;
    const touchesBefore = before >= 0 && (this.#lasts[before] as number) === value - 1;
    const touchesAfter = low < this.#firsts.length && (this.#firsts[low] as number) === value + 1;
    if (touchesBefore && touchesAfter) {
      this.#lasts[before] = this.#lasts[low] as number;
      this.#firsts.splice(low, 1);
      this.#lasts.splice(low, 1);
    } else if (touchesBefore) this.#lasts[before] = value;
    else if (touchesAfter) this.#firsts[low] = value;
    else {
      this.#firsts.splice(low, 0, value);
      this.#lasts.splice(low, 0, value);
    }
    return true;
  }

  addRange(first: number, last: number): void {
    for (let value = first; value <= last; value++) this.add(value);
  }

  has(value: number): boolean {
    return this.#firsts.some((first, index) => first <= value && value <= (this.#lasts[index] as number));
  }

  get last(): number | undefined {
    return this.#lasts.at(-1);
  }

  /** What is absent between `from` and `to`, both inclusive. */
  holes(from: number, to: number): readonly NumberRange[] {
    const holes: NumberRange[] = [];
    let next = from;
    for (const [index, first] of this.#firsts.entries()) {
      const last = this.#lasts[index] as number;
      if (last < next) continue;
      if (first > to) break;
      if (first > next) holes.push({ first: next, last: Math.min(first - 1, to) });
      next = last + 1;
    }
    if (next <= to) holes.push({ first: next, last: to });
    return holes;
  }

  get first(): number | undefined {
    return this.#firsts[0];
  }
}
