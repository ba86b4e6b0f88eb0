/**
 * The posture over 26 years of the Korean market: `node docs/posture-history.ts kr_daily.csv` writes
 * docs/reference/posture-replay.md and docs/images/posture.svg.
 *
 * The series itself has no licence and is not part of QTS; what is kept is what the machine made of it. Columns needed:
 * date, kospi200_close, vix_prev_us_close, vix_prev_us_date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "#config/config.ts";
import type { PostureRow } from "#core/state/posture-csv.ts";
import { type PostureReplay, replayPosture } from "#core/state/posture-replay.ts";
import { createTransitionMetrics } from "#core/state/transition-metrics.ts";
import { dayMs } from "#machines/durations.ts";
import type { OperatingState } from "#machines/operating-state.policy.ts";

export interface Close {
  readonly date: string;
  readonly price: number;
  readonly vix: number;
  readonly vixDate: string;
}

const winRateDays = 30;
/** KRX closes at 15:30 in Seoul, New York at 16:00 there; daylight saving changes neither day. */
const krxCloseAt = (date: string): number => Date.parse(`${date}T15:30:00+09:00`);
const usCloseAt = (date: string): number => Date.parse(`${date}T16:00:00-05:00`);

/** Days on which the index was quoted; the file's last days have the other columns only. */
export const readCloses = (text: string): readonly Close[] => {
  const [header = "", ...lines] = text.trim().split("\n");
  const names = header.trim().split(",");
  const cellOf = (cells: readonly string[], name: string): string => cells[names.indexOf(name)] ?? "";
  return lines.flatMap((line) => {
    const cells = line.trim().split(",");
    const price = Number(cellOf(cells, "kospi200_close"));
    if (!(price > 0)) return [];
    return [
      {
        date: cellOf(cells, "date"),
        price,
        vix: Number(cellOf(cells, "vix_prev_us_close")),
        vixDate: cellOf(cells, "vix_prev_us_date"),
      },
    ];
  });
};

const { config } = (() => {
  const parsed = parseConfig();
  if (!parsed.ok) throw new Error("the default configuration is broken");
  return parsed;
})();

/** One evaluation per trading day, at the close, of an account that holds nothing but the index (spec S21). */
export const historyRows = (closes: readonly Close[]): readonly PostureRow[] => {
  const first = closes[0];
  if (first === undefined) return [];
  const startingCashMinor = 1_000_000_000;
  const priceMinor = (price: number): number => Math.round(price * 100);
  const metrics = createTransitionMetrics({
    startingCashMinor,
    highWaterDays: config.operating.highWaterDays,
    targetCagr: config.operating.targetCagr,
    dayOf: (at) => new Date(at).toISOString().slice(0, 10),
  });
  metrics.fill({
    at: krxCloseAt(first.date),
    symbol: "KOSPI200",
    side: "buy",
    quantity: Math.floor(startingCashMinor / priceMinor(first.price)),
    priceMinor: priceMinor(first.price),
    feeMinor: 0,
    lotSize: 1,
    scalp: false,
  });
  const days: { at: number; won: boolean }[] = [];
  let before = first.price;
  return closes.map(({ date, price, vix, vixDate }) => {
    const at = krxCloseAt(date);
    metrics.mark("KOSPI200", priceMinor(price), at);
    if (vix > 0) metrics.vix(vix, usCloseAt(vixDate));
    // The account never sells, so that a day stands for a trade.
    if (price !== before) days.push({ at, won: price > before });
    before = price;
    const recent = days.filter((day) => day.at > at - winRateDays * dayMs);
    const winRate = recent.length === 0 ? null : { value: recent.filter(({ won }) => won).length / recent.length, at };
    return { timestamp: date, at, safety: "NORMAL", metrics: { ...metrics.measure(), winRate } };
  });
};

export const replayHistory = (rows: readonly PostureRow[], reading: "safety-first" | "literal"): PostureReplay =>
  // A daily series: the VIX of a long holiday is older than a trading day, and still the last one there is.
  replayPosture(rows, { ...config.operating, reading, staleAfterMs: { ...config.operating.staleAfterMs, vix: 14 * dayMs } });

const colours: { readonly [S in OperatingState]: string } = { AGGRESSIVE: "#d9480f", BALANCED: "#e9ecef", DEFENSIVE: "#74a9cf" };
const width = 960;
const height = 320;
const plot = { left: 46, right: 12, top: 34, bottom: 28 };

