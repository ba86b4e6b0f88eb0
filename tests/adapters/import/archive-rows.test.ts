import { expect, it } from "vitest";
import { createArchiveReader } from "#adapters/import/archive-rows.ts";

it("numbers that begin again in an archive go on counting in the recorded day, and a hole stays where it was", () => {
  const reader = createArchiveReader({ symbol: undefined, session: undefined, market: undefined, isSparse: () => false });
  const line = (sequence: number, series?: number): string =>
    JSON.stringify({
      _schema: "qts.snapshot/1",
      meta: { session: "s" },
      context: { symbol: "SPY", market: "NYSE" },
      observation: {
        inputs: { priceMinor: 100, quantity: 1, exchangeAt: 1, sequence, ...(series === undefined ? {} : { series }) },
      },
      _quality: [],
    });
  const numbers = [line(1), line(2), line(2, 2), line(3, 2), line(1, 3)].map((row) => {
    const read = reader.read(row, 1);
    return read.ok ? read.value[0]?.number : read.error;
  });
  expect(numbers).toEqual([1, 2, 4, 5, 6]);
});
