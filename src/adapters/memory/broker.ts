/**
 * A venue that a test holds in its hand: it does what the next script says, and its book is the truth to compare with.
 *
 * Nothing happens by itself: fills, cancels and reports come when the test asks for them. A submit is never
 * answered inside the call.
 */
import { Observable, type Subscriber } from "rxjs";
import type {
  Broker,
  BrokerExecution,
  BrokerOrder,
  BrokerReport,
  OrderRequest,
  QueryError,
  RiskApproved,
  SubmitError,
  Valve,
} from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";

/** What becomes of the next submit. */
export type SubmitScript =
  | "accept"
  /** Accepted, and its report comes before the answer. */
  | "reportFirst"
  | "reject"
  /** The request never arrives; the caller sees a time-out. */
  | "loseRequest"
  /** The order works, but the caller sees a time-out. */
  | "loseResponse"
  | "notSent"
  /** The request is stuck on its way: it arrives, and is answered, with `answerLate`. */
  | "stall"
  /** The order works, its answer comes with `answerLate`. */
  | "hold"
  | "throw";

export interface MemoryBroker extends Broker {
  /** Scripts of the next submits, in order; after them every submit is accepted. */
  readonly script: (...scripts: SubmitScript[]) => void;
  /** The venue's book by our order id. */
  readonly book: ReadonlyMap<string, BrokerOrder>;
  readonly submits: readonly OrderRequest[];
  readonly fill: (
    orderId: string,
    quantity: number,
    priceMinor: number,
    options?: { readonly silent?: boolean },
  ) => BrokerExecution;
  /** The venue ends an order without being asked. */
  readonly end: (orderId: string, status: "canceled" | "expired" | "rejected", options?: { readonly silent?: boolean }) => void;
  /** Any report, also one that is wrong or comes twice. */
  readonly report: (report: BrokerReport) => void;
  /** Answers the stalled and held submits; "unknown" loses the answers. */
  readonly answerLate: (answer?: "accepted" | "unknown") => void;
  /** Takes a fill back. */
  readonly bust: (fillId: string) => void;
  /** Changes an order, asked or unasked. */
  readonly change: (orderId: string, quantity: number) => void;
  /** An order that somebody placed by hand on the same account. */
  readonly placeByHand: (order: BrokerOrder) => void;
  /**
   * The venue goes, or comes back: lists and answers fail meanwhile. Whoever connects to one that is away is refused once and
   * then kept waiting until it is back, so that no test has to count tries.
   */
  readonly setConnected: (isConnected: boolean, reason?: string) => void;
  readonly isConnected: () => boolean;
  /** The next lists are as they are now, however the book moves: a list that lags. */
  readonly freezeLists: (isFrozen: boolean) => void;
  /** Refuse cancels and replaces, or answer them never. */
  readonly setRequests: (mode: "accept" | "refuse" | "lose") => void;
}

export interface MemoryBrokerOptions {
  readonly now: () => number;
  /** The venue stores our id and can be asked for it. */
  readonly clientOrderIdLookup?: boolean;
  readonly live?: boolean;
  readonly cashMinor?: number;
  readonly positions?: Readonly<Record<string, number>>;
}

