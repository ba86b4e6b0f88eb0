import { describe, expect, it } from "vitest";
import { parseConfig } from "#config/config.ts";

const problemsOf = (...layers: readonly (string | object)[]) => {
  const parsed = parseConfig(...layers);
  return parsed.ok ? [] : parsed.problems.map(({ key, problem }) => `${key} ${problem}`);
};

describe("the configuration", () => {
  it("is valid as it ships, and frozen to the last leaf", () => {
    const parsed = parseConfig();
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(Object.isFrozen(parsed.config.events.lanes.P0.slaMs)).toBe(true);
  });

  it("lays layers over the defaults, later ones win, and what is left out stays", () => {
    const parsed = parseConfig("risk: { ordersPerMinuteMax: 5 }", { risk: { ordersPerMinuteMax: 6 } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(parsed.config.risk.ordersPerMinuteMax).toBe(6);
    expect(parsed.config.risk.duplicateWindowMs).toBe(1000);
  });

  it("names every problem at once, each with its key path and the value", () => {
    const problems = problemsOf({ execution: { intervalMs: 5 }, risk: { priceCollarShare: 30 }, journal: { snapshotEvery: 1 } });
    expect(problems.toSorted()).toEqual([
      expect.stringMatching(/^execution\.intervalMs is 5: /),
      expect.stringMatching(/^journal\.snapshotEvery is not a key of QTS/),
      "risk.priceCollarShare is 30: is a share between 0 and 1; write 0.05 for 5 %",
    ]);
  });

  it("refuses ranges and sums that cannot be: shares that never reach one, a range upside down", () => {
    const state = { scalpShare: [0, 0.1], swingShare: [0, 0.1], portfolioShare: [0, 0.1] };
    expect(problemsOf({ operating: { states: { BALANCED: state } } }).join()).toContain("operating.states.BALANCED");
    expect(problemsOf({ broker: { paper: { latencyMs: [40, 5] } } }).join()).toContain("broker.paper.latencyMs");
    expect(
      problemsOf({ events: { lanes: { P0: { capacity: 5 }, P1: { warningShare: 0.95, slaMs: { p50: 50, p95: 10 } } } } }),
    ).toEqual([
      "events.lanes.P0 wants warningDepth ≤ criticalDepth ≤ capacity, and they are 50, 80, 5",
      "events.lanes.P1.slaMs wants p50 ≤ p95 ≤ p99 ≤ max, and they are 50, 10, 50, 100",
      "events.lanes.P1 wants warningShare ≤ criticalShare, and they are 0.95, 0.9",
    ]);
  });

  it("refuses a market without a calendar, and names those that have one (M11)", () => {
    const instrument = { symbol: "X", market: "KOSPI", currency: "KRW", priceScale: 0, tickSize: 1, lotSize: 1 };
    expect(problemsOf({ instruments: [instrument] })).toEqual([
      'instruments.0.market is "KOSPI": no market of this name has a calendar, without which nobody knows when it is open; known are KRX, NXT, NYSE, NASDAQ, UPBIT, BITHUMB, BINANCE, ALWAYS',
    ]);
  });

  it("refuses levels of a gap that are the same: each must be worse than the one before", () => {
    const scalp = { minorMs: 10_000, majorMs: 10_000, criticalMs: 300_000 };
    expect(problemsOf({ archive: { gaps: { scalp } } })).toEqual([
      "archive.gaps.scalp wants minorMs < majorMs < criticalMs, and they are 10000, 10000, 300000",
    ]);
  });

  it("refuses sizes for which no machine has the memory, and turns that nothing else would survive", () => {
    expect(problemsOf({ events: { lanes: { P3: { capacity: 1e11 } }, intake: { timeSliceMs: 1e5 } } })).toEqual([
      "events.lanes.P3.capacity is 100000000000: must be at most 1000000",
      "events.intake.timeSliceMs is 100000: must be at most 10000",
    ]);
  });

  it("says how long a list must be, and that groups are nested", () => {
    expect(problemsOf({ events: { intake: { reconnectMs: 1000 }, handlers: { retryDelaysMs: [] } } })).toEqual([
      "events.handlers.retryDelaysMs is []: must have at least 1 entry",
      "events.intake.reconnectMs is 1000: must be a list of two",
    ]);
    expect(problemsOf({ events: { intake: { reconnectMs: [1000] } } })).toEqual([
      "events.intake.reconnectMs is [1000]: must have at least 2 entries",
    ]);
    expect(problemsOf({ "http.port": 1 })[0]).toContain("groups are nested in YAML");
  });

  it("says what a file that is not YAML, or not a mapping, is", () => {
    expect(problemsOf("a: [")[0]).toMatch(/^\(file\) is not YAML: .*line 1/);
    expect(problemsOf("- a")[0]).toMatch(/^\(file\) must be a mapping/);
  });

  it("has the figures of the specification for the lanes (E3, E6, E8, E11)", () => {
    const parsed = parseConfig();
    if (!parsed.ok) throw new Error("the defaults are not valid");
    const { P0, P1, P2, P3 } = parsed.config.events.lanes;
    expect(P0).toMatchObject({ capacity: 100, batchSize: 1, warningDepth: 50, criticalDepth: 80, processingMsMax: 10 });
    expect(P1).toMatchObject({ capacity: 10_000, batchSize: 100, batchWaitMs: 10, warningShare: 0.7, criticalShare: 0.9 });
    expect(P2).toMatchObject({ capacity: 1000, batchSize: 50, batchWaitMs: 100, warningShare: 0.8, criticalShare: 0.95 });
    expect(P3).toMatchObject({ capacity: 50_000, batchSize: 100, batchWaitMs: 1000, warningShare: 0.8, criticalShare: 0.95 });
    expect(P3.samplingRate).toBe(0.1);
    expect([P0.slaMs, P1.slaMs, P2.slaMs]).toEqual([
      { p50: 2, p95: 5, p99: 10, max: 20 },
      { p50: 10, p95: 30, p99: 50, max: 100 },
      { p50: 100, p95: 300, p99: 500, max: 1000 },
    ]);
    expect(parsed.config.events.handlers).toMatchObject({ retries: 3, retryDelaysMs: [10, 20] });
  });

  it("binds nothing to the outside", () => {
    expect(problemsOf({ http: { host: "0.0.0.0" } })[0]).toContain("loopback");
  });
});
