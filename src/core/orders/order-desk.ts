/**
 * The order desk: every order's state machine, hosted by a `MachineDesk`, and what follows from them: ids, positions, cash,
 * counters, whether the broker's view has been reconciled.
 *
 * Ended orders stay for late fills and duplicates as long as there is room, then leave memory. A fact for an order that is not
 * there is refused visibly and the broker is asked.
 */
import { isSettled, type OrderEffect } from "#machines/order.effects.ts";
import { createOrderMachine } from "#machines/order.machine.ts";
import {
  isInFlight,
  isTerminal,
  leavesOf,
  type OrderFact,
  type OrderInput,
  type OrderLimits,
  type OrderRecord,
  type OrderRefusal,
  type OrderStatus,
  orderStatuses,
  restoredRecord,
  type SavedOrder,
  statusOf,
} from "#machines/order.rules.ts";
import { type DeskForm, MachineDesk } from "../desks.ts";
import type { Instrument, Side } from "../instrument.ts";
import type { DeskEvent } from "./desk-facts.ts";
import { averageOf, flatPosition, type Position, realizedOf, withFill, withoutFill } from "./positions.ts";

export interface DeskInput {
  readonly limits: OrderLimits;
  readonly instruments: readonly Instrument[];
  /** Ended orders kept for late reports. */
  readonly finishedKept: number;
  /** Approvals remembered for the rate and duplicate gates. */
  readonly approvalsKept: number;
  /** The trading day that an epoch ms belongs to; the UTC day when absent. */
  readonly dayOf?: (at: number) => string;
}

/** What became of one fact. */
export interface FactOutcome {
  readonly orderId: string;
  /** The order as it was; undefined when it was not here. */
  readonly before: OrderRecord | undefined;
  readonly order: OrderRecord | undefined;
  readonly refusal: DeskRefusal | null;
}
export type DeskRefusal = Omit<OrderRefusal, "code"> & {
  readonly code: OrderRefusal["code"] | "order.not.here";
  readonly orderId: string;
};

export interface Approval {
  readonly orderId: string;
  readonly at: number;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly limitPriceMinor: number | null;
}

/** Lots and money that open orders of one symbol may still move. */
export interface OpenInterest {
  readonly buyLots: number;
  readonly sellLots: number;
  /** Sum of leaves × limit over open buy limit orders, per share. */
  readonly buyLimitMinor: number;
  /** Leaves of open buy market orders. */
  readonly buyMarketLots: number;
}

/** Everything the desk knows, as JSON. */
export interface PersistedDesk {
  readonly live: readonly SavedOrder[];
  readonly finished: readonly SavedOrder[];
  readonly positions: readonly Position[];
  readonly counts: { readonly [S in OrderStatus]: number };
  readonly total: number;
  readonly refusals: { readonly [code: string]: number };
  readonly approvals: readonly Approval[];
  readonly failures: Failures;
  readonly day: DayFigures;
  readonly trading: { readonly open: boolean; readonly why: string };
}

/** Submits in a row that the venue refused or that were lost. */
export interface Failures {
  readonly inRow: number;
  readonly lastAt: number;
}

export interface DayFigures {
  readonly day: string;
  /** Buy orders approved. */
  readonly entries: number;
  /** Realized profit less fees since the day began. */
  readonly netMinor: number;
}

/** What gates, execution route and reconciliation may read; nothing here changes the desk. */
export interface DeskView {
  /** A live or recently ended order. */
  readonly order: (orderId: string) => OrderRecord | undefined;
  readonly orderIdOf: (brokerOrderId: string) => string | undefined;
  readonly liveOrders: () => Iterable<OrderRecord>;
  readonly finishedOrders: () => Iterable<OrderRecord>;
  /** Orders whose submit is not decided yet, earliest first; at most one may be under way per symbol and side. */
  readonly undecided: (symbol: string, side: Side) => Iterable<string>;
  readonly openInterest: (symbol: string) => OpenInterest;
  readonly openSymbols: () => Iterable<string>;
  readonly position: (symbol: string) => Position;
  readonly positions: () => Iterable<Position>;
  readonly lotSizeOf: (symbol: string) => number;
  readonly approvals: () => readonly Approval[];
  readonly failures: () => Failures;
  readonly today: (at: number) => DayFigures;
  readonly counts: () => { readonly [S in OrderStatus]: number };
  readonly total: () => number;
  /** Orders whose end is still to come. */
  readonly openCount: () => number;
  readonly refusals: () => { readonly [code: string]: number };
  /** Reconciled and connected; safety is another matter. */
  readonly trading: () => { readonly open: boolean; readonly why: string };
  /** Realized profit, fees and cash of all positions together, in minor units. */
  readonly totals: () => { readonly realizedMinor: number; readonly feesMinor: number; readonly cashMinor: number };
}

