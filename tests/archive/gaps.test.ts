import { describe, expect, it, test } from "vitest";
import { createGapTracker, type GapTracker } from "#archive/gaps.ts";
import type { GapRecord, SystemRecord } from "#archive/system-record.ts";
import { regularSpans } from "#market/calendar.ts";
import { openingAt } from "./setup.ts";

const limits = {
  scalp: { minorMs: 10_000, majorMs: 60_000, criticalMs: 300_000 },
  swing: { minorMs: 660_000, majorMs: 900_000, criticalMs: 1_800_000 },
};
const setUp = (startsAt = openingAt, lastRowAt: { [symbol: string]: number } = {}, isSparse = false) => {
  const noted: SystemRecord[] = [];
  const tracker: GapTracker = createGapTracker({
    limits,
    symbols: [{ symbol: "SPY", market: "NYSE" }],
    startsAt,
    lastRowAt,
    isSparse,
    regularSpans,
    note: (_at, record) => noted.push(record),
  });
  return { tracker, gaps: noted as GapRecord[], row: (ms: number) => tracker.row("scalp", "SPY", "NYSE", openingAt + ms) };
};

describe("silence in session (A7)", () => {
  test.each([
    { ms: 9_999, severity: undefined },
    { ms: 10_000, severity: "minor" },
    { ms: 59_999, severity: "minor" },
    { ms: 60_000, severity: "major" },
    { ms: 299_999, severity: "major" },
    { ms: 300_000, severity: "critical" },
  ])("of $ms ms is $severity in the scalp stream", ({ ms, severity }) => {
    const { gaps, row } = setUp();
    row(0);
    row(ms);
    expect(gaps.map((gap) => gap.severity)).toEqual(severity === undefined ? [] : [severity]);
  });

  test.each([
    { minutes: 10, severity: undefined },
    { minutes: 11, severity: "minor" },
    { minutes: 15, severity: "major" },
    { minutes: 30, severity: "critical" },
  ])("of $minutes minutes is $severity in the swing stream", ({ minutes, severity }) => {
    const { tracker, gaps } = setUp();
    tracker.row("swing", "SPY", "NYSE", openingAt);
    tracker.row("swing", "SPY", "NYSE", openingAt + minutes * 60_000);
    expect(gaps.map((gap) => gap.severity)).toEqual(severity === undefined ? [] : [severity]);
  });

  it("is told with everything a reader needs, and as quiet: nothing is missing", () => {
    const { gaps, row } = setUp();
    row(0);
    row(12_500);
    expect(gaps).toEqual([
      {
        type: "gap",
        stream: "scalp",
        symbol: "SPY",
        from: openingAt,
        to: openingAt + 12_500,
        seconds: 12.5,
        severity: "minor",
        reason: "quiet",
      },
    ]);
  });

  it("counts from the opening for a symbol that has not traded, and to the end for one that stopped", () => {
    const { tracker, gaps, row } = setUp();
    row(15_000);
    tracker.finish(openingAt + 40_000);
    expect(gaps.filter(({ stream }) => stream === "scalp").map(({ from, to }) => [from - openingAt, to - openingAt])).toEqual([
      [0, 15_000],
      [15_000, 40_000],
    ]);
  });

  it("counts only the session: a night between two rows is not a gap, the missing hour before the close is", () => {
    const close = openingAt + 6.5 * 3_600_000;
    const { gaps, tracker } = setUp();
    tracker.row("scalp", "SPY", "NYSE", openingAt + 1);
    tracker.row("scalp", "SPY", "NYSE", close - 3_600_000);
    gaps.length = 0;
    tracker.row("scalp", "SPY", "NYSE", openingAt + 24 * 3_600_000 + 2000);
    expect(gaps.map(({ from, to, severity }) => ({ from, to, severity }))).toEqual([
      { from: close - 3_600_000, to: close, severity: "critical" },
    ]);
  });

  it("before the opening is not looked at, however long", () => {
    const before = openingAt - 5_400_000;
    const { tracker, gaps } = setUp(before);
    tracker.row("scalp", "SPY", "NYSE", before + 1);
    tracker.row("scalp", "SPY", "NYSE", openingAt + 1000);
    expect(gaps).toEqual([]);
  });

  it("goes on across a restart from the last row on disk", () => {
    const { gaps, row } = setUp(openingAt, { SPY: openingAt + 100_000 });
    row(190_000);
    expect(gaps).toMatchObject([{ from: openingAt + 100_000, seconds: 90, severity: "major" }]);
  });
});

