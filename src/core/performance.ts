/**
 * How a session went, from the facts of its journal alone: equity and drawdown, trades, fees, how orders were filled, and what
 * safety and the operating state did. The desk and the safety machine of the house read the facts once more, so that the
 * figures are those that the session itself had.
 */
import { createActor } from "xstate";
import type { HistoryEntry } from "#machines/operating-state.context.ts";
import type { OrderRecord } from "#machines/order.rules.ts";
import { type SafetyInput, type SafetyState, safetyMachine } from "#machines/safety.machine.ts";
import type { ActorEvent, FactType } from "./event/catalog.ts";
import { LatencyHistogram } from "./event/latency.ts";
import { routeOf } from "./event/routes.ts";
import type { Side } from "./instrument.ts";
import { isDeskEvent } from "./orders/desk-facts.ts";
import { type DeskInput, OrderDesk } from "./orders/order-desk.ts";
import { flatPosition, type Position } from "./orders/positions.ts";
import type { Marks } from "./state/account-metrics.ts";

export interface PerformanceOptions {
  readonly startingCashMinor: number;
  readonly desk: Omit<DeskInput, "finishedKept" | "approvalsKept">;
  readonly safety: SafetyInput;
  /** The operating state that a new session begins in. */
  readonly operating: string;
  /** Name of the trading day that a time belongs to. */
  readonly dayOf: (at: number) => string;
}

/** Money in minor units, times in epoch ms. */
export interface EquityPoint {
  readonly at: number;
  readonly equityMinor: number;
}