type OrderMachine = ReturnType<typeof createOrderMachine>;

const notReconciled = { open: false, why: "the broker has not been reconciled yet" };
const noOutcomes: readonly FactOutcome[] = [];
const noInterest: OpenInterest = { buyLots: 0, sellLots: 0, buyLimitMinor: 0, buyMarketLots: 0 };
const zeroCounts = (): Record<OrderStatus, number> =>
  Object.fromEntries(orderStatuses.map((status) => [status, 0])) as Record<OrderStatus, number>;
/** An order's record says which status it has, so that the record is all there is to keep. */
const orderForm: DeskForm<OrderMachine, SavedOrder> = {
  save: (_, { context }) => context,
  restore: (saved) => {
    const context = restoredRecord(saved);
    return { key: context.orderId, value: statusOf(context), context };
  },
};
const template: OrderInput = {
  orderId: "template",
  symbol: "-",
  side: "buy",
  orderType: "market",
  quantity: 1,
  strategy: "-",
  at: 0,
};
const utcDay = (at: number): string => new Date(at).toISOString().slice(0, 10);

export class OrderDesk implements DeskView {
  readonly #input: DeskInput;
  readonly #orders: MachineDesk<OrderMachine, SavedOrder>;
  readonly #byBrokerOrderId = new Map<string, string>();
  readonly #undecided = new Map<string, Set<string>>();
  readonly #inFlight = new Set<string>();
  readonly #withOperator = new Set<string>();
  readonly #interest = new Map<string, OpenInterest>();
  readonly #positions = new Map<string, Position>();
  readonly #lotSizes: ReadonlyMap<string, number>;
  readonly #counts = zeroCounts();
  readonly #refusals = new Map<string, number>();
  #approvals: Approval[] = [];
  #failures: Failures = { inRow: 0, lastAt: 0 };
  #total = 0;
  #day: DayFigures = { day: "", entries: 0, netMinor: 0 };
  #trading = notReconciled;
  #outcomes: readonly FactOutcome[] = noOutcomes;

  constructor(input: DeskInput, persisted?: PersistedDesk) {
    this.#input = input;
    this.#lotSizes = new Map(input.instruments.map(({ symbol, lotSize }) => [symbol, lotSize]));
    this.#orders = new MachineDesk(
      {
        machine: createOrderMachine(input.limits),
        template,
        form: orderForm,
        isFinished: isSettled,
        finishedKept: input.finishedKept,
        forget: (orderId, { brokerOrderIds }) => {
          for (const id of brokerOrderIds) if (this.#byBrokerOrderId.get(id) === orderId) this.#byBrokerOrderId.delete(id);
        },
      },
      persisted,
    );
    if (persisted !== undefined) this.#restore(persisted);
  }

  #restore(persisted: PersistedDesk): void {
    for (const order of this.liveOrders()) this.#index(undefined, order);
    for (const order of this.finishedOrders()) this.#index(undefined, order);
    for (const position of persisted.positions) this.#positions.set(position.symbol, position);
    Object.assign(this.#counts, persisted.counts);
    for (const [code, count] of Object.entries(persisted.refusals)) this.#refusals.set(code, count);
    this.#approvals = [...persisted.approvals];
    this.#failures = persisted.failures;
    this.#total = persisted.total;
    this.#day = persisted.day;
    this.#trading = { ...persisted.trading };
  }

