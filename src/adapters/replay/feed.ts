/**
 * A recorded day as a feed, and the hand that moves the simulated clock.
 *
 * For every trade it first brings market time to the trade's own time, so that a deadline between two trades fires between
 * them, and then delivers the trade. It waits for whatever is downstream: a replay slows down, it does not drop.
 */
import { Observable, type Subscriber } from "rxjs";
import type { Clock } from "#core/ports.ts";
import type { Feed, FeedConnection, RawTick, SequenceBySymbol } from "#market/ports.ts";
import type { RecordedDay } from "./day-format.ts";

/** The part of the simulated clock that a replay drives. */
export type ReplayClock = Pick<Clock, "now" | "monotonicMs" | "yieldToIo"> & {
  /** Moves market time; a promise when somebody must be waited for before the next trade. */
  advanceTo(at: number): Promise<void> | undefined;
};

export interface ReplayFeedOptions {
  readonly day: RecordedDay;
  readonly hours: "regular" | "all";
  /** Market seconds per real second; 0 is as fast as possible. */
  readonly speed: number;
  readonly clock: ReplayClock;
  /** Asked after every trade; a promise holds the replay until it resolves. */
  readonly pause?: () => Promise<void> | undefined;
  /** Waits in real time; tests pass their own. */
  readonly wait?: (ms: number) => Promise<void>;
}

export interface ReplayFeed extends Feed {
  /** Market time before the first trade: where the simulated clock starts. */
  readonly startsAt: number;
  /** Market time at the end, exclusive for the regular session. */
  readonly endsAt: number;
  /** Trades per symbol, numbered 1 to this: the oracle of every count of loss. */
  readonly expected: SequenceBySymbol;
}

// Small enough that a waiting socket or timer is served soon, large enough that yielding costs nothing.
const sliceMs = 2;
const tradesPerClockLook = 64;
// Market time moves at least this often in real time, also when nobody trades.
const stepMsMax = 50;

const realWait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** First row with `exchangeAt >= at`. */
const firstRowAt = ({ exchangeAt, rows }: RecordedDay, at: number): number => {
  let [low, high] = [0, rows];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((exchangeAt[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const createReplayFeed = ({
  day,
  hours,
  speed,
  clock,
  pause = () => undefined,
  wait = realWait,
}: ReplayFeedOptions): ReplayFeed => {
  const { header } = day;
  const [openMs, closeMs] = header.regularMs;
  const fromRow = hours === "regular" ? firstRowAt(day, header.midnightAt + openMs) : 0;
  const toRow = hours === "regular" ? firstRowAt(day, header.midnightAt + closeMs) : day.rows;
  const startsAt = hours === "regular" ? header.midnightAt + openMs : (day.exchangeAt[0] ?? header.midnightAt);
  const endsAt = hours === "regular" ? header.midnightAt + closeMs : (day.exchangeAt[day.rows - 1] ?? startsAt);
  const symbols = header.symbols.map(({ symbol }) => symbol);

  // Numbers count from the first trade that is played, so that whoever reads the archive can tell a lost beginning too.
  const playedBefore = new Uint32Array(symbols.length);
  for (let row = 0; row < fromRow; row++) playedBefore[day.symbol[row] as number] = day.sequence[row] as number;
  const sequenceOf = (row: number): number => (day.sequence[row] as number) - (playedBefore[day.symbol[row] as number] as number);
  const symbolOf = (row: number): string => symbols[day.symbol[row] as number] as string;
  const expected: Record<string, number> = {};
  for (let row = fromRow; row < toRow; row++) expected[symbolOf(row)] = sequenceOf(row);

  const tickOf = (row: number): RawTick => ({
    symbol: symbolOf(row),
    exchangeAt: day.exchangeAt[row] as number,
    sequence: sequenceOf(row),
    priceMinor: day.priceMinor[row] as number,
    quantity: day.quantity[row] as number,
    venue: header.venues[day.venue[row] as number] as string,
    condition: header.conditions[day.condition[row] as number] as string,
    suspicious: day.suspicious[row] === 1,
  });

  const open = ({ afterSequence = {} }: { readonly afterSequence?: SequenceBySymbol }): FeedConnection => {
    let row = fromRow;
    let stopped = false;
    let finished = Promise.resolve();

    const isDelivered = (at: number): boolean => sequenceOf(at) <= (afterSequence[symbolOf(at)] ?? 0);

    /** Delivers until `row` reaches a trade later than `untilAt`. */
    const deliver = async (subscriber: Subscriber<RawTick>, untilAt: number): Promise<void> => {
      let sliceStart = clock.monotonicMs();
      while (row < toRow && !stopped && (day.exchangeAt[row] as number) <= untilAt) {
        const at = day.exchangeAt[row] as number;
        if (at > clock.now()) {
          const moved = clock.advanceTo(at);
          if (moved !== undefined) await moved;
          if (stopped) return;
        }
        const current = row++;
        if (!isDelivered(current)) subscriber.next(tickOf(current));
        const hold = pause();
        if (hold !== undefined) await hold;
        if (current % tradesPerClockLook === 0 && clock.monotonicMs() - sliceStart > sliceMs) {
          await clock.yieldToIo();
          sliceStart = clock.monotonicMs();
        }
      }
    };

    const moveTo = async (at: number): Promise<void> => {
      if (at <= clock.now() || stopped) return;
      await clock.advanceTo(at);
    };

    const playPaced = async (subscriber: Subscriber<RawTick>): Promise<void> => {
      while (row < toRow && isDelivered(row)) row++;
      const marketStart = Math.max(clock.now(), startsAt);
      const realStart = clock.monotonicMs();
      while (!stopped) {
        const due = Math.min(endsAt, marketStart + Math.floor((clock.monotonicMs() - realStart) * speed));
        await deliver(subscriber, due);
        await moveTo(due);
        if (due >= endsAt) return;
        const nextAt = row < toRow ? (day.exchangeAt[row] as number) : endsAt;
        if (!stopped) await wait(Math.min(stepMsMax, Math.max(1, (nextAt - due) / speed)));
      }
    };

    const play = async (subscriber: Subscriber<RawTick>): Promise<void> => {
      // The subscriber is in place before the first trade.
      await clock.yieldToIo();
      if (speed > 0) await playPaced(subscriber);
      else await deliver(subscriber, endsAt);
      await moveTo(endsAt);
      subscriber.complete();
    };

    const ticks = new Observable<RawTick>((subscriber) => {
      finished = play(subscriber).catch((error: unknown) => subscriber.error(error));
      return () => {
        stopped = true;
      };
    });
    return {
      ticks,
      progress: () => (toRow === fromRow ? 1 : (row - fromRow) / (toRow - fromRow)),
      stop: () => {
        stopped = true;
        return finished;
      },
    };
  };

  return { name: "replay", startsAt, endsAt, expected, open };
};