/** Posture as bands behind the index on a logarithmic scale. */
export const historySvg = (closes: readonly Close[], { transitions }: PostureReplay): string => {
  const times = closes.map(({ date }) => krxCloseAt(date));
  const from = times[0] ?? 0;
  const to = times.at(-1) ?? 1;
  const logs = closes.map(({ price }) => Math.log(price));
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const x = (at: number): number => plot.left + ((at - from) / (to - from)) * (width - plot.left - plot.right);
  const y = (log: number): number => height - plot.bottom - ((log - low) / (high - low)) * (height - plot.top - plot.bottom);
  const fixed = (value: number): string => value.toFixed(1);
  const edges = [
    { at: from, state: transitions[0]?.from ?? ("BALANCED" as OperatingState) },
    ...transitions.map((transition) => ({ at: transition.at, state: transition.to })),
  ];
  const bands = edges.map(({ at, state }, index) => {
    const end = edges[index + 1]?.at ?? to;
    return `<rect x="${fixed(x(at))}" y="${plot.top}" width="${fixed(Math.max(x(end) - x(at), 0.3))}" height="${height - plot.top - plot.bottom}" fill="${colours[state]}"/>`;
  });
  // One point per week is all that this width can show.
  const line = closes.flatMap((_, index) =>
    index % 5 === 0 ? [`${fixed(x(times[index] as number))},${fixed(y(logs[index] as number))}`] : [],
  );
  const years = [2000, 2004, 2008, 2012, 2016, 2020].map((year) => {
    const at = x(Date.UTC(year, 0, 1));
    return `<line x1="${fixed(at)}" x2="${fixed(at)}" y1="${height - plot.bottom}" y2="${height - plot.bottom + 5}" stroke="#495057"/><text x="${fixed(at)}" y="${height - 8}" text-anchor="middle">${year}</text>`;
  });
  const levels = [100, 200, 400].map(
    (level) =>
      `<line x1="${plot.left}" x2="${width - plot.right}" y1="${fixed(y(Math.log(level)))}" y2="${fixed(y(Math.log(level)))}" stroke="#ced4da" stroke-dasharray="2 4"/><text x="${plot.left - 6}" y="${fixed(y(Math.log(level)) + 4)}" text-anchor="end">${level}</text>`,
  );
  const legend = (Object.keys(colours) as OperatingState[]).map(
    (state, index) =>
      `<rect x="${plot.left + index * 130}" y="10" width="14" height="14" fill="${colours[state]}" stroke="#adb5bd"/><text x="${plot.left + 20 + index * 130}" y="21">${state}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#343a40" role="img" aria-label="Operating state behind the KOSPI 200, 1999 to 2023">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...bands,
    ...levels,
    `<polyline points="${line.join(" ")}" fill="none" stroke="#212529" stroke-width="1.4"/>`,
    ...years,
    ...legend,
    `<text x="${width - plot.right}" y="21" text-anchor="end">KOSPI 200, logarithmic</text>`,
    "</svg>",
    "",
  ].join("\n");
};

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

export const historyPage = (rows: readonly PostureRow[], safetyFirst: PostureReplay, literal: PostureReplay): string => {
  const shares = ({ timeInMs, transitions, final }: PostureReplay): string => {
    const total = timeInMs.AGGRESSIVE + timeInMs.BALANCED + timeInMs.DEFENSIVE;
    const [a, b, d] = [timeInMs.AGGRESSIVE, timeInMs.BALANCED, timeInMs.DEFENSIVE].map((part) => percent(part, total));
    return `${transitions.length} | ${a} | ${b} | ${d} | ${final}`;
  };
  const table = safetyFirst.transitions.map(
    ({ timestamp, from, to, rule, clauses }) => `| ${timestamp} | ${from} | ${to} | ${rule} | ${clauses.join(" · ")} |`,
  );
  return `# The posture from 1999 to 2023

What the operating state would have been for an account that held nothing but the KOSPI 200, evaluated once per trading day
at the close. Written by \`npx node docs/posture-history.ts FILE.csv\`; the series has no licence and is not part of QTS.

![Operating state behind the index](../images/posture.svg)

| reading | transitions | AGGRESSIVE | BALANCED | DEFENSIVE | at the end |
|---|---|---|---|---|---|
| safety-first | ${shares(safetyFirst)} |
| literal | ${shares(literal)} |

How the metrics were made (\`src/core/state/transition-metrics.ts\`, spec S21):

- The account buys the index at the first close and holds it; equity follows the close. ${rows.length} evaluations.
- **Drawdown** from the highest equity of the last ${config.operating.highWaterDays} trading days; **daily loss** against the day before; **profitable days** in a row,
  a flat day neither counts nor resets.
- **VIX** of the last US close strictly before the day.
- **CAGR** since the first day, against the configured target of ${config.operating.targetCagr}; unknown in the first 90 days. **Growth** over the same ${config.operating.highWaterDays} trading days.
- **Win rate**: the account never sells, so a day stands for a trade: the share of winning days in the last 30 days. **Scalp losses**: none.
- Circuit breakers and safety are not in the series: no halt, NORMAL. A live system on those days would have seen both.

A daily series confirms at the second evaluation: a day is longer than the two hours that are asked for.

## Every transition, safety-first

| date | from | to | rule | clauses |
|---|---|---|---|---|
${table.join("\n")}
`;
};

if (process.argv[1] === import.meta.filename) {
  const [path] = process.argv.slice(2);
  if (path === undefined) {
    process.stderr.write("usage: node docs/posture-history.ts FILE.csv\n");
    process.exit(2);
  }
  const closes = readCloses(readFileSync(path, "utf8"));
  const rows = historyRows(closes);
  const safetyFirst = replayHistory(rows, "safety-first");
  const root = import.meta.dirname;
  writeFileSync(join(root, "reference/posture-replay.md"), historyPage(rows, safetyFirst, replayHistory(rows, "literal")));
  writeFileSync(join(root, "images/posture.svg"), historySvg(closes, safetyFirst));
}
