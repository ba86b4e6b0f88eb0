/** What a benchmark module exports: `tests/bench/NAME.bench.ts` with `export const bench: Bench`. */

export interface BenchRow {
  /** Rows of one table share their columns. */
  readonly table: string;
  readonly [column: string]: string | number;
}

export interface Bench {
  readonly name: string;
  /** One sentence: what is measured, and against what. */
  readonly describe: string;
  /** Figures only; a benchmark never fails because the machine is slow. Removes every file it wrote. */
  run(): Promise<readonly BenchRow[]>;
}
