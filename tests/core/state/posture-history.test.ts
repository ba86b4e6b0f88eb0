import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Close, historyPage, historyRows, historySvg, readCloses, replayHistory } from "../../../docs/posture-history.ts";

const root = join(import.meta.dirname, "../../..");
const series = join(root, "../shared/data/kr_daily_1999_2024.csv");

describe("the posture over the history of a market (S20, S21)", () => {
  it.skipIf(!existsSync(series))(
    "is what docs/reference/posture-replay.md and its chart show (needs the daily series) (S20)",
    () => {
      const closes = readCloses(readFileSync(series, "utf8"));
      const rows = historyRows(closes);
      const safetyFirst = replayHistory(rows, "safety-first");
      expect(historyPage(rows, safetyFirst, replayHistory(rows, "literal"))).toBe(
        readFileSync(join(root, "docs/reference/posture-replay.md"), "utf8"),
      );
      expect(historySvg(closes, safetyFirst)).toBe(readFileSync(join(root, "docs/images/posture.svg"), "utf8"));
      // A person sees 2008 and 2020.
      const inForceAt = (date: string): string | undefined =>
        safetyFirst.transitions.findLast(({ timestamp }) => timestamp <= date)?.to;
      expect(["2008-10-24", "2020-03-19"].map(inForceAt)).toEqual(["DEFENSIVE", "DEFENSIVE"]);
    },
  );

  it("skips days without a close, and does not let a VIX of today decide today", () => {
    const closes = readCloses(
      "date,kospi200_close,samsung_close_adj,vix_prev_us_close,vix_prev_us_date\n2024-01-02,300.5,1,13,2023-12-29\n2024-01-03,,1,14,2024-01-02\n",
    );
    expect(closes).toEqual([{ date: "2024-01-02", price: 300.5, vix: 13, vixDate: "2023-12-29" }]);
    const [row] = historyRows(closes);
    expect(row?.metrics.vix?.at).toBeLessThan(row?.at ?? 0);
  });

  it("goes down in a crash and stays there until the market has healed", () => {
    const day = (index: number): string => new Date(Date.UTC(2024, 0, 1 + index)).toISOString().slice(0, 10);
    const closes: Close[] = Array.from({ length: 120 }, (_, index) => ({
      date: day(index + 1),
      price: index < 20 ? 100 : index < 25 ? 80 : 80 + (index - 24) * 0.5,
      vix: index < 20 ? 16 : index < 60 ? 40 : 18,
      vixDate: day(index),
    }));
    const { transitions } = replayHistory(historyRows(closes), "safety-first");
    expect(transitions.map(({ rule }) => rule)).toEqual(["B_TO_D", "D_TO_B"]);
    // The crash is on the 21st row and confirmed by the 22nd; the drawdown is below 5 % from 95 on.
    expect(transitions[0]?.timestamp).toBe(day(22));
    const healed = closes.find(({ date }) => date === transitions[1]?.timestamp);
    expect(healed?.price).toBeGreaterThan(95);
    expect(healed?.vix).toBeLessThan(20);
  });
});
