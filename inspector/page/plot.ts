/** From samples to lines that can be drawn, and to the sentence that says the same (spec I5). Pure. */
import type { HouseStatus } from "#core/runtime/report.ts";
import type { SampleField, SampleSeries } from "#core/runtime/samples.ts";
import { bytes, clock, count, duration, money, ms } from "./format.ts";
import { words } from "./words.ts";

export interface Plot {
  readonly title: string;
  /** What the line shows, for whoever sees no line. */
  readonly sentence: string;
  readonly newest: string;
  /** Of an SVG path in a box of `plotBox`; empty when nothing is known. */
  readonly path: string;
  /** Height at which zero lies, where it is inside. */
  readonly zeroY: number | null;
}

export const plotBox = { width: 300, height: 60 } as const;
type Values = readonly (number | null)[];

/** Gaps stay gaps: a line over them would claim what nobody measured. */
export const pathOf = (values: Values, low: number, high: number): string => {
  const { width, height } = plotBox;
  const step = width / Math.max(1, values.length - 1);
  const y = (value: number): string => (height - ((value - low) / (high - low || 1)) * height).toFixed(1);
  let path = "";
  values.forEach((value, index) => {
    if (value === null) return;
    const [before, after] = [values[index - 1] ?? null, values[index + 1] ?? null];
    path += `${before === null ? "M" : "L"}${(index * step).toFixed(1)} ${y(value)}`;
    // A point alone is a line of no length, which its round ends show.
    if (before === null && after === null) path += "h0";
  });
  return path;
};

/** Per second, between a place and the one before. */
export const rates = (values: Values, everyMs: number): (number | null)[] =>
  values.map((value, index) => {
    const before = values[index - 1] ?? null;
    return value === null || before === null ? null : Math.max(0, (value - before) / (everyMs / 1000));
  });

interface Kind {
  readonly title: string;
  readonly values: (series: SampleSeries) => Values;
  readonly text: (value: number, account: HouseStatus["account"]) => string;
  /** Which of the values matters most. */
  readonly worst: "highest" | "lowest";
}

const of =
  (field: SampleField) =>
  ({ values }: SampleSeries): Values =>
    values[field];
const perSecond = (value: number): string => `${count(Math.round(value))} /s`;

const kinds: readonly Kind[] = [
  { title: words.plots.pnl, values: of("pnlMinor"), text: (value, account) => money(value, account), worst: "lowest" },
  { title: words.plots.lag("P0"), values: of("lagP0Ms"), text: ms, worst: "highest" },
  { title: words.plots.lag("P1"), values: of("lagP1Ms"), text: ms, worst: "highest" },
  { title: words.plots.lag("P2"), values: of("lagP2Ms"), text: ms, worst: "highest" },
  { title: words.plots.lag("P3"), values: of("lagP3Ms"), text: ms, worst: "highest" },
  {
    title: words.plots.feedAge,
    values: of("feedAgeMs"),
    text: (value) => (value < 1000 ? ms(value) : duration(value)),
    worst: "highest",
  },
  { title: words.plots.loop, values: of("loopMs"), text: ms, worst: "highest" },
  {
    title: words.plots.received,
    values: ({ values, everyMs }) => rates(values.received, everyMs),
    text: perSecond,
    worst: "lowest",
  },
  {
    title: words.plots.persisted,
    values: ({ values, everyMs }) => rates(values.persisted, everyMs),
    text: perSecond,
    worst: "lowest",
  },
  { title: words.plots.disk, values: of("diskFreeBytes"), text: bytes, worst: "lowest" },
  { title: words.plots.memory, values: of("memoryBytes"), text: bytes, worst: "highest" },
];

const plotOf = (kind: Kind, series: SampleSeries, account: HouseStatus["account"]): Plot => {
  const values = kind.values(series);
  const known = values.filter((value) => value !== null);
  const newest = known.at(-1);
  if (newest === undefined) return { title: kind.title, sentence: words.plots.unknown, newest: "–", path: "", zeroY: null };
  const [lowest, highest] = [Math.min(...known), Math.max(...known)];
  const worst = kind.worst === "highest" ? highest : lowest;
  const worstAt = series.fromAt + values.lastIndexOf(worst) * series.everyMs;
  const [low, high] = [Math.min(0, lowest), Math.max(0, highest)];
  const text = (value: number): string => kind.text(value, account);
  return {
    title: kind.title,
    newest: text(newest),
    sentence:
      lowest === highest
        ? words.plots.steady(text(newest))
        : words.plots.worst(kind.worst, text(worst), clock(worstAt).slice(0, 5)),
    path: pathOf(values, low, high),
    zeroY: low < 0 ? plotBox.height - ((0 - low) / (high - low)) * plotBox.height : null,
  };
};

/** One for each figure, in the order in which they are shown. */
export const plotsOf = (series: SampleSeries, account: HouseStatus["account"]): Plot[] =>
  kinds.map((kind) => plotOf(kind, series, account));

/** Since when the newest line goes without a gap, of what a plot of this span could show; null when it is empty. */
export const knownSince = ({ values, fromAt, everyMs }: SampleSeries): number | null => {
  const first = values.received.findIndex((value) => value !== null);
  return first === -1 ? null : fromAt + first * everyMs;
};
