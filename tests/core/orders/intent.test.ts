import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOrderIds, newOrderSeries, seriesDraws } from "#core/orders/intent.ts";

const start = fc.integer({ min: Date.UTC(2013, 0), max: Date.UTC(2058, 0) });
const draw = fc.integer({ min: 0, max: seriesDraws - 1 });

describe("order ids", () => {
  it("count within their series", () => {
    const next = createOrderIds("7");
    expect([next(), next(), next()]).toEqual(["7-1", "7-2", "7-3"]);
  });

  it("of two runs differ, sort by the runs' starts, and fit what venues allow (O5, O14)", () => {
    fc.assert(
      fc.property(start, draw, start, draw, (at, one, laterAt, other) => {
        fc.pre(at < laterAt || (at === laterAt && one < other));
        const [first, second] = [newOrderSeries(at, one), newOrderSeries(laterAt, other)];
        expect(first < second).toBe(true);
        expect(`${second}-9999999`).toMatch(/^[a-z0-9]{12}-[0-9]{7}$/);
      }),
    );
  });

  it("never look like those of a home that numbered its runs 1, 2, 3 …", () => {
    fc.assert(
      fc.property(start, draw, (at, drawn) => {
        expect(newOrderSeries(at, drawn)).not.toMatch(/^\d{1,9}$/);
      }),
    );
  });
});
