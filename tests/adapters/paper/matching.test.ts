import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Book, type Resting } from "#adapters/paper/matching.ts";

interface Named extends Resting {
  readonly name: string;
}
const resting = (name: string, fields: Partial<Resting> = {}): Named => ({
  name,
  side: "buy",
  limitPriceMinor: 100,
  workingSince: 0,
  leavesQuantity: 10,
  ...fields,
});
const bookOf = (share: number, ...orders: readonly Named[]): Book<Named> => {
  const book = new Book<Named>(share);
  for (const order of orders) book.add(order);
  return book;
};
const trade = (priceMinor: number, quantity: number, at = 10) => ({ symbol: "SPY", priceMinor, quantity, at, sequence: 1 });
const names = (book: Book<Named>, priceMinor: number, quantity: number, at?: number): [string, number][] =>
  book.match(trade(priceMinor, quantity, at)).map(({ order, quantity: lots }) => [order.name, lots]);

describe("matching against a market trade", () => {
  it("fills buys at or below their limit and sells at or above it", () => {
    const book = bookOf(1, resting("buy"), resting("sell", { side: "sell", limitPriceMinor: 102 }));
    expect(names(book, 101, 100)).toEqual([]);
    expect(names(book, 100, 100)).toEqual([["buy", 10]]);
    expect(names(book, 102, 100)).toEqual([["sell", 10]]);
  });

  it("takes at most the participation share of the trade, but at least one lot", () => {
    const book = bookOf(0.25, resting("buy", { leavesQuantity: 100 }));
    expect(names(book, 100, 40)).toEqual([["buy", 10]]);
    expect(names(book, 100, 43)).toEqual([["buy", 10]]);
    expect(names(book, 100, 3)).toEqual([["buy", 1]]);
    expect(names(book, 100, 0)).toEqual([]);
  });

  it("serves the better price first, then the older order, and market orders before every price", () => {
    const book = bookOf(
      1,
      resting("late at 100"),
      resting("at 101", { limitPriceMinor: 101 }),
      resting("later at 100"),
      resting("market", { limitPriceMinor: undefined }),
    );
    expect(names(book, 100, 35)).toEqual([
      ["market", 10],
      ["at 101", 10],
      ["late at 100", 10],
      ["later at 100", 5],
    ]);
  });

  it("gives each side its own share of one trade", () => {
    const book = bookOf(0.5, resting("buy"), resting("sell", { side: "sell" }));
    expect(names(book, 100, 8)).toEqual([
      ["buy", 4],
      ["sell", 4],
    ]);
  });

  it("fills an order only by trades later than its arrival", () => {
    const book = bookOf(1, resting("new", { workingSince: 10 }), resting("old", { workingSince: 9 }));
    expect(names(book, 100, 100, 10)).toEqual([["old", 10]]);
    expect(names(book, 100, 100, 11)).toEqual([
      ["new", 10],
      ["old", 10],
    ]);
  });

  it("knows without looking at orders whether a price touches the book", () => {
    const buy = resting("buy");
    const book = bookOf(1, buy, resting("sell", { side: "sell", limitPriceMinor: 105 }));
    expect([99, 100, 101, 104, 105].map((price) => book.touches(price))).toEqual([true, true, false, false, true]);
    book.remove(buy);
    expect(book.touches(1)).toBe(false);
    expect(book.openOrders).toBe(1);
  });

  it("allocates what a plain walk over all orders would, whatever was added and removed (O11)", () => {
    const orders = fc.array(
      fc.record({
        side: fc.constantFrom<"buy" | "sell">("buy", "sell"),
        limitPriceMinor: fc.option(fc.integer({ min: 95, max: 105 }), { nil: undefined }),
        workingSince: fc.integer({ min: 5, max: 12 }),
        leavesQuantity: fc.integer({ min: 1, max: 20 }),
        removed: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(orders, fc.integer({ min: 95, max: 105 }), fc.integer({ min: 1, max: 200 }), (all, price, lots) => {
        const book = new Book<Named>(0.25);
        const added = all.map(({ removed: _, ...fields }, index) => resting(String(index), fields));
        for (const one of added) book.add(one);
        added.forEach((one, index) => {
          if (all[index]?.removed) book.remove(one);
        });
        const kept = added.filter((_, index) => !all[index]?.removed);
        const walk = (side: "buy" | "sell"): [string, number][] => {
          const sign = side === "buy" ? -1 : 1;
          const rank = ({ limitPriceMinor }: Named): number =>
            limitPriceMinor === undefined ? Number.NEGATIVE_INFINITY : sign * limitPriceMinor;
          let left = Math.max(1, Math.floor(lots * 0.25));
          return kept
            .filter((one) => one.side === side && one.workingSince < 10 && rank(one) <= sign * price)
            .sort((a, b) => (rank(a) === rank(b) ? Number(a.name) - Number(b.name) : rank(a) < rank(b) ? -1 : 1))
            .flatMap((one): [string, number][] => {
              const taken = Math.min(left, one.leavesQuantity);
              left -= taken;
              return taken === 0 ? [] : [[one.name, taken]];
            });
        };
        expect(names(book, price, lots)).toEqual([...walk("buy"), ...walk("sell")]);
      }),
    );
  });
});
