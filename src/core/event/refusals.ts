/** Facts that were refused, counted by name. The names come from outside, so only so many of them are kept. */
const namesMax = 200;

export class Refusals {
  readonly #counts = new Map<string, number>();

  count(type: string): void {
    const known = this.#counts.get(type);
    const name = known !== undefined || this.#counts.size < namesMax ? type : "(other)";
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Refused facts by type; `(other)` sums the names beyond the first two hundred. */
  byType(): { readonly [type: string]: number } {
    return Object.fromEntries(this.#counts);
  }
}
