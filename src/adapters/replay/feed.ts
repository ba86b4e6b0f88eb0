/**
 * Recorded days as a feed, and the hand that moves the simulated clock.
 *
 * For every trade it first brings market time to the trade's own time, so that a deadline between two trades fires between
 * them, and then delivers the trade. It waits for whatever is downstream: a replay slows down, it does not drop. Of several
 * days one is in memory at a time, and the nights between them pass as fast as the machine can, with every deadline in them.
 */
import { pulled } from "#core/event/valve.ts";
import type { Clock } from "#core/ports.ts";
import type { Feed, FeedConnection, FeedOpening, RawTick, SequenceBySymbol } from "#market/ports.ts";
import type { DayHeader, RecordedDay } from "./day-format.ts";

/** The part of the simulated clock that a replay drives. */
export type ReplayClock = Pick<Clock, "now" | "monotonicMs" | "yieldToIo"> & {
  /** Moves market time; a promise when somebody must be waited for before the next trade. */
  advanceTo(at: number): Promise<void> | undefined;
};

/** A day that can be read when its turn comes. */
export interface PlayableDay {
  readonly header: DayHeader;
  /** Throws a sentence when the day cannot be read any more. */
  load(): RecordedDay;
}

export interface ReplayFeedOptions {
  /** One day, or several in the order of time. */
  readonly day: RecordedDay | readonly PlayableDay[];
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

/** The number that each symbol has reached. */
type Reached = ReadonlyMap<string, number>;

/** What of a day is played and how its trades are numbered: known once it was read, and kept when the day itself is not. */
interface DayIndex {
  readonly fromRow: number;
  readonly toRow: number;
  readonly startsAt: number;
  readonly endsAt: number;
  /** By symbol: what its numbers in the day are to be raised by. */
  readonly offsets: Float64Array;
  /** After the day. */
  readonly reached: Reached;
}

interface Part extends DayIndex {
  readonly day: RecordedDay;
  readonly sequenceOf: (row: number) => number;
  readonly symbolOf: (row: number) => string;
}

const partOf = (day: RecordedDay, index: DayIndex): Part => {
  const symbols = day.header.symbols.map(({ symbol }) => symbol);
  return {
    ...index,
    day,
    sequenceOf: (row) => (day.sequence[row] as number) + (index.offsets[day.symbol[row] as number] as number),
    symbolOf: (row) => symbols[day.symbol[row] as number] as string,
  };
};

/** @param before the numbers that the days before have reached */
const indexOf = (day: RecordedDay, hours: "regular" | "all", before: Reached): DayIndex => {
  const { header } = day;
  const [openMs, closeMs] = header.regularMs;
  const fromRow = hours === "regular" ? firstRowAt(day, header.midnightAt + openMs) : 0;
  const toRow = hours === "regular" ? firstRowAt(day, header.midnightAt + closeMs) : day.rows;
  const startsAt = hours === "regular" ? header.midnightAt + openMs : (day.exchangeAt[0] ?? header.midnightAt);
  const endsAt = hours === "regular" ? header.midnightAt + closeMs : (day.exchangeAt[day.rows - 1] ?? startsAt);
  // Numbers count from the first trade that is played, so that whoever reads the archive can tell a lost beginning too.
  const playedBefore = new Float64Array(header.symbols.length);
  for (let row = 0; row < fromRow; row++) playedBefore[day.symbol[row] as number] = day.sequence[row] as number;
  const offsets = Float64Array.from(
    header.symbols,
    ({ symbol }, which) => (before.get(symbol) ?? 0) - (playedBefore[which] as number),
  );
  const reached = new Map(before);
  const { symbolOf, sequenceOf } = partOf(day, { fromRow, toRow, startsAt, endsAt, offsets, reached });
  for (let row = fromRow; row < toRow; row++) reached.set(symbolOf(row), sequenceOf(row));
  return { fromRow, toRow, startsAt, endsAt, offsets, reached };
};

/** A row of days of which one is in memory. */
const createShelf = (days: readonly PlayableDay[], hours: "regular" | "all") => {
  const indexes: DayIndex[] = [];
  let loaded: { readonly place: number; readonly day: RecordedDay } | undefined;

  const dayAt = (place: number): RecordedDay => {
    if (loaded?.place === place) return loaded.day;
    // The day before must be gone before the next one comes.
    loaded = undefined;
    const day = (days[place] as PlayableDay).load();
    loaded = { place, day };
    return day;
  };

  const indexAt = (place: number): DayIndex => {
    while (indexes.length <= place) {
      const before = indexes.at(-1)?.reached ?? new Map<string, number>();
      indexes.push(indexOf(dayAt(indexes.length), hours, before));
    }
    return indexes[place] as DayIndex;
  };

  return { indexAt, partAt: (place: number): Part => partOf(dayAt(place), indexAt(place)) };
};

/** Market time passes a night in steps, between which somebody may want to stop. */
const nightStepMs = 900_000;

export const createReplayFeed = ({
  day,
  hours,
  speed,
  clock,
  settle = () => undefined,
  wait = realWait,
}: ReplayFeedOptions): ReplayFeed => {
  const days: readonly PlayableDay[] = "rows" in day ? [{ header: day.header, load: () => day }] : day;
  const shelf = createShelf(days, hours);
  const { startsAt } = shelf.indexAt(0);

  const tickOf = ({ day, symbolOf, sequenceOf }: Part, row: number): RawTick => {
    const venue = day.header.venues[day.venue[row] as number];
    const condition = day.header.conditions[day.condition[row] as number];
    return {
      symbol: symbolOf(row),
      exchangeAt: day.exchangeAt[row] as number,
      sequence: sequenceOf(row),
      priceMinor: day.priceMinor[row] as number,
      quantity: day.quantity[row] as number,
      // A source that does not say has none, and not an empty one.
      ...(venue ? { venue } : {}),
      ...(condition ? { condition } : {}),
      suspicious: day.suspicious[row] === 1,
    };
  };

  /** A clock has one hand: a new connection begins when the one before has let go of it. */
  let before = Promise.resolve();

  const open = ({ afterSequence = {}, valve }: FeedOpening): FeedConnection => {
    let place = 0;
    /** Rows of the day at this place, and the next of them; none of it has been played while it has not been read. */
    let [fromRow, toRow, row] = [0, 1, 0];
    /** The day that is played: here and nowhere else, because a generator that has ended keeps what it was given. */
    let part: Part | undefined;
    let stopped = false;
    /** What must be over before the next trade. */
    let pending: Promise<void> | undefined;
    let finished = Promise.resolve();

    const isDelivered = ({ sequenceOf, symbolOf }: Part, at: number): boolean =>
      sequenceOf(at) <= (afterSequence[symbolOf(at)] ?? 0);

    /** A day that is over and was delivered to its last trade is not read again. */
    const isBehind = ({ endsAt, reached }: DayIndex): boolean =>
      clock.now() >= endsAt && [...reached].every(([symbol, number]) => number <= (afterSequence[symbol] ?? 0));

    /** Trades up to `untilAt`, until something must be waited for. */
    function* tradesUntil(untilAt: number): Generator<RawTick> {
      while (part !== undefined && row < toRow && !stopped) {
        const at = part.day.exchangeAt[row] as number;
        if (at > untilAt) return;
        if (at > clock.now()) {
          pending = clock.advanceTo(at);
          if (pending !== undefined) return;
        }
        const current = row++;
        if (!isDelivered(part, current)) yield tickOf(part, current);
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

    const passNight = async (untilAt: number): Promise<void> => {
      while (!stopped && clock.now() < untilAt) {
        await moveTo(Math.min(untilAt, clock.now() + nightStepMs));
        await settle();
      }
    };

    async function* playPaced({ startsAt, endsAt }: Pick<DayIndex, "startsAt" | "endsAt">): AsyncGenerator<Iterable<RawTick>> {
      const marketStart = Math.max(clock.now(), startsAt);
      const realStart = clock.monotonicMs();
      while (!stopped) {
        const due = Math.min(endsAt, marketStart + Math.floor((clock.monotonicMs() - realStart) * speed));
        yield* deliver(due);
        await moveTo(due);
        if (due >= endsAt) return;
        const nextAt = (row < toRow ? part?.day.exchangeAt[row] : undefined) ?? endsAt;
        if (!stopped) await wait(Math.min(stepMsMax, Math.max(1, (nextAt - due) / speed)));
      }
    }

    async function* playDay(): AsyncGenerator<Iterable<RawTick>> {
      const index = shelf.indexAt(place);
      ({ fromRow, toRow } = index);
      const isOver = isBehind(index);
      row = isOver ? toRow : fromRow;
      if (isOver) return;
      if (place > 0) await passNight(index.startsAt);
      if (stopped) return;
      part = shelf.partAt(place);
      while (row < toRow && isDelivered(part, row)) row++;
      yield* speed > 0 ? playPaced(index) : deliver(index.endsAt);
      await moveTo(index.endsAt);
      part = undefined;
    }

    async function* play(): AsyncGenerator<Iterable<RawTick>> {
      const over = Promise.withResolvers<void>();
      const earlier = before;
      finished = over.promise;
      before = over.promise;
      try {
        await earlier;
        // The subscriber is in place before the first trade.
        await clock.yieldToIo();
        while (!stopped) {
          yield* playDay();
          if (stopped || place + 1 >= days.length) break;
          place += 1;
          [fromRow, toRow, row] = [0, 1, 0];
        }
      } finally {
        stopped = true;
        part = undefined;
        over.resolve();
      }
    }

    const ticks = pulled(play, valve);
    return {
      ticks,
      progress: () => (place + (toRow === fromRow ? 1 : (row - fromRow) / (toRow - fromRow))) / days.length,
      stop: () => {
        stopped = true;
        return finished;
      },
    };
  };

  return {
    name: "replay",
    startsAt,
    get endsAt() {
      return shelf.indexAt(days.length - 1).endsAt;
    },
    get expected() {
      return Object.fromEntries(shelf.indexAt(days.length - 1).reached);
    },
    open,
  };
};
