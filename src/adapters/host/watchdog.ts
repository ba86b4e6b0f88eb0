/**
 * Notices from another thread that the event loop stands still: a strategy that loops for ever leaves nobody on the main thread
 * who could say so. It is told in the log, and left as a note in the home for whoever asks with a command.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Strategy } from "#core/strategy/strategy.ts";

/** Whose code has the main thread; its place in this list travels between the threads. */
export const places = [
  "QTS itself",
  "the check of the recorded days",
  "the strategy's module",
  "the strategy's evaluate",
  "the strategy's onTrade",
] as const;
export type Place = (typeof places)[number];

export interface StuckNote {
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly who: string;
}

export interface WatchdogWorkerData {
  readonly shared: SharedArrayBuffer;
  readonly stuckMs: number;
  readonly lookMs: number;
}
/** Where the thread leaves its words, once they are known. */
export interface WatchdogOutlets {
  /** Of the log; absent: standard error. */
  readonly log?: string;
  readonly note: string;
}

export interface Watchdog {
  /** From now on the main thread runs this code, until what was returned is called. */
  readonly enter: (place: Place) => () => void;
  /** Runs code of a guest under its name. */
  readonly within: <T>(place: Place, work: () => T) => T;
  /** From now on a note is left in this home. */
  readonly settleIn: (outlets: WatchdogOutlets) => void;
  readonly stop: () => Promise<void>;
}

const beatMs = 500;
/** No honest turn of the event loop takes so long. */
const stuckAfterMs = 8000;
const lookEveryMs = 1000;

export const stuckNotePath = (home: string): string => join(home, "control", "stuck.json");

/** What the watchdog of the QTS on a home has left; undefined when nothing is stuck, or nobody can tell. */
export const readStuckNote = (home: string): StuckNote | undefined => {
  try {
    return JSON.parse(readFileSync(stuckNotePath(home), "utf8")) as StuckNote;
  } catch {
    return undefined;
  }
};

/** What a person needs to know: who, since when, and that there is nothing to be afraid of. */
export const stuckText = ({ pid, since, who }: StuckNote): string =>
  `process ${pid} has not got past ${who} since ${since}. It cannot stop in order, and ending it is safe: kill -9 ${pid}; whatever it acknowledged is on disk, and the next start recovers`;

export const createWatchdog = ({ stuckMs = stuckAfterMs, lookMs = lookEveryMs } = {}): Watchdog => {
  const shared = new SharedArrayBuffer(8);
  const words = new Int32Array(shared);
  const workerData: WatchdogWorkerData = { shared, stuckMs, lookMs };
  const thread = new Worker(new URL("./watchdog.worker.ts", import.meta.url), { workerData, execArgv: [], name: "watchdog" });
  thread.unref();
  // Without it QTS runs as well; it only says less.
  thread.on("error", () => undefined);
  const beat = setInterval(() => Atomics.add(words, 0, 1), Math.min(beatMs, stuckMs / 4));
  beat.unref();
  return {
    enter: (place) => {
      const before = Atomics.exchange(words, 1, places.indexOf(place));
      return () => void Atomics.store(words, 1, before);
    },
    within: (place, work) => {
      const before = Atomics.exchange(words, 1, places.indexOf(place));
      try {
        return work();
      } finally {
        Atomics.store(words, 1, before);
      }
    },
    settleIn: (outlets) => thread.postMessage(outlets),
    stop: async () => {
      clearInterval(beat);
      await thread.terminate();
    },
  };
};

/** The strategy, each of its calls under its name. */
export const watchedStrategy = (strategy: Strategy, { within }: Watchdog): Strategy => ({
  name: strategy.name,
  evaluate: (view) => within("the strategy's evaluate", () => strategy.evaluate(view)),
  ...(strategy.onTrade === undefined
    ? {}
    : { onTrade: (trade) => within("the strategy's onTrade", () => strategy.onTrade?.(trade)) }),
});
