/** What the plots of the page draw and say, without a browser. */
import { describe, expect, it } from "vitest";
import { createSamples, type SampleField } from "#core/runtime/samples.ts";
import { bytes } from "../../../inspector/page/format.ts";
import { knownSince, pathOf, plotBox, plotsOf, rates } from "../../../inspector/page/plot.ts";

const hourMs = 3_600_000;
const noon = Date.UTC(2026, 0, 5, 12);
const account = { currency: "USD", priceScale: 2 };

const plotsWith = (rows: readonly { readonly [F in SampleField]?: number }[]) => {
  const samples = createSamples();
  for (const [index, row] of rows.entries()) samples.add(noon - (rows.length - 1 - index) * 10_000, row);
  const series = samples.series(hourMs, noon, 360);
  return { series, plot: (title: string) => plotsOf(series, account).find((one) => one.title === title) };
};

describe("a plot", () => {
  it("says its newest value and the worst with its time, for whoever sees no line (I5)", () => {
    const { plot } = plotsWith([{ lagP0Ms: 1 }, { lagP0Ms: 42 }, { lagP0Ms: 2 }]);
    expect(plot("Lag of P0 (p99)")).toMatchObject({ newest: "2.00 ms", sentence: "Highest 42 ms at 11:59." });
    expect(plotsWith([{ pnlMinor: 100 }, { pnlMinor: -250 }, { pnlMinor: 50 }]).plot("Profit and loss")).toMatchObject({
      newest: "+0.50 USD",
      sentence: "Lowest -2.50 USD at 11:59.",
    });
  });

  it("says what stands still, and what nobody has measured", () => {
    const { plot } = plotsWith([{ loopMs: 3 }, { loopMs: 3 }]);
    expect(plot("Event loop delay (p99)")?.sentence).toBe("Always 3.00 ms.");
    expect(plot("Disk free")).toEqual({
      title: "Disk free",
      newest: "–",
      sentence: "Nobody has measured it.",
      path: "",
      zeroY: null,
    });
  });

  it("draws no line over a gap, and a lone value as a point", () => {
    expect(pathOf([0, 10, null, 5, null], 0, 10)).toBe("M0.0 60.0L75.0 0.0M225.0 30.0h0");
  });

  it("stays within its box, whatever the values are", () => {
    for (const values of [[5, 5], [-1, 3], [0]]) {
      const low = Math.min(0, ...values);
      const found = [...pathOf(values, low, Math.max(0, ...values)).matchAll(/[ML][\d.]+ (-?[\d.]+)/g)].map(([, y]) => Number(y));
      for (const y of found) expect(y >= 0 && y <= plotBox.height, String(values)).toBe(true);
    }
  });

  it("shows zero where figures may be below it", () => {
    expect(plotsWith([{ pnlMinor: -100 }, { pnlMinor: 100 }]).plot("Profit and loss")?.zeroY).toBe(plotBox.height / 2);
    expect(plotsWith([{ pnlMinor: 1 }, { pnlMinor: 100 }]).plot("Profit and loss")?.zeroY).toBeNull();
  });

  it("makes rows per second of counts that only grow, and none over a gap", () => {
    expect(rates([null, 0, 100, null, 300], 10_000)).toEqual([null, null, 10, null, null]);
  });

  it("knows since when it has figures", () => {
    const { series } = plotsWith([{ received: 0 }, { received: 1 }]);
    expect(knownSince(series)).toBe(noon - 10_000);
    expect(knownSince(plotsWith([]).series)).toBeNull();
  });
});

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1500, "1.5 kB"],
  [284_000_000, "284 MB"],
  [2_000_000_000_000_000, "2000 TB"],
])("%d bytes are %s", (value, text) => {
  expect(bytes(value)).toBe(text);
});
