import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "#config/config.ts";
import { type PostureRow, parsePostureCsv } from "#core/state/posture-csv.ts";
import { postureCsvLines, replayPosture } from "#core/state/posture-replay.ts";
import type { OperatingInput } from "#machines/operating-state.policy.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import { oracleMoves } from "./posture-oracle.ts";
import { dayMs, hourMs, neutral, type PlainMetrics, postureSeries, rowOf, startAt, sunny } from "./posture-series.ts";

const defaults = parseConfig();
if (!defaults.ok) throw new Error("the default configuration is broken");
const { operating } = defaults.config;
const reading = (name: OperatingInput["reading"], initial: OperatingInput["initial"] = "BALANCED"): OperatingInput => ({
  ...operating,
  reading: name,
  initial,
});
const initials = { A: "AGGRESSIVE", B: "BALANCED", D: "DEFENSIVE" } as const;

describe("replay of a posture (S20)", () => {
  it.each(["safety-first", "literal"] as const)("agrees with the words of the spec on random series: %s", (name) => {
    let moved = 0;
    const rules = new Set<string>();
    fc.assert(
      fc.property(postureSeries, fc.constantFrom("A", "B", "D"), (rows, initial) => {
        const { transitions } = replayPosture(rows, reading(name, initials[initial]));
        const expected = oracleMoves(rows, { literal: name === "literal", initial });
        expect(transitions.map(({ at, from, to, rule }) => ({ at, from, to, rule }))).toEqual(expected);
        moved += expected.length;
        for (const { rule } of expected) rules.add(rule);
      }),
      { numRuns: 1000 },
    );
    // The comparison is worth something only when the series reach every rule.
    expect([...rules].toSorted()).toEqual(["A_TO_B", "B_TO_A", "B_TO_D", "D_TO_B", "LOCKDOWN_RESUME", "SAFETY_FAIL"]);
    expect(moved).toBeGreaterThan(1000);
  });

  it("says the same for a file in which every row stands twice", () => {
    fc.assert(
      fc.property(postureSeries, (rows) => {
        const doubled = rows.flatMap((row) => [row, row]);
        expect(replayPosture(doubled, reading("safety-first")).transitions).toEqual(
          replayPosture(rows, reading("safety-first")).transitions,
        );
      }),
    );
  });

  it("names the clauses that decided, in the words of the columns", () => {
    const crash = { ...neutral, drawdown: 0.12, vix: 40 };
    const rows = [0, 1, 2].map((hour) => rowOf(startAt + hour * hourMs, crash));
    expect(postureCsvLines(replayPosture(rows, reading("safety-first")).transitions)).toEqual([
      "timestamp,from,to,rule,clauses",
      "2024-01-01T02:00:00.000Z,BALANCED,DEFENSIVE,B_TO_D,drawdown>0.1|vix>30",
    ]);
  });

  /** An evaluation an hour, in stretches of hours with the same metrics and safety. */
  const hourly = (...stretches: readonly (readonly [hours: number, metrics: PlainMetrics, safety?: SafetyView])[]) => {
    const rows: PostureRow[] = [];
    for (const [hours, metrics, safety] of stretches)
      for (let hour = 0; hour < hours; hour += 1) rows.push(rowOf(startAt + rows.length * hourMs, metrics, safety));
    return rows;
  };
  const movesOf = (rows: readonly PostureRow[]) =>
    replayPosture(rows, reading("safety-first")).transitions.map(({ at, rule }) => [(at - startAt) / hourMs, rule]);

  it("counts no hour of LOCKDOWN as held, also when FAIL follows it (S14)", () => {
    const crash = { ...sunny, drawdown: 0.2 };
    const rows = hourly([24, crash], [96, crash, "LOCKDOWN"], [1, crash, "FAIL"], [139, sunny]);
    // Five days after the FAIL, which is the first hour that is not LOCKDOWN.
    expect(movesOf(rows)).toEqual([
      [2, "B_TO_D"],
      [240, "D_TO_B"],
    ]);
  });

  it("promotes nobody in the first hours after a WARNING, a breaker or a bad hour: two good ones come first (S12)", () => {
    for (const bad of [
      [2, sunny, "WARNING"],
      [1, { ...sunny, drawdown: 0.06 }],
      [2, sunny, "UNKNOWN"],
    ] as const)
      expect(movesOf(hourly([239, sunny], bad, [9, sunny]))).toEqual([[239 + bad[0] + 2, "B_TO_A"]]);
    const halted = hourly([24, { ...sunny, vix: 40 }], [97, sunny], [1, { ...sunny, circuitBreaker: true }], [9, sunny]);
    expect(movesOf(halted)).toEqual([
      [2, "B_TO_D"],
      [124, "D_TO_B"],
    ]);
  });

  it("measures the time in each state", () => {
    const rows = [0, 1, 2, 12].map((hour) => rowOf(startAt + hour * hourMs, { ...neutral, vix: 40 }));
    expect(replayPosture(rows, reading("safety-first")).timeInMs).toEqual({
      AGGRESSIVE: 0,
      BALANCED: 2 * hourMs,
      DEFENSIVE: 10 * hourMs,
    });
  });

  it("promotes on known conditions even where other cells are empty, and never on an empty one of its own", () => {
    const { drawdown: _, circuitBreaker: __, ...known } = sunny;
    const rows = [0, 1, 20].map((day) => rowOf(startAt + day * dayMs, known));
    expect(replayPosture(rows, reading("safety-first")).transitions.map(({ rule }) => rule)).toEqual(["B_TO_A"]);
    for (const missing of ["cagr", "targetCagr", "vix", "growth", "winRate"] as const) {
      const { [missing]: ___, ...rest } = sunny;
      const blind = [0, 1, 20].map((day) => rowOf(startAt + day * dayMs, rest));
      expect(replayPosture(blind, reading("safety-first")).transitions).toEqual([]);
    }
  });

  it("takes 200,000 rows in under ten seconds", () => {
    const rows = Array.from({ length: 200_000 }, (_, hour) => rowOf(startAt + hour * hourMs, hour % 500 < 250 ? sunny : neutral));
    // Of this process's own time, so that a busy machine does not fail it.
    const before = process.cpuUsage();
    expect(replayPosture(rows, reading("safety-first")).evaluations).toBe(200_000);
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(10);
  });
});

