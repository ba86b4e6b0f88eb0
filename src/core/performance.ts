/**
 * How a session went, from the facts of its journal alone: equity and drawdown, trades, fees, how orders were filled, and what
 * safety and the operating state did. The desk and the safety machine of the house read the facts once more, so that the
 * figures are those that the session itself had.
 */
import { createActor } from "xstate";
import type { HistoryEntry } from "#machines/operating-state.context.ts";
import type { OrderFill, OrderRecord } from "#machines/order.rules.ts";
import { type SafetyInput, type SafetyState, safetyMachine } from "#machines/safety.machine.ts";
import type { ActorEvent, FactType } from "./event/catalog.ts";
import { routeOf } from "./event/routes.ts";
import { isDeskEvent } from "./orders/desk-facts.ts";
import { type DeskInput, OrderDesk } from "./orders/order-desk.ts";
import { flatPosition, type Position } from "./orders/positions.ts";
import type { DayPerformance, EquityPoint, Performance, ShownFill, StateChange, StateHistory } from "./performance-figures.ts";
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

/** An order that was sent. */
interface Way {
  readonly approvedAt: number;
  quantity: number;
  filled: number;
  firstFillMs: number | null;
}

interface KeptFill extends ShownFill {
  readonly orderId: string;
  readonly fillId: string;
}

/** Of one that was taken back it came back too. */
const feeOf = ({ quantity, feeMinor }: Pick<OrderFill, "quantity" | "feeMinor">): number => (quantity > 0 ? feeMinor : 0);
const noFill = { quantity: 0, priceMinor: 0, feeMinor: 0 };

