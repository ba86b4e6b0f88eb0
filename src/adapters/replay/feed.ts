/**
 * A recorded day as a feed, and the hand that moves the simulated clock.
 *
 * For every trade it first brings market time to the trade's own time, so that a deadline between two trades fires between
 * them, and then delivers the trade. It waits for whatever is downstream: a replay slows down, it does not drop.
 */
import { pulled } from "#core/event/valve.ts";
import type { Clock } from "#core/ports.ts";
import type { Feed, FeedConnection, FeedOpening, RawTick, SequenceBySymbol } from "#market/ports.ts";
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
  /** Lets everything happen that a trade set off, before the next one; a promise holds the replay until it resolves. */
  readonly settle?: () => Promise<void> | undefined;
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
  settle = () => undefined,
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

  const open = ({ afterSequence = {}, valve }: FeedOpening): FeedConnection => {
    let row = fromRow;
    let stopped = false;
    /** What must be over before the next trade. */
    let pending: Promise<void> | undefined;
    let finished = Promise.resolve();

    const isDelivered = (at: number): boolean => sequenceOf(at) <= (afterSequence[symbolOf(at)] ?? 0);

    /** Trades up to `untilAt`, until something must be waited for. */
    function* tradesUntil(untilAt: number): Generator<RawTick> {
      while (row < toRow && !stopped && (day.exchangeAt[row] as number) <= untilAt) {
        const at = day.exchangeAt[row] as number;
        if (at > clock.now()) {
          pending = clock.advanceTo(at);
          if (pending !== undefined) return;
        }
        const current = row++;
        if (!isDelivered(current)) yield tickOf(current);
        pending = settle();
        if (pending !== undefined) return;
      }
    }

    async function* deliver(untilAt: number): AsyncGenerator<Iterable<RawTick>> {
      for (;;) {
        yield tradesUntil(untilAt);
        if (pending === undefined) return;
        await pending;
        pending = undefined;
      }
    }

    const moveTo = async (at: number): Promise<void> => {
      if (at <= clock.now() || stopped) return;
      await clock.advanceTo(at);
    };

    async function* playPaced(): AsyncGenerator<Iterable<RawTick>> {
      const marketStart = Math.max(clock.now(), startsAt);
      const realStart = clock.monotonicMs();
      while (!stopped) {
        const due = Math.min(endsAt, marketStart + Math.floor((clock.monotonicMs() - realStart) * speed));
        yield* deliver(due);
        await moveTo(due);
        if (due >= endsAt) return;
        const nextAt = row < toRow ? (day.exchangeAt[row] as number) : endsAt;
        if (!stopped) await wait(Math.min(stepMsMax, Math.max(1, (nextAt - due) / speed)));
      }
    }

    async function* play(): AsyncGenerator<Iterable<RawTick>> {
      const over = Promise.withResolvers<void>();
      finished = over.promise;
      try {
        // The subscriber is in place before the first trade.
        await clock.yieldToIo();
        while (row < toRow && isDelivered(row)) row++;
        yield* speed > 0 ? playPaced() : deliver(endsAt);
        await moveTo(endsAt);
      } finally {
        stopped = true;
        over.resolve();
      }
    }

    const ticks = pulled(play, valve);
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