export const createMemoryBroker = (options: MemoryBrokerOptions): MemoryBroker => {
  const { now, clientOrderIdLookup = true, live = false } = options;
  /** Whoever is connected, with what waits for their valve. */
  const members = new Map<Subscriber<BrokerReport>, { readonly valve: Valve; readonly waiting: BrokerReport[] }>();
  const callers = new Set<() => void>();
  const refused = new Set<Valve>();
  const scripts: SubmitScript[] = [];
  const book = new Map<string, BrokerOrder>();
  const byHand: BrokerOrder[] = [];
  const executions: BrokerExecution[] = [];
  const submits: OrderRequest[] = [];
  const positions = new Map(Object.entries(options.positions ?? {}));
  let cashMinor = options.cashMinor ?? 0;
  let fills = 0;
  let stalled: {
    readonly orderId: string;
    readonly answer: (result: Result<{ readonly brokerOrderId: string }, SubmitError>) => void;
  }[] = [];
  let isConnected = true;
  let awayBecause = "";
  let isFrozen = false;
  let frozen: readonly BrokerOrder[] = [];
  let requests: "accept" | "refuse" | "lose" = "accept";

  const named = (orderId: string): { readonly clientOrderId?: string } => (clientOrderIdLookup ? { clientOrderId: orderId } : {});
  const orderOf = (orderId: string): BrokerOrder => {
    const order = book.get(orderId);
    if (order === undefined) throw new Error(`the venue does not know ${orderId}`);
    return order;
  };
  const put = (orderId: string, changes: Partial<BrokerOrder>): BrokerOrder => {
    const order = { ...orderOf(orderId), ...changes };
    book.set(orderId, order);
    return order;
  };
  const report = (told: BrokerReport): void => {
    for (const { waiting } of members.values()) waiting.push(told);
    for (const deliver of callers) deliver();
  };
  const tell = (orderId: string, type: "accepted" | "canceled" | "expired"): void =>
    report({ type, brokerOrderId: orderOf(orderId).brokerOrderId, ...named(orderId), at: now() });

  const enter = ({ orderId, symbol, side, orderType, quantity, limitPriceMinor }: OrderRequest): string => {
    const brokerOrderId = `B${book.size + 1}`;
    const price = limitPriceMinor === undefined ? {} : { limitPriceMinor };
    book.set(orderId, {
      brokerOrderId,
      ...named(orderId),
      ...{ symbol, side, orderType, quantity, ...price },
      status: "accepted",
      cumulativeQuantity: 0,
      leavesQuantity: quantity,
      receivedAt: now(),
    });
    return brokerOrderId;
  };

  const unknown = err<SubmitError>({ type: "outcome.unknown", reason: "time-out" });
  const unavailable = err<QueryError>({ type: "broker.unavailable", reason: "not connected" });

  const submit = (request: OrderRequest): Promise<Result<{ readonly brokerOrderId: string }, SubmitError>> => {
    submits.push(request);
    const { orderId } = request;
    const script = scripts.shift() ?? "accept";
    switch (script) {
      case "accept": {
        const brokerOrderId = enter(request);
        // A turn later, when whoever waits for the answer has had it.
        setImmediate(() => tell(orderId, "accepted"));
        return Promise.resolve(ok({ brokerOrderId }));
      }
      case "reportFirst": {
        const brokerOrderId = enter(request);
        tell(orderId, "accepted");
        return Promise.resolve(ok({ brokerOrderId }));
      }
      case "reject":
        return Promise.resolve(err({ type: "order.refused", code: "V1", reason: "the venue says no" }));
      case "loseRequest":
        return Promise.resolve(unknown);
      case "loseResponse":
        enter(request);
        return Promise.resolve(unknown);
      case "notSent":
        return Promise.resolve(err({ type: "not.sent", code: "DOWN", reason: "not connected" }));
      case "hold":
        enter(request);
        return new Promise((answer) => stalled.push({ orderId, answer }));
      case "stall":
        return new Promise((answer) => stalled.push({ orderId, answer }));
      case "throw":
        return Promise.reject(new Error("socket hang up"));
    }
  };

  const request = async (orderId: string, perform: () => void): Promise<Result<void, SubmitError>> => {
    await Promise.resolve();
    if (!isConnected) return err({ type: "not.sent", code: "DOWN", reason: "not connected" });
    if (requests === "lose") return unknown;
    const order = book.get(orderId);
    const isOpen = order !== undefined && order.leavesQuantity > 0;
    if (requests === "refuse" || !isOpen) return err({ type: "order.refused", code: "V2", reason: "too late" });
    perform();
    return ok(undefined);
  };

  const end: MemoryBroker["end"] = (orderId, status, { silent = false } = {}) => {
    const { brokerOrderId } = put(orderId, { status, leavesQuantity: 0 });
    if (silent) return;
    if (status !== "rejected") return tell(orderId, status);
    report({ type: "rejected", brokerOrderId, ...named(orderId), code: "V3", reason: "after all no", at: now() });
  };

  const statusFor = ({ status, quantity }: BrokerOrder, cumulativeQuantity: number): BrokerOrder["status"] => {
    if (status === "canceled" || status === "expired" || status === "rejected") return status;
    if (cumulativeQuantity === quantity) return "filled";
    return cumulativeQuantity > 0 ? "partiallyFilled" : "accepted";
  };

  /** What is left of it, given what is filled; an order that ended has nothing left. */
  const move = (orderId: string, changes: Partial<BrokerOrder>): BrokerOrder => {
    const order = { ...orderOf(orderId), ...changes };
    const status = statusFor(order, order.cumulativeQuantity);
    const isOpen = status === "accepted" || status === "partiallyFilled";
    return put(orderId, { ...changes, status, leavesQuantity: isOpen ? order.quantity - order.cumulativeQuantity : 0 });
  };

  /** A fill moves the order, the position and the cash; sign -1 takes it back. */
  const count = (
    orderId: string,
    { symbol, side, quantity, priceMinor, feeMinor }: BrokerExecution,
    sign: 1 | -1,
  ): BrokerOrder => {
    const lots = sign * (side === "buy" ? quantity : -quantity);
    positions.set(symbol, (positions.get(symbol) ?? 0) + lots);
    cashMinor -= lots * priceMinor + sign * feeMinor;
    return move(orderId, { cumulativeQuantity: orderOf(orderId).cumulativeQuantity + sign * quantity });
  };

  const change = (orderId: string, quantity: number, limitPriceMinor?: number): void => {
    const { cumulativeQuantity, brokerOrderId } = orderOf(orderId);
    const total = Math.max(quantity, cumulativeQuantity);
    const price = limitPriceMinor === undefined ? {} : { limitPriceMinor };
    move(orderId, { quantity: total, ...price });
    report({ type: "replaced", brokerOrderId, ...named(orderId), quantity: total, ...price, at: now() });
  };

  const reports = (valve: Valve): Observable<BrokerReport> =>
    new Observable((subscriber) => {
      if (!isConnected && !refused.has(valve)) {
        refused.add(valve);
        throw new Error(awayBecause);
      }
      let isAnswered = false;
      const go = (): void => {
        if (!isConnected) return;
        if (!isAnswered) {
          isAnswered = true;
          members.set(subscriber, { valve, waiting: [] });
          // A turn later, when whoever called has gone on.
          setImmediate(() => !subscriber.closed && subscriber.next({ type: "connected", at: now() }));
        }
        const { waiting } = members.get(subscriber) ?? { waiting: [] };
        while (valve.isOpen && waiting.length > 0) subscriber.next(waiting.shift() as BrokerReport);
      };
      callers.add(go);
      subscriber.add(valve.changes.subscribe(go));
      return () => {
        callers.delete(go);
        members.delete(subscriber);
      };
    });

  const listed = (): readonly BrokerOrder[] => [...book.values(), ...byHand];

  return {
    name: "memory",
    capabilities: { clientOrderIdLookup, live },
    reports,
    script: (...next) => scripts.push(...next),
    book,
    submits,
    submit: (order: RiskApproved<OrderRequest>) => submit(order),
    cancel: ({ orderId }) => request(orderId, () => end(orderId, "canceled")),
    replace: ({ orderId, quantity, limitPriceMinor }) => request(orderId, () => change(orderId, quantity, limitPriceMinor)),
    orders: async () => (isConnected ? ok(isFrozen ? frozen : listed()) : unavailable),
    executions: async () => (isConnected ? ok([...executions]) : unavailable),
    account: async () => {
      if (!isConnected) return unavailable;
      const held = [...positions].filter(([, quantity]) => quantity !== 0);
      return ok({ positions: held.map(([symbol, quantity]) => ({ symbol, quantity })), cashMinor });
    },
    fill: (orderId, quantity, priceMinor, { silent = false } = {}) => {
      const { brokerOrderId, symbol, side } = orderOf(orderId);
      fills += 1;
      const fillId = `F${fills}`;
      const execution = { fillId, brokerOrderId, ...named(orderId), symbol, side, quantity, priceMinor, feeMinor: 1, at: now() };
      executions.push(execution);
      const { leavesQuantity } = count(orderId, execution, 1);
      if (!silent) report({ type: "filled", ...execution, leavesQuantity });
      return execution;
    },
    end,
    report,
    answerLate: (kind = "accepted") => {
      const orders = stalled;
      stalled = [];
      for (const { orderId, answer } of orders) {
        const request = submits.find((sent) => sent.orderId === orderId);
        if (kind === "unknown") answer(unknown);
        else if (request !== undefined) answer(ok({ brokerOrderId: book.get(orderId)?.brokerOrderId ?? enter(request) }));
      }
    },
    bust: (fillId) => {
      const index = executions.findIndex((execution) => execution.fillId === fillId);
      const [busted] = executions.splice(index, 1);
      const orderId = [...book.keys()].find((id) => book.get(id)?.brokerOrderId === busted?.brokerOrderId);
      if (busted === undefined || orderId === undefined) throw new Error(`the venue knows no fill ${fillId}`);
      count(orderId, busted, -1);
      report({ type: "busted", fillId, brokerOrderId: busted.brokerOrderId, ...named(orderId), at: now() });
    },
    change,
    placeByHand: (order) => byHand.push(order),
    setConnected: (connected, reason = "connection lost") => {
      isConnected = connected;
      awayBecause = reason;
      if (connected) {
        refused.clear();
        for (const answer of callers) answer();
      } else {
        for (const [subscriber, { valve }] of [...members]) {
          refused.add(valve);
          subscriber.error(new Error(reason));
        }
      }
    },
    isConnected: () => isConnected,
    freezeLists: (freeze) => {
      isFrozen = freeze;
      frozen = listed();
    },
    setRequests: (mode) => {
      requests = mode;
    },
    close: async () => {
      for (const subscriber of [...members.keys()]) subscriber.complete();
    },
  };
};
