/**
 * The last trade of every symbol, written at intake: it stays current while lanes are paused, when a halted house needs
 * prices more than ever (spec E5).
 */
export interface Mark {
  readonly priceMinor: number;
  readonly quantity: number;
  /** Exchange time, epoch ms. */
  readonly at: number;
  readonly sequence: number;
}

export interface MarkBook {
  get(symbol: string): Mark | undefined;
  symbols(): readonly string[];
  /** Exchange time of the newest trade of any symbol; undefined before the first. */
  newestAt(): number | undefined;
}

export class LastTrades implements MarkBook {
  readonly #marks = new Map<string, Mark>();
  #newestAt: number | undefined;

  get(symbol: string): Mark | undefined {
    return this.#marks.get(symbol);
  }
  symbols(): readonly string[] {
    return [...this.#marks.keys()];
  }
  newestAt(): number | undefined {
    return this.#newestAt;
  }
  /** A trade that is older than the mark does not replace it: late rows are archived, but they are not the price. */
  record(symbol: string, mark: Mark): void {
    const known = this.#marks.get(symbol);
    if (known !== undefined && mark.at < known.at) return;
    this.#marks.set(symbol, mark);
    if (this.#newestAt === undefined || mark.at > this.#newestAt) this.#newestAt = mark.at;
  }
}
