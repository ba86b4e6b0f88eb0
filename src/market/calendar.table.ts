/** What a market's calendar is made of: a table per market says which hours a day has, `calendar.ts` answers questions of time. */

export const phases = [
  "closed",
  /** Orders or trades before the opening auction, in a book or at a price of their own. */
  "pre",
  /** Orders are gathered; nothing trades until the auction's one price. */
  "openingAuction",
  /** Continuous trading. */
  "regular",
  "closingAuction",
  /** Trades at the closing price only. */
  "closePrice",
  "after",
] as const;
/** Where in its day a market is. Halts (VI, circuit breakers) are facts of the feed, not of the calendar. */
export type Phase = (typeof phases)[number];

/** A phase begins at this many minutes of the local day, and lasts until the next one begins. */
export type PhaseStart = readonly [minutes: number, phase: Phase];

export interface MarketTable {
  /** IANA name; a day is the day of this zone. */
  readonly timeZone: string;
  /** The first and the last day whose hours are known, "2013-01-01"; undefined for a market that never closes. */
  readonly known?: { readonly from: string; readonly until: string };
  /**
   * The phases of a day, in order; before the first the market is closed. None on a day without trading. Asked for a day that is
   * not known it answers as if no holiday fell on it.
   */
  readonly phasesOf: (day: string) => readonly PhaseStart[];
  /** An auction may end so much later than its phase says, at a random moment. */
  readonly lateMsMax: number;
}

/** Minutes since midnight of "15:30". */
export const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Days of several years, written "MM-DD MM-DD …" by year. */
export const daysOf = (byYear: { readonly [year: number]: string }): ReadonlySet<string> =>
  new Set(Object.entries(byYear).flatMap(([year, days]) => days.split(" ").map((day) => `${year}-${day}`)));