/** The value that so large a share of the values does not exceed; they are sorted. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;

/** @returns takes the facts of one journal in their order, each once */
export const createPerformance = (options: PerformanceOptions) => {
  const { startingCashMinor, dayOf } = options;
  const desk = new OrderDesk({ ...options.desk, finishedKept, approvalsKept: 1 });
  const timers = new Map<string, number>();
  const safety = createActor(safetyMachine, { input: options.safety });
  const safetyHistory = createStateHistory(safety.getSnapshot().value as SafetyState);
  const operatingHistory = createStateHistory(options.operating);
  const curve = createCurve();
  const fills: KeptFill[] = [];
  const days: DayPerformance[] = [];
  const ways = new Map<string, Way>();
  const denials = new Map<string, { count: number; reason: string }>();
  const holdings = new Map<string, { position: Position; markMinor: number | null; valueMinor: number; flatMinor: number }>();
  const trades = { count: 0, won: 0, lost: 0, bestMinor: 0, worstMinor: 0, wonMinor: 0, lostMinor: 0 };
  let [facts, intended, denied, lotsFilled, fillCount, betterThanLimitMinor] = [0, 0, 0, 0, 0, 0];
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

  /** Counts on a day that may be over; one that is forgotten is in no figure. */
  const countOn = (at: number, name: "fills" | "orders", by: number): void => {
    const day = dayOf(at);
    const index = days.findLastIndex((entry) => entry.day === day);
    const entry = days[index];
    if (entry !== undefined) days[index] = { ...entry, [name]: entry[name] + by };
  };

  const countFill = (at: number, order: OrderRecord, old: OrderFill | undefined, is: OrderFill): void => {
    const { orderId, symbol, side, limitPriceMinor } = order;
    const { fillId, quantity, priceMinor } = is;
    const was = old ?? noFill;
    const lots = quantity - was.quantity;
    lotsFilled += lots;
    const shown = { orderId, fillId, at, symbol, side, quantity, priceMinor };
    const index = was.quantity > 0 ? fills.findLastIndex((fill) => fill.fillId === fillId && fill.orderId === orderId) : -1;
    const kept = fills[index];
    if (was.quantity === 0 && quantity > 0) keepNewest(fills, shown, fillsKept);
    else if (kept !== undefined) fills.splice(index, 1, ...(quantity > 0 ? [{ ...shown, at: kept.at }] : []));
    const more = Number(quantity > 0) - Number(was.quantity > 0);
    fillCount += more;
    today({ feesMinor: (fees) => fees + feeOf(is) - feeOf(was) });
    countOn(kept?.at ?? at, "fills", more);
    const way = ways.get(orderId);
    if (way !== undefined) {
      if (lots > 0) way.firstFillMs ??= at - way.approvedAt;
      way.filled += lots;
    }
    if (limitPriceMinor === null) return;
    const better = (fill: typeof noFill): number =>
      (side === "buy" ? limitPriceMinor - fill.priceMinor : fill.priceMinor - limitPriceMinor) * fill.quantity;
    betterThanLimitMinor += (better(is) - better(was)) * desk.lotSizeOf(symbol);
  };

  /** As the desk counts them: a fact may change other fills than the one it names, those that waited for room. */
  const countFills = (at: number, before: OrderRecord, order: OrderRecord): void => {
    if (order.fills === before.fills) return;
    let mark: { readonly markMinor: number } | undefined;
    for (const [place, is] of order.fills.entries()) {
      const old = before.fills[place];
      if (old?.quantity === is.quantity && old.priceMinor === is.priceMinor && old.feeMinor === is.feeMinor) continue;
      countFill(at, order, old, is);
      if (is.quantity > (old?.quantity ?? 0)) mark = { markMinor: is.priceMinor };
    }
    // What is only taken back closes no trade and is no price.
    hold(order.symbol, { position: desk.position(order.symbol), ...mark }, mark !== undefined);
    valued();
  };

  const takeOrder = (event: ActorEvent): void => {
    if (!isDeskEvent(event)) return;
    const outcomes = desk.handle(event, (effect) => {
      if (effect.type === "timer.set") timers.set(effect.id, effect.at);
      else if (effect.type === "timer.clear") timers.delete(effect.id);
    });
    if (event.type === "order.intended") intended += 1;
    for (const { orderId, before, order, refusal } of outcomes) {
      if (order === undefined) continue;
      if (event.type === "order.approved" && refusal === null) {
        ways.set(orderId, { approvedAt: event.at, quantity: order.ordered, filled: 0, firstFillMs: null });
        today({ orders: (count) => count + 1 });
      }
      if (event.type === "order.denied" && refusal === null) {
        const { code, reason } = event;
        denied += 1;
        denials.set(code, { count: (denials.get(code)?.count ?? 0) + 1, reason });
        today({ denied: (count) => count + 1 });
      }
      const way = ways.get(orderId);
      if (way !== undefined) way.quantity = order.ordered;
      // Approved, and stopped at the fence before it left, or unknown to the venue.
      if (way !== undefined && order.ended === "denied") {
        ways.delete(orderId);
        countOn(way.approvedAt, "orders", -1);
      }
      if (before !== undefined) countFills(event.at, before, order);
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
      const sent = [...ways.values()];
      const firstFills = sent.flatMap(({ firstFillMs }) => firstFillMs ?? []).sort((one, other) => one - other);
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
          sent: sent.length,
          denied,
          denials: [...denials]
            .map(([code, found]) => ({ code, ...found }))
            .sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1)),
          filled: sent.filter((way) => way.filled >= way.quantity).length,
          partlyFilled: sent.filter((way) => way.filled > 0 && way.filled < way.quantity).length,
          unfilled: sent.filter((way) => way.filled === 0).length,
          lotsSent: sent.reduce((sum, { quantity }) => sum + quantity, 0),
          lotsFilled,
          firstFillMs: firstFills.length === 0 ? null : { p50: percentile(firstFills, 0.5), p95: percentile(firstFills, 0.95) },
          betterThanLimitMinor,
        },
        positions: [...holdings.values()]
          .filter(({ position }) => position.quantity !== 0)
          .map(({ position: { symbol, quantity, costMinor }, markMinor }) => ({ symbol, quantity, costMinor, markMinor })),
        safety: safetyHistory.shown(),
        operating: operatingHistory.shown(),
        days: days.slice(-daysKept),
        fills: fills.slice(-fillsKept).map(({ orderId: _, fillId: __, ...fill }) => fill),
        fillCount,
      };
    },
  };
};
