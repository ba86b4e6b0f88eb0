import { beforeEach, describe, expect, it, test } from "vitest";
import { parseConfig } from "#config/config.ts";
import { type Approval, OrderDesk } from "#core/orders/order-desk.ts";
import { createComputingGates } from "#core/risk/computing-gates.ts";
import {
  consecutiveFailureGate,
  dailyLossGate,
  exposureGate,
  orderRateGate,
  orderValueGate,
  positionValueGate,
} from "#core/risk/limit-gates.ts";
import { noopRiskGate } from "#core/risk/noop-risk-gate.ts";
import { duplicateGate, longOnlyGate, priceCollarGate, shapeGate } from "#core/risk/order-gates.ts";
import { approvedRequest, judgeWish, type RiskContext, type RiskGate, type RiskView, type Wish } from "#core/risk/risk-gate.ts";
import { operatingGate, safetyGate, tradingGate, undecidedGate } from "#core/risk/state-gates.ts";
import type { OrderRecord } from "#machines/order.rules.ts";
import { deskInput, instruments } from "../orders/rig.ts";

let desk: OrderDesk;
let at: number;
let pendingApprovals: Approval[];
let view: RiskView;
const operating = { entrySignalMin: 0.7, positionsMax: 2, dailyTradesMax: 2, newEntry: true, riskMultiplier: 1 };

beforeEach(() => {
  desk = new OrderDesk(deskInput);
  at = Date.UTC(2013, 9, 7, 14);
  pendingApprovals = [];
  view = {
    safety: () => "NORMAL",
    operating: () => operating,
    mark: () => ({ priceMinor: 1000, at }),
    instrument: (symbol) => instruments.find((known) => known.symbol === symbol),
    now: () => at,
  };
});

const context = (live = false): RiskContext => ({
  view,
  desk,
  broker: { name: "venue", live },
  pendingApprovals: () => pendingApprovals,
});
const wish = (over: Partial<Wish> = {}): Wish => ({
  ...{ orderId: "w", symbol: "SPY", side: "buy", orderType: "limit", quantity: 10, limitPriceMinor: 1000 },
  ...{ strategy: "s", signal: 0.7, isChange: false },
  ...over,
});
/** The code of the denial, or "allowed". */
const asked = (gate: RiskGate | readonly RiskGate[], over: Partial<Wish> = {}): string => {
  const verdict = judgeWish([gate].flat(), wish(over), context());
  return verdict.allowed ? "allowed" : verdict.code;
};
const tell = (type: string, payload: object): void => {
  desk.handle({ type, at, ...payload } as never, () => {});
};
/** An order that works at the venue. */
const work = (orderId: string, over: object = {}): void => {
  tell("order.intended", {
    orderId,
    symbol: "SPY",
    side: "buy",
    orderType: "limit",
    quantity: 10,
    limitPriceMinor: 1000,
    strategy: "s",
    ...over,
  });
  tell("order.approved", { orderId, epoch: 1 });
  tell("order.submitted", { orderId, brokerOrderId: `B${orderId}` });
};
const hold = (symbol: string, quantity: number, priceMinor = 1000): void => {
  work(`held-${symbol}`, { symbol, quantity });
  tell("order.filled", { orderId: `held-${symbol}`, fillId: `f-${symbol}`, quantity, priceMinor });
};

describe("safety", () => {
  test.each([
    ["NORMAL", "allowed"],
    ["WARNING", "allowed"],
    ["FAIL", "SAFETY_FAIL"],
    ["LOCKDOWN", "SAFETY_LOCKDOWN"],
  ] as const)("in %s the answer is %s (S5)", (safety, answer) => {
    view = { ...view, safety: () => safety };
    expect(asked(safetyGate)).toBe(answer);
    expect(asked(safetyGate, { side: "sell" })).toBe(answer);
  });
});

