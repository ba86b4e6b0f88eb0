/** What the check of an archive counts and finds; `qts archive check --json` prints it whole. */
import type { Stream } from "./paths.ts";

export interface ArchiveReport {
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  readonly streams: { readonly [S in Stream]: { readonly files: number; readonly rows: number } };
  /** Lines that cannot be read, not UTF-8 among them, the last one of a file without its newline apart. */
  readonly badLines: number;
  readonly tornFiles: number;
  /** Rows of an unknown schema, with a field missing or impossible, or whose figures do not add up with the row before. */
  readonly impossible: number;
  /** Rows that follow no contract that is known here, or whose market or year has no calendar to judge silence by. */
  readonly unjudged: number;
  readonly duplicates: number;
  /** Rows whose exchange time lies before that of the row above of the same symbol. */
  readonly outOfOrder: number;
  /** Of these, rows that do not say so; and numbers that go back. */
  readonly unordered: number;
  /** Rows in a segment that begins after them, which is where late rows go; and rows that belong to another day. */
  readonly late: number;
  readonly misplaced: number;
  /** Lines behind the trusted end of a segment whose fsync failed: they are repeated elsewhere and not read. */
  readonly suspectLines: number;
  /** Files that are not segments: torn tails kept aside, and others; in a stream's folder the latter are foreign. */
  readonly otherFiles: number;
  readonly foreignFiles: number;
  /** Segments that the system stream names and that are not there, or are shorter than it says. */
  readonly lostFiles: number;
  readonly gaps: {
    readonly quiet: number;
    readonly hole: number;
    readonly refused: number;
    readonly lost: number;
    /** Lines that declare as missing, or as silent, what is there. */
    readonly wrong: number;
    /** Silences in session without a line, of rows whose numbers show that nothing is missing. */
    readonly undeclaredQuiet: number;
    /** Silences in session without a line, of rows without such numbers: nobody can say whether something is missing. */
    readonly undeclared: number;
  };
  /** Rows of the source that are not in the archive; `beginning`: before the first one seen, removed by retention or lost. */
  readonly missing: { readonly declared: number; readonly silent: number; readonly beginning: number };
  /** The first hundred findings, each with its place. */
  readonly problems: readonly string[];
  /** There are rows, and nothing is bad, torn, impossible, unjudged, doubled, misplaced or silently missing. */
  readonly ok: boolean;
}
