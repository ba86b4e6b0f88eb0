/** The catalogue keeps the seed's names and promises (spec E1), and the reference is made from it. */
import { describe, expect, it, test } from "vitest";
import { factProblem, factTypes, type NewFact, rowOf } from "#core/event/catalog.ts";
import { createKinds } from "#core/event/kinds.ts";
import { payloadSchema } from "#core/event/payload.ts";
import { eventSchemas, eventsReference } from "../../../docs/reference.events.ts";
import { setUp } from "./setup.ts";

/** Seed name and the name in code, by priority (spec E1). */
const seed = {
  P0: {
    FILL_CONFIRMED: "order.filled",
    FILL_PARTIAL: "order.partially.filled",
    ORDER_REJECTED: "order.rejected",
    ORDER_CANCELLED: "order.canceled",
    POSITION_UPDATE: "position.updated",
    BROKER_DISCONNECT: "broker.disconnected",
    EMERGENCY_STOP: "emergency.stop.requested",
  },
  P1: {
    PRICE_TICK: "market.trade.ticked",
    ORDERBOOK_UPDATE: "market.orderbook.updated",
    VOLUME_UPDATE: "market.volume.updated",
    INDEX_UPDATE: "market.index.updated",
    VIX_UPDATE: "market.vix.updated",
  },
  P2: {
    ETEDA_CYCLE_START: "cycle.started",
    STRATEGY_EVALUATE: "strategy.evaluated",
    RISK_EVALUATE: "risk.evaluated",
    PORTFOLIO_EVALUATE: "portfolio.evaluated",
    INDICATOR_UPDATE: "indicator.updated",
    SIGNAL_GENERATED: "signal.generated",
  },
  P3: {
    DASHBOARD_UPDATE: "dashboard.updated",
    LOG_WRITE: "log.written",
    REPORT_GENERATE: "report.generated",
    NOTIFICATION_SEND: "notification.sent",
    METRIC_RECORD: "metric.recorded",
  },
} as const;

test.each(Object.entries(seed))(
  "the seed's %s events are in the catalogue with their priority, once each (E1)",
  (priority, names) => {
    const rows = factTypes.filter((type) => rowOf(type).priority === priority && rowOf(type).seedName !== undefined);
    expect(Object.fromEntries(rows.map((type) => [rowOf(type).seedName, type]))).toEqual(names);
  },
);

it("lets no type and no payload compile that is not in the table (E1)", () => {
  const { dispatcher } = setUp();
  // @ts-expect-error no such type
  dispatcher.offer({ type: "order.invented", source: "test", payload: {} });
  // @ts-expect-error a field is missing
  const short: NewFact = { type: "cycle.started", source: "test", payload: {} };
  // @ts-expect-error a field of another kind
  const wrong: NewFact = { type: "cycle.started", source: "test", payload: { cycle: "one" } };
  expect([short.type, wrong.type]).toEqual(["cycle.started", "cycle.started"]);
  expect(dispatcher.refused()).toEqual({ "order.invented": 1 });
});

it("merges by type and symbol, strategy or index, and nothing else (E1)", () => {
  const keys = factTypes.filter((type) => rowOf(type).conflateBy !== undefined).map((type) => [type, rowOf(type).conflateBy]);
  expect(Object.fromEntries(keys)).toEqual({
    "market.trade.ticked": ["symbol"],
    "market.orderbook.updated": ["symbol"],
    "market.volume.updated": ["symbol"],
    "market.index.updated": ["index"],
    "market.vix.updated": [],
    "cycle.started": [],
    "strategy.evaluated": ["strategy", "symbol"],
    "risk.evaluated": ["scope"],
    "portfolio.evaluated": [],
    "indicator.updated": ["symbol", "indicator"],
    "signal.generated": ["symbol", "strategy", "place"],
  });
});

it("gives a key its type: a trade and a volume of one symbol never push each other out", () => {
  const kinds = createKinds();
  const payload = { symbol: "A", strategy: "s", scope: "A", indicator: "s", index: "A" };
  const keyed = [...kinds.values()].filter(({ keyOf }) => keyOf(payload) !== undefined);
  expect(new Set(keyed.map(({ keyOf }) => keyOf(payload))).size).toBe(keyed.length);
  for (const { keyOf, type } of keyed)
    expect(keyOf({ ...payload, symbol: "B", scope: "B", index: "B" }) === keyOf(payload), type).toBe(
      rowOf(type).conflateBy?.length === 0,
    );
});

it("checks a payload field by field: what is missing, of another kind, or not in the table, also under an object's own names (E1)", () => {
  expect(factProblem("cycle.started", { cycle: 1 })).toBeUndefined();
  expect(factProblem("cycle.started", {})).toContain("cycle is missing");
  expect(factProblem("cycle.started", { cycle: -1 })).toContain("cycle is -1 and must be a whole number ≥ 0");
  for (const name of ["more", "toString", "constructor"])
    expect(factProblem("cycle.started", { cycle: 1, [name]: 1 })).toContain(`${name} is not a field of this fact`);
});

it("keys what may be merged by fields that the payload has", () => {
  for (const type of factTypes)
    for (const field of rowOf(type).conflateBy ?? []) expect(rowOf(type).payload, type).toHaveProperty(field);
});

it("never merges signals of different symbols or strategies, nor two of one cycle", () => {
  expect([...(rowOf("signal.generated").conflateBy ?? [])].sort()).toEqual(["place", "strategy", "symbol"]);
});

describe("the reference", () => {
  it("has one row per fact, with what it means", () => {
    const page = eventsReference();
    expect(page).toContain(
      "| `order.canceled` | `ORDER_CANCELLED` | `orderId: text, reason?: text, brokerOrderId?: text, isRepeat?: flag` | yes | orders |",
    );
    expect(page).toMatch(/^\| `position\.updated` \| `POSITION_UPDATE` \| [^|]* \| +\| \(people\) \|/m);
    expect(page).toMatch(/^\| `signal\.generated` \| `SIGNAL_GENERATED` .*symbol, strategy, place/m);
    for (const type of factTypes) {
      const rows = page.split("\n").filter((line) => line.startsWith(`| \`${type}\` |`));
      expect(rows, type).toHaveLength(1);
      expect(rows[0]).toContain(rowOf(type).says.replaceAll("|", "\\|"));
    }
  });

  it("has a JSON Schema for every fact, whose payload is the one that the door checks", () => {
    const schema = JSON.parse(eventSchemas()["docs/reference/events.schema.json"] as string) as {
      readonly oneOf: readonly unknown[];
      readonly $defs: { readonly [type: string]: { readonly properties: { readonly payload: unknown } } };
    };
    expect(Object.keys(schema.$defs)).toEqual(factTypes);
    expect(schema.$defs["cycle.completed"]?.properties.payload).toEqual({
      type: "object",
      properties: {
        cycle: { type: "integer", minimum: 0 },
        intents: { type: "integer", minimum: 0 },
        elapsedMs: { type: "number" },
      },
      required: ["cycle", "intents", "elapsedMs"],
      additionalProperties: false,
    });
    expect(schema.oneOf).toHaveLength(factTypes.length);
    for (const type of factTypes) expect(schema.$defs[type]?.properties.payload).toEqual(payloadSchema(rowOf(type).payload));
  });
});
