import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  averageOf,
  type CountedFill,
  flatPosition,
  type Position,
  realizedOf,
  unrealizedOf,
  withFill,
  withoutFill,
} from "#core/orders/positions.ts";

const fill = (side: "buy" | "sell", quantity: number, priceMinor: number, feeMinor = 0, lotSize = 1): CountedFill => ({
  symbol: "SPY",
  side,
  quantity,
  priceMinor,
  feeMinor,
  lotSize,
});
const counted = (...fills: readonly CountedFill[]): Position => fills.reduce(withFill, flatPosition("SPY"));

const anyFill = fc.record({
  symbol: fc.constant("SPY"),
  side: fc.constantFrom("buy" as const, "sell" as const),
  quantity: fc.integer({ min: 1, max: 1_000_000 }),
  priceMinor: fc.integer({ min: 1, max: 5_000_000 }),
  feeMinor: fc.integer({ min: 0, max: 1_000 }),
  lotSize: fc.constantFrom(1, 10),
});
const lotsOf = (fills: readonly CountedFill[]): number =>
  fills.reduce((sum, { side, quantity }) => sum + (side === "buy" ? quantity : -quantity), 0);

describe("a position", () => {
  it("has the average price of what was bought, and realizes only when sold", () => {
    const bought = counted(fill("buy", 10, 100), fill("buy", 30, 200));
    expect(averageOf(bought, 1)).toBe(175);
    expect(realizedOf(bought)).toBe(0);
    expect(unrealizedOf(bought, 180, 1)).toBe(200);
    const sold = withFill(bought, fill("sell", 20, 200));
    expect(sold.quantity).toBe(20);
    expect(realizedOf(sold)).toBe(500);
    expect(averageOf(sold, 1)).toBe(175);
  });

  it("counts shares, not lots, when a lot has several shares", () => {
    const bought = counted(fill("buy", 2, 100, 0, 10));
    expect(bought.cashMinor).toBe(-2000);
    expect(averageOf(bought, 10)).toBe(100);
    expect(unrealizedOf(bought, 101, 10)).toBe(20);
  });

  it("realizes exactly what the cash says once it is flat, however the average was rounded (O12)", () => {
    fc.assert(
      fc.property(fc.array(anyFill, { minLength: 1, maxLength: 30 }), (fills) => {
        const lotSize = fills[0]?.lotSize ?? 1;
        const same = fills.map((each) => ({ ...each, lotSize }));
        const lots = lotsOf(same);
        const closing = lots === 0 ? [] : [fill(lots > 0 ? "sell" : "buy", Math.abs(lots), 777, 0, lotSize)];
        const position = counted(...same, ...closing);
        expect(position.quantity).toBe(0);
        expect(position.costMinor).toBe(0);
        expect(realizedOf(position)).toBe(position.cashMinor);
      }),
    );
  });

  it("holds the sum of its fills, and the cash of every fill (O12)", () => {
    fc.assert(
      fc.property(fc.array(anyFill, { maxLength: 30 }), (fills) => {
        const position = counted(...fills);
        expect(position.quantity).toBe(lotsOf(fills));
        expect(position.feesMinor).toBe(fills.reduce((sum, { feeMinor }) => sum + feeMinor, 0));
        expect(position.cashMinor).toBe(
          fills.reduce(
            (sum, { side, quantity, priceMinor, lotSize }) => sum + (side === "sell" ? 1 : -1) * quantity * priceMinor * lotSize,
            0,
          ),
        );
        for (const figure of [position.costMinor, position.cashMinor, realizedOf(position)])
          expect(Number.isSafeInteger(figure)).toBe(true);
      }),
    );
  });

  it("is as before when the last fill is taken back and the position did not change its side", () => {
    fc.assert(
      fc.property(fc.array(anyFill, { maxLength: 10 }), anyFill, (fills, last) => {
        const before = counted(...fills.map((each) => ({ ...each, lotSize: last.lotSize })));
        const next = withFill(before, last);
        fc.pre(before.quantity === 0 || next.quantity === 0 || Math.sign(before.quantity) === Math.sign(next.quantity));
        const { exit: _, ...restored } = withoutFill(next, last);
        const { exit: __, ...expected } = before;
        expect(restored).toEqual(expected);
      }),
    );
  });

  it("records a venue's sale below zero as it is, and opens the rest at its price", () => {
    const short = counted(fill("buy", 10, 100), fill("sell", 15, 120));
    expect(short.quantity).toBe(-5);
    expect(averageOf(short, 1)).toBe(120);
    expect(realizedOf(short)).toBe(200);
    expect(unrealizedOf(short, 110, 1)).toBe(50);
  });
});