describe("trading switches", () => {
  const gate = (over: object = {}): RiskGate => tradingGate({ tradingEnabled: true, killSwitchTripped: false, ...over });
  it("wait for reconciliation (O6)", () => {
    expect(asked(gate())).toBe("NOT_RECONCILED");
    tell("reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
    expect(asked(gate())).toBe("allowed");
  });
  it("deny while trading is disabled or the kill switch is tripped", () => {
    expect(asked(gate({ tradingEnabled: false }))).toBe("TRADING_DISABLED");
    expect(asked(gate({ killSwitchTripped: true }))).toBe("KILL_SWITCH");
  });
});

describe("the operating state's limits (S19)", () => {
  test.each([
    ["a strong signal", { signal: 0.7 }, "allowed"],
    ["a signal below the threshold", { signal: 0.6999 }, "SIGNAL_TOO_WEAK"],
    ["no signal", { signal: null }, "SIGNAL_TOO_WEAK"],
    ["an operator's order without a signal", { signal: null, strategy: "operator" }, "allowed"],
    ["an exit without a signal", { signal: null, side: "sell" }, "allowed"],
  ] as const)("%s", (_name, over, answer) => expect(asked(operatingGate, over)).toBe(answer));

  it("close entries, not exits", () => {
    view = { ...view, operating: () => ({ ...operating, newEntry: false }) };
    expect(asked(operatingGate)).toBe("NEW_ENTRY_CLOSED");
    expect(asked(operatingGate, { side: "sell" })).toBe("allowed");
  });

  it("count positions held and being opened; more of a held one is no new position", () => {
    view = { ...view, operating: () => ({ ...operating, positionsMax: 1, dailyTradesMax: 9 }) };
    expect(asked(operatingGate)).toBe("allowed");
    hold("IBM", 1);
    expect(asked(operatingGate)).toBe("POSITIONS_MAX");
    expect(asked(operatingGate, { symbol: "IBM" })).toBe("allowed");
  });

  it("count the day's entries, also those on their way, and begin anew with the day", () => {
    work("1");
    expect(asked(operatingGate)).toBe("allowed");
    pendingApprovals = [{ orderId: "2", at, symbol: "SPY", side: "buy", quantity: 1, limitPriceMinor: null }];
    expect(asked(operatingGate)).toBe("DAILY_TRADES_MAX");
    pendingApprovals = [];
    work("3");
    expect(asked(operatingGate)).toBe("DAILY_TRADES_MAX");
    at += 24 * 3_600_000;
    expect(asked(operatingGate)).toBe("allowed");
  });
});

describe("the shape of an order", () => {
  test.each([
    [{}, "allowed"],
    [{ symbol: "TSLA" }, "SYMBOL_UNKNOWN"],
    [{ symbol: "" }, "SYMBOL_UNKNOWN"],
    [{ quantity: 0 }, "QUANTITY_INVALID"],
    [{ quantity: -1 }, "QUANTITY_INVALID"],
    [{ quantity: 1.5 }, "QUANTITY_INVALID"],
    [{ limitPriceMinor: null }, "PRICE_INVALID"],
    [{ limitPriceMinor: 0 }, "PRICE_INVALID"],
    [{ orderType: "market" }, "PRICE_INVALID"],
    [{ orderType: "market", limitPriceMinor: null }, "allowed"],
  ] as const)("%o: %s", (over, answer) => expect(asked(shapeGate, over)).toBe(answer));
});

describe("the price collar", () => {
  const gate = priceCollarGate({ priceCollarShare: 0.3 });
  test.each([
    [{ limitPriceMinor: 1300 }, "allowed"],
    [{ limitPriceMinor: 1301 }, "PRICE_COLLAR"],
    [{ limitPriceMinor: 700 }, "allowed"],
    [{ limitPriceMinor: 699 }, "PRICE_COLLAR"],
    [{ orderType: "market", limitPriceMinor: null }, "allowed"],
  ] as const)("%o: %s", (over, answer) => expect(asked(gate, over)).toBe(answer));

  it("wants the price on the tick of that price", () => {
    view = { ...view, tickAt: (_symbol, price) => (price < 1000 ? 1 : 5) };
    expect(asked(gate, { limitPriceMinor: 999 })).toBe("allowed");
    expect(asked(gate, { limitPriceMinor: 1001 })).toBe("PRICE_OFF_TICK");
    expect(asked(gate, { limitPriceMinor: 1005 })).toBe("allowed");
  });

  it("cannot judge a symbol that has not traded", () => {
    view = { ...view, mark: () => undefined };
    expect(asked(gate)).toBe("PRICE_UNKNOWN");
  });
});

describe("long only (O12)", () => {
  it("sells what is held, less what is already being sold", () => {
    hold("SPY", 10);
    expect(asked(longOnlyGate, { side: "sell", quantity: 10 })).toBe("allowed");
    expect(asked(longOnlyGate, { side: "sell", quantity: 11 })).toBe("SHORT");
    work("s1", { side: "sell", quantity: 4 });
    expect(asked(longOnlyGate, { side: "sell", quantity: 6 })).toBe("allowed");
    expect(asked(longOnlyGate, { side: "sell", quantity: 7 })).toBe("SHORT");
  });
  it("does not count the order that is being judged", () => {
    hold("SPY", 10);
    work("s1", { side: "sell", quantity: 10 });
    expect(asked(longOnlyGate, { orderId: "s1", side: "sell", quantity: 10 })).toBe("allowed");
  });
});

describe("duplicate intents", () => {
  const gate = duplicateGate({ duplicateWindowMs: 1000 });
  beforeEach(() => work("1"));
  test.each([
    [999, {}, "DUPLICATE_INTENT"],
    [1000, {}, "allowed"],
    [0, { quantity: 11 }, "allowed"],
    [0, { limitPriceMinor: 1001 }, "allowed"],
    [0, { side: "sell" }, "allowed"],
    [0, { symbol: "IBM" }, "allowed"],
  ] as const)("%i ms later, %o: %s", (later, over, answer) => {
    at += later;
    expect(asked(gate, over)).toBe(answer);
  });
});

describe("value limits", () => {
  it("hold one order to its value, scaled by the operating state", () => {
    const gate = orderValueGate({ orderValueMinorMax: 10_000 });
    expect(asked(gate, { quantity: 10 })).toBe("allowed");
    expect(asked(gate, { quantity: 11 })).toBe("ORDER_VALUE_MAX");
    expect(asked(gate, { quantity: 11, side: "sell" })).toBe("allowed");
    view = { ...view, operating: () => ({ ...operating, riskMultiplier: 0.5 }) };
    expect(asked(gate, { quantity: 5 })).toBe("allowed");
    expect(asked(gate, { quantity: 6 })).toBe("ORDER_VALUE_MAX");
  });

  it("value a market order at the last trade, and refuse what cannot be valued", () => {
    const gate = orderValueGate({ orderValueMinorMax: 10_000 });
    expect(asked(gate, { quantity: 10, orderType: "market", limitPriceMinor: null })).toBe("allowed");
    view = { ...view, mark: () => undefined };
    expect(asked(gate, { quantity: 1, orderType: "market", limitPriceMinor: null })).toBe("PRICE_UNKNOWN");
  });

  it("hold a symbol to its position with what is being bought", () => {
    const gate = positionValueGate({ positionValueMinorMax: 30_000 });
    hold("SPY", 10);
    work("open", { quantity: 5 });
    expect(asked(gate, { quantity: 15 })).toBe("allowed");
    expect(asked(gate, { quantity: 16 })).toBe("POSITION_VALUE_MAX");
    expect(asked(gate, { quantity: 30, symbol: "IBM" })).toBe("allowed");
    const verdict = judgeWish([gate], wish({ quantity: 16 }), context());
    expect(verdict).toMatchObject({ guardrail: "GR010" });
  });

  it("hold everything together to the exposure, which the operating state does not raise", () => {
    const gate = exposureGate({ exposureMinorMax: 40_000 });
    view = { ...view, operating: () => ({ ...operating, riskMultiplier: 2 }) };
    hold("SPY", 10);
    work("open", { symbol: "IBM", quantity: 10 });
    expect(asked(gate, { quantity: 20 })).toBe("allowed");
    expect(asked(gate, { quantity: 21 })).toBe("EXPOSURE_MAX");
    expect(asked(gate, { quantity: 21, side: "sell" })).toBe("allowed");
  });
});

describe("the day's loss", () => {
  const gate = dailyLossGate({ dailyLossMinorMax: 1_000 });
  it("stops entries when it is reached, exits go on", () => {
    hold("SPY", 10);
    const mark = (priceMinor: number): void => {
      view = { ...view, mark: () => ({ priceMinor, at }) };
    };
    mark(901);
    expect(asked(gate)).toBe("allowed");
    mark(900);
    expect(asked(gate)).toBe("DAILY_LOSS_MAX");
    expect(asked(gate, { side: "sell" })).toBe("allowed");
  });
  it("counts what was realized today, with fees", () => {
    hold("SPY", 10);
    work("x", { side: "sell", quantity: 10, limitPriceMinor: 910 });
    tell("order.filled", { orderId: "x", fillId: "x1", quantity: 10, priceMinor: 910, feeMinor: 99 });
    expect(asked(gate)).toBe("allowed");
    tell("order.fill.corrected", { orderId: "x", fillId: "x1", quantity: 10, priceMinor: 909 });
    expect(asked(gate)).toBe("DAILY_LOSS_MAX");
    at += 24 * 3_600_000;
    expect(asked(gate)).toBe("allowed");
  });
  it("is not known while a position has no price", () => {
    hold("SPY", 10);
    view = { ...view, mark: () => undefined };
    expect(asked(gate)).toBe("PRICE_UNKNOWN");
  });
});

describe("the order rate", () => {
  it("counts approvals within a minute, also those on their way", () => {
    const gate = orderRateGate({ ordersPerMinuteMax: 2 });
    work("1");
    expect(asked(gate)).toBe("allowed");
    pendingApprovals = [{ orderId: "2", at, symbol: "SPY", side: "sell", quantity: 1, limitPriceMinor: null }];
    expect(asked(gate)).toBe("ORDER_RATE_MAX");
    at += 59_999;
    expect(asked(gate)).toBe("ORDER_RATE_MAX");
    at += 1;
    expect(asked(gate)).toBe("allowed");
  });
});

describe("consecutive failures", () => {
  const gate = consecutiveFailureGate({ consecutiveFailuresMax: 3, failurePauseMs: 60_000 });
  const fail = (orderId: string): void => {
    tell("order.intended", {
      orderId,
      symbol: "SPY",
      side: "buy",
      orderType: "limit",
      quantity: 1,
      limitPriceMinor: 1000,
      strategy: "s",
    });
    tell("order.approved", { orderId, epoch: 1 });
    tell("order.rejected", { orderId, code: "c", reason: "r" });
  };
  it("close the way after three, let one try after a pause, and an accepted order resets them", () => {
    fail("1");
    fail("2");
    expect(asked(gate)).toBe("allowed");
    fail("3");
    expect(asked(gate)).toBe("CONSECUTIVE_FAILURES");
    at += 59_999;
    expect(asked(gate)).toBe("CONSECUTIVE_FAILURES");
    at += 1;
    expect(asked(gate)).toBe("allowed");
    work("4");
    expect(desk.failures().inRow).toBe(0);
  });
  it("trip a guardrail with the response that completes the row", () => {
    fail("1");
    expect(gate.afterResponse?.(wish(), "refused", context())).toEqual({ allowed: true });
    fail("2");
    expect(gate.afterResponse?.(wish(), "accepted", context())).toEqual({ allowed: true });
    expect(gate.afterResponse?.(wish(), "refused", context())).toMatchObject({ allowed: false, guardrail: "GR030" });
  });
});

describe("an undecided submit", () => {
  it("keeps later orders of the same symbol and side waiting outside, and nobody else (O5)", () => {
    tell("order.intended", { orderId: "1", symbol: "SPY", side: "buy", orderType: "market", quantity: 1, strategy: "s" });
    expect(asked(undecidedGate, { orderId: "1" })).toBe("allowed");
    expect(asked(undecidedGate)).toBe("SUBMIT_UNDECIDED");
    expect(asked(undecidedGate, { side: "sell" })).toBe("allowed");
    expect(asked(undecidedGate, { symbol: "IBM" })).toBe("allowed");
  });
});

describe("the noop gate", () => {
  it("allows everything on paper and refuses to stand before real money", () => {
    expect(judgeWish([noopRiskGate], wish(), context(false))).toEqual({ allowed: true });
    expect(judgeWish([noopRiskGate], wish(), context(true))).toMatchObject({ allowed: false, code: "NOOP_GATE_LIVE" });
  });
});

describe("the gates of a session", () => {
  it("are made of its configuration, and each can deny", () => {
    const parsed = parseConfig();
    if (!parsed.ok) throw new Error("the defaults do not parse");
    const gates = createComputingGates(parsed.config);
    expect(new Set(gates.map(({ name }) => name)).size).toBe(gates.length);
    tell("reconciliation.completed", { cause: "start", orders: 0, fills: 0, mismatches: 0 });
    expect(asked(gates)).toBe("allowed");
    view = { ...view, safety: () => "LOCKDOWN" };
    expect(asked(gates)).toBe("SAFETY_LOCKDOWN");
  });

  it("deny when one throws, whatever the others say (O8)", () => {
    const broken: RiskGate = {
      name: "broken",
      beforeRoute: () => {
        throw new Error("no data");
      },
    };
    expect(asked([noopRiskGate, broken])).toBe("GATE_FAILED");
  });

  it("are the only way to a request that can be submitted", () => {
    tell("order.intended", { orderId: "1", symbol: "SPY", side: "buy", orderType: "market", quantity: 1, strategy: "s" });
    expect(approvedRequest(desk.order("1") as OrderRecord)).toBeUndefined();
    tell("order.approved", { orderId: "1", epoch: 5 });
    expect(approvedRequest(desk.order("1") as OrderRecord)).toEqual({
      ...{ orderId: "1", symbol: "SPY", side: "buy", orderType: "market", quantity: 1, epoch: 5 },
    });
    tell("order.submitted", { orderId: "1", brokerOrderId: "B" });
    expect(approvedRequest(desk.order("1") as OrderRecord)).toBeUndefined();
  });
});