  persist(): PersistedDesk {
    return {
      ...this.#orders.persist(),
      positions: [...this.#positions.values()],
      counts: { ...this.#counts },
      total: this.#total,
      refusals: this.refusals(),
      approvals: this.#approvals,
      failures: this.#failures,
      day: this.#day,
      trading: { ...this.#trading },
    };
  }

  /**
   * Takes one fact.
   *
   * @param emit receives the effects in order, during the call
   * @returns what became of each order that the fact concerned; never throws
   */
  handle(event: DeskEvent, emit: (effect: OrderEffect) => void): readonly FactOutcome[] {
    this.#outcomes = this.#outcomesOf(event, emit);
    return this.#outcomes;
  }

  /** Outcomes of the last fact, once: for whoever looks on, because an actor's step returns nothing. */
  takeOutcomes(): readonly FactOutcome[] {
    const taken = this.#outcomes;
    this.#outcomes = noOutcomes;
    return taken;
  }

  #outcomesOf(event: DeskEvent, emit: (effect: OrderEffect) => void): readonly FactOutcome[] {
    switch (event.type) {
      case "order.intended":
        return [this.#open(event, emit)];
      case "timer.due": {
        const orderId = /^order\.(?:unknown|pending):(.+)$/s.exec(event.id)?.[1];
        return orderId === undefined || !this.#orders.has(orderId) ? [] : [this.#step(orderId, event, emit)];
      }
      case "session.started":
        // Whatever an earlier process knew, this one has not asked yet.
        this.#trading = notReconciled;
        return [];
      case "broker.disconnected":
        this.#trading = { open: false, why: `the broker is disconnected: ${event.reason}` };
        return [...this.#inFlight].map((orderId) => this.#step(orderId, event, emit));
      case "reconciliation.started":
        // The periodic question does not close trading: nothing has happened that would make our view doubtful.
        if (event.cause !== "timer") this.#trading = { open: false, why: `reconciling after ${event.cause}` };
        return [...this.#inFlight].map((orderId) => this.#step(orderId, event, emit));
      case "reconciliation.completed":
        this.#trading = { open: true, why: "reconciled" };
        return [];
      case "reconciliation.failed":
        this.#trading = { open: false, why: `reconciliation failed: ${event.reason}` };
        return [];
      default:
        return [this.#step(event.orderId, event, emit)];
    }
  }

  #open(event: Extract<DeskEvent, { type: "order.intended" }>, emit: (effect: OrderEffect) => void): FactOutcome {
    const { orderId } = event;
    const known = this.order(orderId);
    if (known !== undefined)
      return this.#refused(orderId, known, {
        at: event.at,
        fact: event.type,
        code: "duplicate",
        reason: "An order with this id exists.",
      });
    const { after: order, effects } = this.#orders.begin(orderId, event);
    for (const effect of effects) emit(effect);
    this.#total += 1;
    this.#counts.initialized += 1;
    this.#index(undefined, order);
    return { orderId, before: undefined, order, refusal: null };
  }

  #step(orderId: string, event: OrderFact, emit: (effect: OrderEffect) => void): FactOutcome {
    const step = this.#orders.step(orderId, event);
    if (step === undefined) return this.#unknownOrder(orderId, event, emit);
    const { before, after, effects } = step;
    if (after.refusal !== null && after !== before) {
      for (const effect of effects) emit(effect);
      return this.#refused(orderId, before, after.refusal, after);
    }
    this.#index(before, after);
    this.#learn(before, after, event);
    for (const effect of effects) if (!this.#isPremature(effect, orderId)) emit(effect);
    this.#count(before, after, event, emit);
    return { orderId, before, order: after, refusal: null };
  }

  /** FS042 is one alarm for all orders: it ends with the last of them. */
  #isPremature(effect: OrderEffect, orderId: string): boolean {
    const endsAlarm =
      (effect.type === "alert.resolved" || (effect.type === "safety.report" && effect.kind === "cleared")) &&
      effect.code === "FS042";
    return endsAlarm && [...this.#withOperator].some((other) => other !== orderId);
  }

  #unknownOrder(orderId: string, event: OrderFact, emit: (effect: OrderEffect) => void): FactOutcome {
    const reason = `${event.type} for ${orderId}, which is not in memory: it never was ours, or it ended long ago. See \`qts explain order ${orderId}\`.`;
    const isFill = event.type === "order.filled" || event.type === "order.partially.filled";
    emit({ type: isFill ? "alert.critical" : "alert.warning", code: "AN020", text: reason });
    emit({ type: "safety.report", kind: "anomaly", code: "AN020", reason });
    // Whether the fill was counted before the order left memory only the broker's positions can tell.
    if (isFill) emit({ type: "order.query", orderId });
    return this.#refused(orderId, undefined, { at: event.at, fact: event.type, code: "order.not.here", reason });
  }

  #refused(
    orderId: string,
    before: OrderRecord | undefined,
    refusal: Omit<DeskRefusal, "orderId">,
    order: OrderRecord | undefined = before,
  ): FactOutcome {
    this.#refusals.set(refusal.code, (this.#refusals.get(refusal.code) ?? 0) + 1);
    return { orderId, before, order, refusal: { ...refusal, orderId } };
  }

  /** Keeps every index in step with one order's change; O(1). */
  #index(before: OrderRecord | undefined, after: OrderRecord): void {
    const { orderId, symbol, side } = after;
    if (after.brokerOrderIds !== before?.brokerOrderIds)
      for (const id of after.brokerOrderIds) this.#byBrokerOrderId.set(id, orderId);

    const key = `${symbol} ${side}`;
    const undecided = this.#undecided.get(key);
    const isUndecided = after.isUndetermined || isInFlight(after) || statusOf(after) === "initialized";
    if (isUndecided) {
      if (undecided === undefined) this.#undecided.set(key, new Set([orderId]));
      else undecided.add(orderId);
    } else if (undecided?.delete(orderId) && undecided.size === 0) this.#undecided.delete(key);

    if (isInFlight(after)) this.#inFlight.add(orderId);
    else this.#inFlight.delete(orderId);
    if (after.owner === "operator") this.#withOperator.add(orderId);
    else this.#withOperator.delete(orderId);

    if (before !== undefined) {
      this.#counts[statusOf(before)] -= 1;
      this.#counts[statusOf(after)] += 1;
    }
    const interest = addInterest(addInterest(this.#interest.get(symbol) ?? noInterest, before, -1), after, 1);
    if (interest.buyLots === 0 && interest.sellLots === 0) this.#interest.delete(symbol);
    else this.#interest.set(symbol, interest);
  }

  /** What the gates need to remember of an order's way. */
  #learn(before: OrderRecord, after: OrderRecord, event: OrderFact): void {
    if (before.epoch === null && after.epoch !== null) {
      const { orderId, symbol, side, ordered: quantity, limitPriceMinor } = after;
      this.#approvals.push({ orderId, at: event.at, symbol, side, quantity, limitPriceMinor });
      if (this.#approvals.length > this.#input.approvalsKept) this.#approvals.shift();
      const today = this.today(event.at);
      this.#day = { ...today, entries: today.entries + (side === "buy" ? 1 : 0) };
    }
    if (after.evidence !== "none" && before.evidence === "none") this.#failures = { inRow: 0, lastAt: 0 };
    const hasFailed = statusOf(after) === "rejected" || after.isUndetermined;
    if (hasFailed && statusOf(before) !== statusOf(after)) this.#failures = { inRow: this.#failures.inRow + 1, lastAt: event.at };
  }

  /** Fills move the position; nothing else does. */
  #count(before: OrderRecord, after: OrderRecord, event: OrderFact, emit: (effect: OrderEffect) => void): void {
    if (after.fills === before.fills) return;
    const { symbol, side } = after;
    const lotSize = this.lotSizeOf(symbol);
    const was = this.position(symbol);
    let position = was;
    // Fills keep their place. A fact may move others than the one it names: those that waited for room.
    for (const [place, is] of after.fills.entries()) {
      const old = before.fills[place];
      if (old?.quantity === is.quantity && old.priceMinor === is.priceMinor && old.feeMinor === is.feeMinor) continue;
      if (old !== undefined && old.quantity > 0) position = withoutFill(position, { symbol, side, lotSize, ...old });
      if (is.quantity > 0) position = withFill(position, { symbol, side, lotSize, ...is });
    }
    if (position === was) return;
    this.#positions.set(symbol, position);
    const earned = realizedOf(position) - position.feesMinor - (realizedOf(was) - was.feesMinor);
    const today = this.today(event.at);
    this.#day = { ...today, netMinor: today.netMinor + earned };
    emit({
      type: "position.announce",
      symbol,
      quantity: position.quantity,
      averagePriceMinor: averageOf(position, lotSize),
      realizedMinor: realizedOf(position),
      feesMinor: position.feesMinor,
    });
    if (position.quantity < 0 && was.quantity >= 0) {
      const text = `the venue's fills leave ${position.quantity} lots of ${symbol}: a short position, which QTS never asks for`;
      emit({ type: "alert.critical", code: "FS070", text });
      emit({ type: "safety.report", kind: "failsafe", code: "FS070", reason: text });
    }
    if (position.quantity >= 0 && was.quantity < 0)
      emit({ type: "safety.report", kind: "cleared", code: "FS070", reason: `${symbol} is no longer short` });
  }

  order(orderId: string): OrderRecord | undefined {
    return this.#orders.context(orderId);
  }
  orderIdOf(brokerOrderId: string): string | undefined {
    return this.#byBrokerOrderId.get(brokerOrderId);
  }
  liveOrders(): Iterable<OrderRecord> {
    return this.#orders.live();
  }
  finishedOrders(): Iterable<OrderRecord> {
    return this.#orders.finished();
  }
  undecided(symbol: string, side: Side): Iterable<string> {
    return this.#undecided.get(`${symbol} ${side}`) ?? [];
  }
  openInterest(symbol: string): OpenInterest {
    return this.#interest.get(symbol) ?? noInterest;
  }
  openSymbols(): Iterable<string> {
    return this.#interest.keys();
  }
  position(symbol: string): Position {
    return this.#positions.get(symbol) ?? flatPosition(symbol);
  }
  positions(): Iterable<Position> {
    return this.#positions.values();
  }
  lotSizeOf(symbol: string): number {
    return this.#lotSizes.get(symbol) ?? 1;
  }
  approvals(): readonly Approval[] {
    return this.#approvals;
  }
  failures(): Failures {
    return this.#failures;
  }
  today(at: number): DayFigures {
    const day = (this.#input.dayOf ?? utcDay)(at);
    return this.#day.day === day ? this.#day : { day, entries: 0, netMinor: 0 };
  }
  counts(): { readonly [S in OrderStatus]: number } {
    return this.#counts;
  }
  total(): number {
    return this.#total;
  }
  openCount(): number {
    return orderStatuses.reduce((sum, status) => (isTerminal(status) ? sum : sum + this.#counts[status]), 0);
  }
  refusals(): { readonly [code: string]: number } {
    return Object.fromEntries(this.#refusals);
  }
  trading(): { readonly open: boolean; readonly why: string } {
    return this.#trading;
  }
  totals(): { readonly realizedMinor: number; readonly feesMinor: number; readonly cashMinor: number } {
    let [realizedMinor, feesMinor, cashMinor] = [0, 0, 0];
    for (const position of this.#positions.values()) {
      realizedMinor += realizedOf(position);
      feesMinor += position.feesMinor;
      cashMinor += position.cashMinor - position.feesMinor;
    }
    return { realizedMinor, feesMinor, cashMinor };
  }
}

const addInterest = (interest: OpenInterest, order: OrderRecord | undefined, sign: 1 | -1): OpenInterest => {
  const leaves = order === undefined ? 0 : leavesOf(order);
  if (order === undefined || leaves === 0) return interest;
  if (order.side === "sell") return { ...interest, sellLots: interest.sellLots + sign * leaves };
  return {
    ...interest,
    buyLots: interest.buyLots + sign * leaves,
    buyLimitMinor: interest.buyLimitMinor + sign * leaves * (order.limitPriceMinor ?? 0),
    buyMarketLots: interest.buyMarketLots + (order.limitPriceMinor === null ? sign * leaves : 0),
  };
};
