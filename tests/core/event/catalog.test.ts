/** The catalogue keeps the seed's names and promises (spec E1), and the reference is made from it. */
import { describe, expect, it, test } from "vitest";
import { factTypes, rowOf } from "#core/event/catalog.ts";
import { payloadSchema } from "#core/event/payload.ts";
import { eventSchemas, eventsReference } from "../../../docs/reference.events.ts";

const seed = {
  P0: "FILL_CONFIRMED FILL_PARTIAL ORDER_REJECTED ORDER_CANCELLED POSITION_UPDATE EMERGENCY_STOP BROKER_DISCONNECT",
  P1: "PRICE_TICK ORDERBOOK_UPDATE VOLUME_UPDATE INDEX_UPDATE VIX_UPDATE",
  P2: "ETEDA_CYCLE_START STRATEGY_EVALUATE RISK_EVALUATE PORTFOLIO_EVALUATE INDICATOR_UPDATE SIGNAL_GENERATED",
  P3: "DASHBOARD_UPDATE LOG_WRITE REPORT_GENERATE NOTIFICATION_SEND METRIC_RECORD",
} as const;

test.each(Object.entries(seed))("the seed's %s events are in the catalogue with their priority, once each", (priority, names) => {
  const rows = factTypes.map(rowOf).filter(({ seedName }) => seedName !== undefined);
  expect(
    rows
      .filter((row) => row.priority === priority)
      .map(({ seedName }) => seedName)
      .sort(),
  ).toEqual(names.split(" ").sort());
});

it("keys what may be merged by fields that the payload has", () => {
  for (const type of factTypes)
    for (const field of rowOf(type).conflateBy ?? []) expect(rowOf(type).payload, type).toHaveProperty(field);
});

it("never merges signals of different symbols or strategies", () => {
  expect([...(rowOf("signal.generated").conflateBy ?? [])].sort()).toEqual(["strategy", "symbol"]);
});

describe("the reference", () => {
  it("has one row per fact, with what it means", () => {
    const page = eventsReference();
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
    expect(schema.oneOf).toHaveLength(factTypes.length);
    for (const type of factTypes) expect(schema.$defs[type]?.properties.payload).toEqual(payloadSchema(rowOf(type).payload));
  });
});
