/** What the waiting lines of P1, P2 and P3 have in common; they differ in what leaves when there is no room. */

/** Why something left a line without being handled. */
export type LeftBecause = "dropped" | "collapsed" | "sampled";

/** Told about every item that leaves without being taken, so that nothing disappears uncounted. */
export type OnLeft<T> = (item: T, because: LeftBecause) => void;

export interface LaneQueue<T> {
  readonly size: number;
  readonly capacity: number;
  /** Always admits or accounts: whatever has to leave, the new item included, is reported through `OnLeft`. */
  offer(item: T, key: string | undefined): void;
  take(): T | undefined;
  /** The next item to be taken. */
  peek(): T | undefined;
}