export interface StateChange {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

export interface StateHistory {
  /** How long each state was in force, ms. */
  readonly lasted: { readonly [state: string]: number };
  /** The newest of them, oldest first. */
  readonly changes: readonly StateChange[];
  readonly changeCount: number;
}

export interface DayPerformance {
  readonly day: string;
  readonly openMinor: number;
  readonly closeMinor: number;
  readonly highMinor: number;
  readonly lowMinor: number;
  readonly feesMinor: number;
  readonly fills: number;
  /** Positions that were opened and closed again, by the day of the close. */
  readonly trades: number;
  readonly won: number;
  /** Orders that went to the venue. */
  readonly orders: number;
  readonly denied: number;
}

export interface ShownFill {
  readonly at: number;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
}

export interface Performance {
  /** Of the first and the last fact; null without any. */
  readonly from: number | null;
  readonly to: number | null;
  readonly facts: number;
  readonly startMinor: number;
  readonly endMinor: number;
  readonly feesMinor: number;
  /** The deepest fall from a high; null when equity never fell. */
  readonly drawdown: {
    readonly share: number;
    readonly high: EquityPoint;
    readonly low: EquityPoint;
  } | null;
  /** At most 4,000 points, evenly thinned. */
  readonly curve: readonly EquityPoint[];
  readonly trades: {
    readonly count: number;
    readonly won: number;
    readonly lost: number;
    readonly bestMinor: number;
    readonly worstMinor: number;
    readonly wonMinor: number;
    readonly lostMinor: number;
  };
  readonly orders: {
    readonly intended: number;
    readonly sent: number;
    readonly denied: number;
    /** One row per code, the most frequent first, with the newest reason. */
    readonly denials: readonly { readonly code: string; readonly count: number; readonly reason: string }[];
    readonly filled: number;
    readonly partlyFilled: number;
    readonly unfilled: number;
    readonly lotsSent: number;
    readonly lotsFilled: number;
    /** Approval to first fill, ms of the session's own time; null without a fill. */
    readonly firstFillMs: { readonly p50: number; readonly p95: number } | null;
    /** What limit orders were filled better than their limit, in minor units. */
    readonly betterThanLimitMinor: number;
  };
  readonly positions: readonly {
    readonly symbol: string;
    readonly quantity: number;
    readonly costMinor: number;
    readonly markMinor: number | null;
  }[];
  readonly safety: StateHistory;
  readonly operating: StateHistory;
  readonly days: readonly DayPerformance[];
  /** The newest of them, oldest first. */
  readonly fills: readonly ShownFill[];
  readonly fillCount: number;
}

const curvePointsMax = 4_000;
const changesKept = 500;
const fillsKept = 5_000;
const daysKept = 400;
/** Orders that ended long ago are told apart no longer from those that never were. */
const finishedKept = 20_000;

/** Appends, and forgets the oldest beyond `max`. */
const keepNewest = <T>(list: T[], item: T, max: number): void => {
  list.push(item);
  if (list.length >= 2 * max) list.splice(0, list.length - max);
};

const createStateHistory = (initial: string) => {
  const lasted: { [state: string]: number } = {};
  const changes: StateChange[] = [];
  let changeCount = 0;
  let [state, since]: [string, number | undefined] = [initial, undefined];
  const until = (at: number): void => {
    if (since !== undefined) lasted[state] = (lasted[state] ?? 0) + Math.max(0, at - since);
    since = Math.max(since ?? at, at);
  };
  return {
    until,
    change: (at: number, to: string, why: string): void => {
      until(at);
      keepNewest(changes, { at, from: state, to, why }, changesKept);
      changeCount += 1;
      state = to;
    },
    shown: (): StateHistory => ({ lasted, changes: changes.slice(-changesKept), changeCount }),
  };
};

/** Every other point goes when there are too many; the first and the last stay. */
const createCurve = () => {
  let points: EquityPoint[] = [];
  let step = 1;
  let skipped = 0;
  let last: EquityPoint | undefined;
  return {
    add: (point: EquityPoint): void => {
      last = point;
      skipped += 1;
      if (points.length > 0 && skipped < step) return;
      skipped = 0;
      points.push(point);
      if (points.length < curvePointsMax) return;
      points = points.filter((_, index) => index % 2 === 0);
      step *= 2;
    },
    points: (): readonly EquityPoint[] => (last === undefined || points.at(-1) === last ? points : [...points, last]),
  };
};

/** The desk makes a flat position anew each time it is asked. */
const isSame = (one: Position, other: Position): boolean =>
  one.quantity === other.quantity && one.cashMinor === other.cashMinor && one.feesMinor === other.feesMinor;

interface Way {
  readonly approvedAt: number;
  readonly quantity: number;
  filled: number;
}

/** @returns takes the facts of one journal in their order, each once */
export const createPerformance = (options: PerformanceOptions) => {
  const { startingCashMinor, dayOf } = options;
  const desk = new OrderDesk({ ...options.desk, finishedKept, approvalsKept: 1 });
  const timers = new Map<string, number>();
  const safety = createActor(safetyMachine, { input: options.safety });
  const safetyHistory = createStateHistory(safety.getSnapshot().value as SafetyState);
  const operatingHistory = createStateHistory(options.operating);
  const curve = createCurve();
  const fills: ShownFill[] = [];
  const days: DayPerformance[] = [];
  const ways = new Map<string, Way>();
  const denials = new Map<string, { count: number; reason: string }>();
  const firstFill = new LatencyHistogram();
  const holdings = new Map<string, { position: Position; markMinor: number | null; valueMinor: number; flatMinor: number }>();
  const trades = { count: 0, won: 0, lost: 0, bestMinor: 0, worstMinor: 0, wonMinor: 0, lostMinor: 0 };
  let [facts, intended, sent, denied, lotsSent, lotsFilled, fillCount, betterThanLimitMinor] = [0, 0, 0, 0, 0, 0, 0, 0];
  let from: number | null = null;
  let to: number | null = null;
  let now = 0;
  let equityMinor = startingCashMinor;
  let high: EquityPoint | undefined;
  let drawdown: Performance["drawdown"] = null;

  safety.on("timer.set", ({ id, at }) => void timers.set(id, at));
  safety.on("timer.clear", ({ id }) => void timers.delete(id));
  safety.on("safety.announce", ({ to: state, code, reason }) => safetyHistory.change(now, state, `${code}: ${reason}`));
  safety.start();

  const today = (change: Partial<{ [K in keyof DayPerformance]: (before: number) => number }> = {}): void => {
    const day = dayOf(now);
    let entry = days.at(-1);
    if (entry === undefined || (entry.day !== day && entry.day < day)) {
      const open = entry?.closeMinor ?? startingCashMinor;
      const counts = { feesMinor: 0, fills: 0, trades: 0, won: 0, orders: 0, denied: 0 };
      entry = { day, openMinor: open, closeMinor: open, highMinor: open, lowMinor: open, ...counts };
      keepNewest(days, entry, daysKept);
    }
    const changed: { [name: string]: number } = {
      closeMinor: equityMinor,
      highMinor: Math.max(entry.highMinor, equityMinor),
      lowMinor: Math.min(entry.lowMinor, equityMinor),
    };
    for (const [name, step] of Object.entries(change)) changed[name] = step(entry[name as keyof DayPerformance] as number);
    days[days.length - 1] = { ...entry, ...changed };
  };

  const valued = (): void => {
    const point = { at: now, equityMinor };
    curve.add(point);
    if (high === undefined || equityMinor >= high.equityMinor) high = point;
    const share = high.equityMinor > 0 ? 1 - equityMinor / high.equityMinor : 0;
    if (share > (drawdown?.share ?? 0)) drawdown = { share, high, low: point };
    today();
  };

  const holdingOf = (symbol: string) => {
    const known = holdings.get(symbol);
    if (known !== undefined) return known;
    const holding = { position: flatPosition(symbol), markMinor: null, valueMinor: 0, flatMinor: 0 };
    holdings.set(symbol, holding);
    return holding;
  };

  const value = (symbol: string, { position, markMinor }: { position: Position; markMinor: number | null }): number =>
    position.cashMinor -
    position.feesMinor +
    (position.quantity === 0 ? 0 : position.quantity * desk.lotSizeOf(symbol) * (markMinor ?? 0));

  const hold = (symbol: string, change: Partial<{ position: Position; markMinor: number }>, isTrade = false): void => {
    const before = holdingOf(symbol);
    const after = { ...before, ...change };
    after.valueMinor = value(symbol, after);
    equityMinor += after.valueMinor - before.valueMinor;
    const [was, is] = [before.position.quantity, after.position.quantity];
    // Flat again, or through zero to the other side.
    if (isTrade && was !== 0 && (is === 0 || Math.sign(is) !== Math.sign(was))) {
      const profitMinor = after.valueMinor - before.flatMinor;
      trades.count += 1;
      if (profitMinor > 0) trades.won += 1;
      else trades.lost += 1;
      trades.wonMinor += Math.max(0, profitMinor);
      trades.lostMinor += Math.min(0, profitMinor);
      trades.bestMinor = Math.max(trades.bestMinor, profitMinor);
      trades.worstMinor = Math.min(trades.worstMinor, profitMinor);
      after.flatMinor = after.valueMinor;
      today({ trades: (count) => count + 1, ...(profitMinor > 0 ? { won: (count: number) => count + 1 } : {}) });
    }
    holdings.set(symbol, after);
  };

  const filled = (event: Extract<ActorEvent, { type: "order.filled" | "order.partially.filled" }>, order: OrderRecord): void => {
    const { symbol, side, limitPriceMinor } = order;
    const { quantity, priceMinor, feeMinor = 0 } = event;
    fillCount += 1;
    lotsFilled += quantity;
    keepNewest(fills, { at: event.at, symbol, side, quantity, priceMinor }, fillsKept);
    const way = ways.get(order.orderId);
    if (way !== undefined) {
      if (way.filled === 0) firstFill.record(event.at - way.approvedAt);
      way.filled += quantity;
    }
    if (limitPriceMinor !== null) {
      const better = side === "buy" ? limitPriceMinor - priceMinor : priceMinor - limitPriceMinor;
      betterThanLimitMinor += better * quantity * desk.lotSizeOf(symbol);
    }
    today({ fills: (count) => count + 1, feesMinor: (fees) => fees + feeMinor });
  };

  const takeOrder = (event: ActorEvent): void => {
    if (!isDeskEvent(event)) return;
    const outcomes = desk.handle(event, (effect) => {
      if (effect.type === "timer.set") timers.set(effect.id, effect.at);
      else if (effect.type === "timer.clear") timers.delete(effect.id);
    });
    if (event.type === "order.intended") intended += 1;
    for (const { order, refusal } of outcomes) {
      if (order === undefined) continue;
      if (event.type === "order.approved" && refusal === null) {
        sent += 1;
        lotsSent += order.ordered;
        ways.set(order.orderId, { approvedAt: event.at, quantity: order.ordered, filled: 0 });
        today({ orders: (count) => count + 1 });
      }
      if (event.type === "order.denied" && refusal === null) {
        const { code, reason } = event;
        denied += 1;
        denials.set(code, { count: (denials.get(code)?.count ?? 0) + 1, reason });
        today({ denied: (count) => count + 1 });
      }
      const position = desk.position(order.symbol);
      if (isSame(position, holdingOf(order.symbol).position)) continue;
      const isFill = event.type === "order.filled" || event.type === "order.partially.filled";
      if (isFill) filled(event, order);
      hold(order.symbol, { position, ...(isFill ? { markMinor: event.priceMinor } : {}) }, isFill);
      valued();
    }
  };

  return {
    /** @param event a journaled fact with its payload beside `type` and `at` */
    take: (event: ActorEvent): void => {
      facts += 1;
      from ??= event.at;
      now = Math.max(now, event.at);
      to = now;
      if (event.type === "timer.due") {
        // One that was set anew meanwhile led to nothing.
        if (timers.get(event.id) !== event.dueAt) return;
        timers.delete(event.id);
      }
      if (facts === 1) {
        safetyHistory.until(now);
        operatingHistory.until(now);
      }
      const route = routeOf(event.type as FactType);
      if (route.includes("safety")) safety.send(event as never);
      if (route.includes("orders")) takeOrder(event);
      if (event.type === "operating.moved") {
        const { to: state, rule, reason } = event.entry as HistoryEntry;
        if (rule !== "OVERRIDE_REFUSED") operatingHistory.change(now, state, `${rule}: ${reason}`);
      }
      if (event.type === "account.marked") {
        for (const [symbol, { priceMinor }] of Object.entries(event.marks as Marks)) hold(symbol, { markMinor: priceMinor });
        valued();
      }
    },

    shown: (): Performance => {
      safetyHistory.until(now);
      operatingHistory.until(now);
      const quantities = [...ways.values()];
      return {
        from,
        to,
        facts,
        startMinor: startingCashMinor,
        endMinor: equityMinor,
        feesMinor: desk.totals().feesMinor,
        drawdown,
        curve: curve.points(),
        trades,
        orders: {
          intended,
          sent,
          denied,
          denials: [...denials]
            .map(([code, found]) => ({ code, ...found }))
            .sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1)),
          filled: quantities.filter((way) => way.filled >= way.quantity).length,
          partlyFilled: quantities.filter((way) => way.filled > 0 && way.filled < way.quantity).length,
          unfilled: quantities.filter((way) => way.filled === 0).length,
          lotsSent,
          lotsFilled,
          firstFillMs: firstFill.count === 0 ? null : { p50: firstFill.percentile(0.5), p95: firstFill.percentile(0.95) },
          betterThanLimitMinor,
        },
        positions: [...holdings.values()]
          .filter(({ position }) => position.quantity !== 0)
          .map(({ position: { symbol, quantity, costMinor }, markMinor }) => ({ symbol, quantity, costMinor, markMinor })),
        safety: safetyHistory.shown(),
        operating: operatingHistory.shown(),
        days: days.slice(-daysKept),
        fills: fills.slice(-fillsKept),
        fillCount,
      };
    },
  };
};
