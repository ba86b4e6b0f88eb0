/**
 * The operating state's metrics from fills and marks (spec S21), each with the time it was true.
 *
 * Performance is an index that starts at 1 and moves with the account's equity; money paid in or out does not move it, or a
 * deposit would look like profit and raise risk. A trading day is the name that `dayOf` gives a time, so that the exchange's
 * calendar decides and not UTC midnight.
 */
import { dayMs } from "#machines/durations.ts";
import type { Measured, OperatingMetrics } from "#machines/operating-state.metrics.ts";
import type { Side } from "../instrument.ts";
import { flatPosition, type Position, withFill } from "../orders/positions.ts";

/** An annualised rate over less than this says nothing, and could be anything. */
const cagrDaysMin = 90;
const winRateDays = 30;
const yearDays = 365.25;

const noMark = "no price has come yet, and nothing is held";
/** Everything that a mark brings into being. */
const untilTheFirstMark: OperatingMetrics["notYet"] = {
  drawdown: noMark,
  consecutiveScalpLosses: noMark,
  dailyLoss: noMark,
  circuitBreaker: noMark,
  profitableDays: noMark,
  cagr: noMark,
  growth: noMark,
  winRate: noMark,
};

export interface TransitionMetricsOptions {
  readonly startingCashMinor: number;
  /** Trading days that the high-water mark and the growth look back. */
  readonly highWaterDays: number;
  readonly targetCagr: number;
  /** Name of the trading day that a time belongs to, for example "2024-03-05". */
  readonly dayOf: (at: number) => string;
}

export interface MeteredFill {
  readonly at: number;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
  readonly feeMinor: number;
  readonly lotSize: number;
  /** Scalp trades count towards the loss streak. */
  readonly scalp: boolean;
}

interface Day {
  readonly day: string;
  /** Highest and last index of the day. */
  readonly high: number;
  readonly close: number;
}

interface Trades {
  readonly at: number;
  readonly won: boolean;
}

interface Holding {
  readonly position: Position;
  readonly lotSize: number;
  readonly markMinor: number;
  /** Cash less fees when the position was last flat. */
  readonly flatCashMinor: number;
}

/** Plain data; what a restart must bring back, since marks are not journaled. */
export interface TransitionMetricsState {
  readonly cashMinor: number;
  readonly equityMinor: number;
  /** Equity per index point: the starting cash, scaled with every payment. */
  readonly unitMinor: number;
  readonly startedAt: number | null;
  readonly markedAt: number | null;
  readonly days: readonly Day[];
  readonly profitableDays: number;
  readonly lossStreak: number;
  readonly trades: readonly Trades[];
  readonly holdings: { readonly [symbol: string]: Holding };
  readonly vix: Measured<number> | null;
  readonly circuitBreaker: boolean;
}

/** What a symbol's position has become. */
export interface MeteredPosition {
  readonly at: number;
  readonly position: Position;
  readonly lotSize: number;
  /** Its value, when nothing was known of the symbol before. */
  readonly priceMinor: number;
  /** A position that was taken back was no trade. */
  readonly isTrade: boolean;
  readonly scalp: boolean;
}

export interface TransitionMetrics {
  readonly fill: (fill: MeteredFill) => void;
  /** Whatever led to it: fills may come late, be taken back or corrected. What is known already changes nothing. */
  readonly become: (position: MeteredPosition) => void;
  /** The last traded price of a symbol that is held or may be. */
  readonly mark: (symbol: string, priceMinor: number, at: number) => void;
  /** Money paid into the account, or out when negative. */
  readonly pay: (amountMinor: number, at: number) => void;
  readonly vix: (value: number, at: number) => void;
  /** The exchange has halted the market, or opened it again. */
  readonly circuitBreaker: (isHalted: boolean, at: number) => void;
  /** The body of `operating.metrics.measured`. */
  readonly measure: () => OperatingMetrics;
  readonly state: () => TransitionMetricsState;
}

const emptyState = ({ startingCashMinor }: TransitionMetricsOptions): TransitionMetricsState => ({
  cashMinor: startingCashMinor,
  equityMinor: startingCashMinor,
  unitMinor: startingCashMinor,
  startedAt: null,
  markedAt: null,
  days: [],
  profitableDays: 0,
  lossStreak: 0,
  trades: [],
  holdings: {},
  vix: null,
  circuitBreaker: false,
});

/**
 * @param state of an earlier run, to go on from
 * @returns the meter; a mark costs O(1), and at most `highWaterDays` days and 30 days of trades are kept
 */