describe("rows that are missing (A7)", () => {
  it("a hole in the source's numbers is declared with the numbers, and its silence not a second time", () => {
    const { tracker, gaps, row } = setUp();
    row(0);
    tracker.hole({ symbol: "SPY", series: 1, after: 4, before: 9, at: openingAt + 20_000 });
    row(20_000);
    expect(gaps).toEqual([
      expect.objectContaining({ reason: "hole", firstMissing: 5, lastMissing: 8, seconds: 20, severity: "minor" }),
    ]);
  });

  it("refused rows are one line per run, told before the row that follows", () => {
    const { tracker, gaps, row } = setUp();
    row(0);
    for (const sequence of [2, 3, 4])
      tracker.missing({
        stream: "scalp",
        series: 1,
        reason: "refused",
        detail: "price.jump",
        symbol: "SPY",
        sequence,
        at: openingAt + sequence,
      });
    expect(gaps).toEqual([]);
    row(5);
    expect(gaps).toMatchObject([
      { reason: "refused", detail: "price.jump", firstMissing: 2, lastMissing: 4, from: openingAt, to: openingAt + 4 },
    ]);
  });

  it("runs of different reasons, and numbers that do not follow, are separate lines", () => {
    const { tracker, gaps } = setUp();
    const missing = (reason: "refused" | "lost", sequence: number): void =>
      tracker.missing({ stream: "scalp", series: 1, reason, detail: "x", symbol: "SPY", sequence, at: openingAt });
    missing("refused", 1);
    missing("lost", 2);
    missing("lost", 3);
    missing("lost", 7);
    tracker.finish(openingAt);
    expect(gaps.map(({ reason, firstMissing, lastMissing }) => `${reason} ${firstMissing}-${lastMissing}`)).toEqual([
      "refused 1-1",
      "lost 2-3",
      "lost 7-7",
    ]);
  });

  it("rows whose numbers say nothing are counted, one line per run, and an outage of a source without consecutive numbers is one line (A7)", () => {
    for (const isSparse of [false, true]) {
      const { tracker, gaps, row } = setUp(openingAt, {}, isSparse);
      row(0);
      for (let number = 1; number <= 1000; number++)
        tracker.missing({
          stream: "scalp",
          series: 1,
          reason: "lost",
          detail: "buffer.full",
          symbol: "SPY",
          ...(isSparse ? { sequence: number * 17 } : {}),
          at: openingAt + number,
        });
      row(1001);
      expect(gaps).toMatchObject([{ reason: "lost", detail: "buffer.full", rows: 1000, from: openingAt, to: openingAt + 1000 }]);
      expect(gaps[0]).not.toHaveProperty("firstMissing");
    }
  });

  it("lost rows of the swing stream are declared by their own numbers, and numbers of a later series with it", () => {
    const { tracker, gaps } = setUp();
    const lost = { reason: "lost", detail: "buffer.full", symbol: "SPY", at: openingAt } as const;
    for (const sequence of [5, 6]) tracker.missing({ ...lost, stream: "swing", series: 1, sequence });
    tracker.missing({ ...lost, stream: "scalp", series: 2, sequence: 7 });
    tracker.finish(openingAt);
    expect(gaps.map(({ stream, firstMissing, lastMissing, series }) => [stream, firstMissing, lastMissing, series])).toEqual([
      ["scalp", 7, 7, 2],
      ["swing", 5, 6, undefined],
    ]);
  });

  it("a row of a symbol that nobody asked for leaves no hole to declare", () => {
    const { tracker, gaps } = setUp();
    tracker.missing({ stream: "scalp", series: 1, reason: "refused", detail: "x", symbol: "QQQ", sequence: 1, at: openingAt });
    tracker.finish(openingAt);
    expect(gaps).toEqual([]);
  });
});

describe("a source whose numbers tell no loss", () => {
  const lostFrom = (from: number, to: number) =>
    expect.objectContaining({
      stream: "scalp",
      reason: "lost",
      detail: "not.connected",
      from: openingAt + from,
      to: openingAt + to,
    });

  it("has lost what lies between the last row and the next one of a new connection, however short that is", () => {
    const { tracker, gaps, row } = setUp();
    row(0);
    tracker.severed();
    row(300);
    row(600);
    expect(gaps).toEqual([lostFrom(0, 300)]);
    expect(gaps[0]).not.toHaveProperty("firstMissing");
  });

  it("has lost nothing before its first row, and after a restart what came since the last row of the run before", () => {
    const fresh = setUp();
    fresh.tracker.severed();
    fresh.row(300);
    expect(fresh.gaps).toEqual([]);
    const restarted = setUp(openingAt + 5_000, { SPY: openingAt + 1_000 });
    restarted.tracker.severed();
    restarted.row(6_000);
    expect(restarted.gaps).toEqual([lostFrom(1_000, 6_000)]);
  });

  it("is declared until the end when no row came any more, and as lost, not as quiet", () => {
    const { tracker, gaps, row } = setUp();
    row(0);
    tracker.severed();
    tracker.finish(openingAt + 60_000);
    expect(gaps.filter(({ stream }) => stream === "scalp")).toEqual([lostFrom(0, 60_000)]);
  });
});