describe("files of metrics", () => {
  const header =
    "timestamp,drawdown,vix,consecutive_losses,daily_loss,circuit_breaker,safety,profitable_days,cagr,target,growth,win_rate";
  const good = "2024-01-02T09:00:00+09:00,0.01,14,0,-0.01,false,NORMAL,3,0.2,0.15,0.2,0.7";
  const problemsOf = (...rows: readonly string[]): readonly string[] => {
    const parsed = parsePostureCsv([header, ...rows].join("\n"));
    return parsed.ok ? [] : parsed.error.map(({ line, column, problem }) => `${line} ${column} ${problem}`);
  };
  /** The good row with one cell replaced. */
  const rowWith = (column: string, cell: string): string => {
    const index = header.split(",").indexOf(column);
    return good.split(",").with(index, cell).join(",");
  };

  it("reads every column, offsets, CRLF, a byte order mark, quotes, empty lines and empty cells", () => {
    const parsed = parsePostureCsv(
      `\uFEFF${header}\r\n"2024-01-02",,,,,1,warning,,,,,\r\n\r\n${good.replace("2024-01-02", "2024-01-03")}\r\n`,
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const [first, second] = parsed.value.rows;
    expect(first).toEqual({
      timestamp: "2024-01-02",
      at: Date.UTC(2024, 0, 2),
      safety: "WARNING",
      metrics: { circuitBreaker: { value: true, at: Date.UTC(2024, 0, 2) } },
    });
    expect(second?.at).toBe(Date.UTC(2024, 0, 3));
    expect(second?.metrics.profitableDays).toEqual({ value: 3, at: Date.UTC(2024, 0, 3) });
    expect(second?.metrics.dailyLoss?.value).toBe(-0.01);
  });

  it("takes columns in any order, and says which are not there", () => {
    const parsed = parsePostureCsv("vix,timestamp\n31,2024-01-02\n");
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    expect([...parsed.value.rows][0]).toMatchObject({ safety: "UNKNOWN", metrics: { vix: { value: 31 } } });
    expect(parsed.value.absentColumns).toContain("safety");
  });

  it.each([
    ["drawdown", "5", "2 drawdown is 5: it is above 1: fractions, not percent; write 0.05 for 5 %"],
    ["daily_loss", "2", "2 daily_loss is 2: it is above 1: fractions, not percent; write 0.02 for 2 %"],
    ["win_rate", "60", "2 win_rate is 60: it is above 1: fractions, not percent; write 0.6 for 60 %"],
    ["target", "15", "2 target is 15: it is above 2: fractions, not percent; write 0.15 for 15 %"],
    ["cagr", "20", "2 cagr is 20: it is above 10: fractions, not percent; write 0.2 for 20 %"],
    ["growth", "12", "2 growth is 12: it is above 10: fractions, not percent; write 0.12 for 12 %"],
    ["vix", "0.25", "2 vix is 0.25: it must be at least 1: VIX is in points; write 25, not 0.25"],
    ["vix", "0", "2 vix is 0: it must be at least 1: VIX is in points; write 25, not 0.25"],
    ["drawdown", "-0.01", "2 drawdown is -0.01: it must not be below 0"],
    ["drawdown", "NaN", '2 drawdown is "NaN", which is not a finite number; an unknown value is an empty cell'],
    ["vix", "Infinity", '2 vix is "Infinity", which is not a finite number; an unknown value is an empty cell'],
    ["growth", "5%", '2 growth is "5%", which is not a finite number; write 0.05 for 5 %'],
    ["consecutive_losses", "2.5", "2 consecutive_losses is 2.5: it must be a whole number of at least 0"],
    ["profitable_days", "-1", "2 profitable_days is -1: it must be a whole number of at least 0"],
    ["circuit_breaker", "maybe", '2 circuit_breaker is "maybe": must be true or false (or 1 or 0)'],
    ["safety", "PANIC", '2 safety is "PANIC": must be one of NORMAL, WARNING, FAIL, LOCKDOWN'],
    ["timestamp", "soon", '2 timestamp is "soon", which is not an ISO-8601 date or time'],
  ])("refuses %s = %s with line, column and remedy", (column, cell, sentence) => {
    expect(problemsOf(rowWith(column, cell))).toEqual([sentence]);
  });

  it("refuses a time before the row above, a short row, an unknown column and a column twice", () => {
    expect(problemsOf(good, rowWith("timestamp", "2024-01-01"))).toEqual([
      '3 timestamp is "2024-01-01", earlier than the row before it',
    ]);
    expect(problemsOf("2024-01-02,0.01")).toEqual(["2 (row) has 2 cells; the header has 12"]);
    const odd = parsePostureCsv("timestamp,drawdwn,vix,vix\n");
    expect(odd.ok ? [] : odd.error.map(({ column }) => column)).toEqual(["drawdwn", "vix"]);
  });

  it.each([
    ["", "is missing: the file is empty"],
    ["\uFEFF\r\n \n", "is missing: the file is empty"],
    [`\n${header}\n${good}\n`, "is missing: the first line is empty"],
  ])("says in one sentence what is wrong with a file that begins %j", (text, problem) => {
    const parsed = parsePostureCsv(text);
    expect(parsed.ok ? [] : parsed.error).toEqual([{ line: 1, column: "(header)", problem }]);
  });

  it("stops at ten problems: the eleventh says nothing new", () => {
    expect(problemsOf(...Array.from({ length: 40 }, () => rowWith("drawdown", "5")))).toHaveLength(10);
  });
});