export const createTransitionMetrics = (
  options: TransitionMetricsOptions,
  state: TransitionMetricsState = emptyState(options),
): TransitionMetrics => {
  const { highWaterDays, targetCagr, dayOf } = options;
  let { cashMinor, equityMinor, unitMinor, startedAt, markedAt, profitableDays, lossStreak, vix, circuitBreaker } = state;
  const holdings = new Map<string, Holding>(Object.entries(state.holdings));
  let days: Day[] = [...state.days];
  let trades: Trades[] = [...state.trades];

  /** A quotient and not a running product: the same equity is the same index to the last bit, so a flat day stays flat. */
  const indexNow = (): number => Math.max(equityMinor, 0) / unitMinor;

  /** The day before the newest one ended: was it profitable? A flat day neither counts nor resets. */
  const closeDay = (): void => {
    const closed = days.at(-1);
    const open = days.at(-2)?.close ?? 1;
    if (closed === undefined) return;
    if (closed.close > open) profitableDays += 1;
    else if (closed.close < open) profitableDays = 0;
  };

  const observe = (at: number): void => {
    startedAt ??= at;
    // A mark that comes late changes the equity, but not the day that has begun since.
    markedAt = Math.max(markedAt ?? at, at);
    const day = dayOf(markedAt);
    const index = indexNow();
    const today = days.at(-1);
    if (today?.day === day) {
      days[days.length - 1] = { day, high: Math.max(today.high, index), close: index };
      return;
    }
    closeDay();
    days.push({ day, high: index, close: index });
    // One more than the window: the day before it is where the growth starts.
    if (days.length > highWaterDays + 1) days = days.slice(-(highWaterDays + 1));
  };

  const revalue = (changeMinor: number, at: number): void => {
    equityMinor += changeMinor;
    observe(at);
  };

  const closeTrade = (pnlMinor: number, scalp: boolean, at: number): void => {
    if (scalp && pnlMinor < 0) lossStreak += 1;
    else if (scalp && pnlMinor > 0) lossStreak = 0;
    trades.push({ at, won: pnlMinor > 0 });
  };

  const drawdown = (): number => {
    const window = days.slice(-highWaterDays);
    const index = indexNow();
    const high = window.reduce((max, day) => Math.max(max, day.high), index);
    return high === 0 ? 1 : (high - index) / high;
  };

  const become = ({ at, position, lotSize, priceMinor, isTrade, scalp }: MeteredPosition): void => {
    const { symbol } = position;
    const held = holdings.get(symbol) ?? { position: flatPosition(symbol), lotSize, markMinor: priceMinor, flatCashMinor: 0 };
    const before = held.position;
    const lots = position.quantity - before.quantity;
    const clearedMinor = position.cashMinor - position.feesMinor;
    const paidMinor = clearedMinor - (before.cashMinor - before.feesMinor);
    if (lots === 0 && paidMinor === 0 && position.feesMinor === before.feesMinor) return;
    cashMinor += paidMinor;
    const isFlat = position.quantity === 0;
    if (isFlat && lots !== 0 && isTrade) closeTrade(clearedMinor - held.flatCashMinor, scalp, at);
    holdings.set(symbol, { ...held, position, flatCashMinor: isFlat ? clearedMinor : held.flatCashMinor });
    revalue(paidMinor + lots * lotSize * held.markMinor, at);
  };

  return {
    fill: ({ at, symbol, side, quantity, priceMinor, feeMinor, lotSize, scalp }) => {
      const held = holdings.get(symbol)?.position ?? flatPosition(symbol);
      const position = withFill(held, { symbol, side, quantity, priceMinor, feeMinor, lotSize });
      become({ at, position, lotSize, priceMinor, isTrade: true, scalp });
    },
    become,
    mark: (symbol, priceMinor, at) => {
      const held = holdings.get(symbol);
      if (held === undefined) return observe(at);
      const change = held.position.quantity * held.lotSize * (priceMinor - held.markMinor);
      holdings.set(symbol, { ...held, markMinor: priceMinor });
      revalue(change, at);
    },
    pay: (amountMinor, at) => {
      if (equityMinor > 0) unitMinor *= (equityMinor + amountMinor) / equityMinor;
      cashMinor += amountMinor;
      equityMinor += amountMinor;
      observe(at);
    },
    vix: (value, at) => {
      vix = { value, at };
    },
    circuitBreaker: (isHalted, at) => {
      circuitBreaker = isHalted;
      observe(at);
    },
    measure: () => {
      if (markedAt === null || startedAt === null) return { vix, notYet: untilTheFirstMark };
      const at = markedAt;
      const index = indexNow();
      trades = trades.filter((trade) => trade.at > at - winRateDays * dayMs);
      const elapsedDays = (at - startedAt) / dayMs;
      const previousClose = days.at(-2)?.close ?? 1;
      const windowOpen = days.length > highWaterDays ? (days[0] as Day).close : 1;
      const measured = <T>(value: T): Measured<T> => ({ value, at });
      const growth = windowOpen === 0 ? null : measured(index / windowOpen - 1);
      return {
        drawdown: measured(drawdown()),
        vix,
        consecutiveScalpLosses: measured(lossStreak),
        dailyLoss: measured(previousClose === 0 ? 1 : Math.max(0, 1 - index / previousClose)),
        circuitBreaker: measured(circuitBreaker),
        profitableDays: measured(profitableDays),
        cagr: elapsedDays < cagrDaysMin ? null : measured(index ** (yearDays / elapsedDays) - 1),
        targetCagr: measured(targetCagr),
        growth,
        winRate: trades.length === 0 ? null : measured(trades.filter(({ won }) => won).length / trades.length),
        notYet: {
          ...(elapsedDays < cagrDaysMin
            ? { cagr: `an annual rate needs ${cagrDaysMin} days of marks, ${Math.floor(elapsedDays)} so far` }
            : {}),
          ...(trades.length === 0 ? { winRate: `no trade has ended in the last ${winRateDays} days` } : {}),
        },
      };
    },
    state: () => ({
      cashMinor,
      equityMinor,
      unitMinor,
      startedAt,
      markedAt,
      days,
      profitableDays,
      lossStreak,
      trades,
      holdings: Object.fromEntries(holdings),
      vix,
      circuitBreaker,
    }),
  };
};
