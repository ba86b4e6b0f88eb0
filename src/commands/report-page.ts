/**
 * A session's performance as one HTML file: no script, no request to anywhere, everything drawn as SVG. Text that is not ours
 * is escaped.
 */
import type { DayPerformance, EquityPoint, Performance, ShownFill, StateHistory } from "#core/performance-figures.ts";
import { type MoneyText, shareText, spanText, timeText } from "./report-text.ts";

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll(/[\p{Cc}\p{Cf}]/gu, "�");

const [width, left, right] = [960, 116, 14] as const;
const inner = width - left - right;
/** More marks than this are a smear, and megabytes. */
const fillsDrawn = 2_000;
const ticks = 4;

interface Scale {
  readonly x: (at: number) => string;
  readonly from: number;
  readonly to: number;
}

const scaleOf = ({ from, to }: Performance): Scale => {
  const [start, end] = [from ?? 0, Math.max(to ?? 1, (from ?? 0) + 1)];
  return { x: (at) => (left + (inner * (at - start)) / (end - start)).toFixed(1), from: start, to: end };
};

const timeAxis = ({ x, from, to }: Scale, y: number): string =>
  Array.from({ length: ticks + 1 }, (_, index) => {
    const at = from + ((to - from) * index) / ticks;
    const anchor = index === 0 ? "start" : index === ticks ? "end" : "middle";
    return `<text x="${x(at)}" y="${y}" text-anchor="${anchor}">${timeText(at)}</text>`;
  }).join("");

const valueAxis = (low: number, high: number, y: (value: number) => string, text: (value: number) => string): string =>
  [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const value = low + (high - low) * share;
      return `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/><text x="${left - 8}" y="${Number(y(value)) + 4}" text-anchor="end">${escaped(text(value))}</text>`;
    })
    .join("");

const equityPlot = (performance: Performance, scale: Scale, money: MoneyText): string => {
  const { curve, startMinor, drawdown } = performance;
  const points: readonly EquityPoint[] = [{ at: scale.from, equityMinor: startMinor }, ...curve];
  const values = points.map(({ equityMinor }) => equityMinor);
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const span = Math.max(high - low, 1);
  const y = (value: number): string => (230 - (210 * (value - low)) / span).toFixed(1);
  const line = points.map(({ at, equityMinor }) => `${scale.x(at)},${y(equityMinor)}`).join(" ");
  const fall =
    drawdown === null
      ? ""
      : `<rect class="fall" x="${scale.x(drawdown.high.at)}" y="${y(drawdown.high.equityMinor)}" width="${Math.max(1, Number(scale.x(drawdown.low.at)) - Number(scale.x(drawdown.high.at)))}" height="${Math.max(1, Number(y(drawdown.low.equityMinor)) - Number(y(drawdown.high.equityMinor)))}"><title>deepest fall: ${shareText(drawdown.share)}</title></rect>`;
  return `<svg viewBox="0 0 ${width} 260" role="img" aria-label="${escaped(`Equity from ${money(startMinor)} to ${money(performance.endMinor)}`)}">${valueAxis(low, low + span, y, money)}${fall}<line class="start" x1="${left}" x2="${width - right}" y1="${y(startMinor)}" y2="${y(startMinor)}"/><polyline class="equity" points="${line}"/>${timeAxis(scale, 254)}</svg>`;
};

/** One strip per history, coloured by state. */
const statesPlot = (performance: Performance, scale: Scale): string => {
  const strip = (name: string, { changes }: StateHistory, initial: string, y: number): string => {
    const spans = [
      { at: scale.from, to: changes[0]?.from ?? initial, why: "" },
      ...changes.map(({ at, to, why }) => ({ at, to, why })),
    ];
    const rects = spans.map(({ at, to, why }, index) => {
      const end = spans[index + 1]?.at ?? scale.to;
      const wide = Math.max(1, Number(scale.x(end)) - Number(scale.x(at)));
      return `<rect class="state-${escaped(to)}" x="${scale.x(at)}" y="${y}" width="${wide.toFixed(1)}" height="22"><title>${escaped(`${to} from ${timeText(at)}${why === "" ? "" : `, ${why}`}`)}</title></rect>`;
    });
    return `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${name}</text>${rects.join("")}`;
  };
  const { safety, operating } = performance;
  const last = ({ lasted }: StateHistory, otherwise: string): string => Object.keys(lasted)[0] ?? otherwise;
  return `<svg viewBox="0 0 ${width} 84" role="img" aria-label="Safety and operating state over time">${strip("safety", safety, last(safety, "NORMAL"), 4)}${strip("operating", operating, last(operating, "BALANCED"), 34)}${timeAxis(scale, 76)}</svg>`;
};

const fillsPlot = (symbol: string, fills: readonly ShownFill[], scale: Scale, price: (minor: number) => string): string => {
  const shown = fills.slice(-fillsDrawn);
  const prices = shown.map(({ priceMinor }) => priceMinor);
  const [low, high] = [prices.reduce((a, b) => Math.min(a, b)), prices.reduce((a, b) => Math.max(a, b))];
  const span = Math.max(high - low, 1);
  const y = (value: number): string => (150 - (130 * (value - low)) / span).toFixed(1);
  const marks = shown.map(({ at, side, quantity, priceMinor }) => {
    const [cx, cy] = [Number(scale.x(at)), Number(y(priceMinor))];
    const tip = side === "buy" ? -5 : 5;
    return `<path class="${side}" d="M${cx} ${(cy + tip).toFixed(1)}l4 ${-1.6 * tip}h-8z"><title>${escaped(`${side} ${quantity} at ${price(priceMinor)}, ${timeText(at)}`)}</title></path>`;
  });
  return `<h3>${escaped(symbol)}</h3><svg viewBox="0 0 ${width} 180" role="img" aria-label="${shown.length} fills of ${escaped(symbol)} over time and price">${valueAxis(low, low + span, y, price)}${marks.join("")}${timeAxis(scale, 174)}</svg>`;
};

type Row = readonly (string | number)[];
const table = (caption: string, head: readonly string[], rows: readonly Row[]): string =>
  `<table><caption>${caption}</caption><thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${escaped(String(cell))}</td>`).join("")}</tr>`)
    .join("")}</tbody></table>`;

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6570;--line:#d5dae0;--paper:#fff;--accent:#1f6feb;--fall:#d1242f22;--buy:#1a7f37;--sell:#bc4c00}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#9aa4b0;--line:#343b45;--paper:#14181d;--accent:#6ea8ff;--fall:#ff6b6b33;--buy:#4cc26b;--sell:#ff9b57}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:0 auto;padding:24px 16px}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:32px 0 8px}h3{font-size:14px;margin:16px 0 0}p.sub{color:var(--dim);margin:4px 0 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:20px 0;padding:0}
.cards div{border:1px solid var(--line);border-radius:8px;padding:10px 12px}.cards dt{color:var(--dim);font-size:13px}.cards dd{margin:0;font-size:19px;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--dim)}
.grid{stroke:var(--line)}.start{stroke:var(--dim);stroke-dasharray:4 4}.equity{fill:none;stroke:var(--accent);stroke-width:1.6}.fall{fill:var(--fall)}
.buy{fill:var(--buy)}.sell{fill:var(--sell)}
.state-NORMAL,.state-BALANCED{fill:#4c9a6a}.state-WARNING,.state-DEFENSIVE{fill:#d9a514}.state-FAIL{fill:#d1242f}.state-LOCKDOWN{fill:#7d1ea0}.state-AGGRESSIVE{fill:#1f6feb}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--dim);padding:4px 0}
th,td{text-align:right;padding:4px 10px;border-bottom:1px solid var(--line);white-space:nowrap}th:first-child,td:first-child{text-align:left}td:last-child{white-space:normal}
`;

export interface PageOptions {
  readonly session: string;
  readonly version: string;
  readonly money: MoneyText;
  readonly priceOf: (symbol: string, minor: number) => string;
  /** Sentences about what the figures leave out. */
  readonly notes: readonly string[];
}

const dayRow = (day: DayPerformance, money: MoneyText): Row => [
  day.day,
  money(day.closeMinor - day.openMinor),
  money(day.closeMinor),
  money(day.lowMinor),
  `${day.won} of ${day.trades}`,
  day.orders,
  day.denied,
  day.fills,
  money(day.feesMinor),
];

const changesTable = (name: string, { changes, changeCount, lasted }: StateHistory): string => {
  const spans = Object.entries(lasted).map(([state, ms]) => `${state} ${spanText(ms)}`);
  if (changes.length === 0) return `<p class="sub">${name}: ${spans.map(escaped).join(", ") || "no time"}, without a change</p>`;
  const left = changeCount - Math.min(changeCount, changes.length);
  const caption = `${name}: ${spans.map(escaped).join(", ") || "no time"}; ${changeCount} changes${left > 0 ? `, the first ${left} not shown` : ""}`;
  return `<div class="scroll">${table(
    caption,
    ["when (UTC)", "from", "to", "why"],
    changes.map(({ at, from, to, why }) => [timeText(at), from, to, why]),
  )}</div>`;
};

/** @returns the whole document */
export const performancePage = (performance: Performance, options: PageOptions): string => {
  const { money, session, notes } = options;
  const { orders, trades, drawdown, startMinor, endMinor, feesMinor, fillCount } = performance;
  const scale = scaleOf(performance);
  const bySymbol = Map.groupBy(performance.fills, ({ symbol }) => symbol);
  const cards: readonly (readonly [string, string])[] = [
    ["result", money(endMinor - startMinor)],
    ["equity", money(endMinor)],
    ["deepest fall", drawdown === null ? "none" : shareText(drawdown.share)],
    ["fees", money(feesMinor)],
    ["trades won", `${trades.won} of ${trades.count}`],
    ["lots filled", orders.lotsSent === 0 ? "none sent" : shareText(orders.lotsFilled / orders.lotsSent)],
  ];
  const period = performance.from === null ? "no fact" : `${timeText(performance.from)} to ${timeText(performance.to ?? 0)} UTC`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>QTS session ${escaped(session)}</title>
<style>${style}</style>
</head>
<body>
<h1>Session ${escaped(session)}</h1>
<p class="sub">${escaped(period)} · ${performance.facts.toLocaleString("en-US")} facts · QTS ${escaped(options.version)}</p>
${notes.map((note) => `<p class="sub">${escaped(note)}</p>`).join("\n")}
<dl class="cards">${cards.map(([name, text]) => `<div><dt>${name}</dt><dd>${escaped(text)}</dd></div>`).join("")}</dl>
<h2>Equity</h2>
${equityPlot(performance, scale, money)}
<h2>What safety and the operating state did</h2>
${statesPlot(performance, scale)}
${changesTable("safety", performance.safety)}
${changesTable("operating state", performance.operating)}
<h2>Fills</h2>
<p class="sub">▲ buy, ▼ sell${fillCount > performance.fills.length ? `; the newest ${performance.fills.length} of ${fillCount}` : ""}</p>
${[...bySymbol].map(([symbol, fills]) => fillsPlot(symbol, fills, scale, (minor) => options.priceOf(symbol, minor))).join("\n") || "<p>None.</p>"}
<h2>Orders</h2>
<div class="scroll">${table(
    `${orders.intended} wanted, ${orders.sent} sent, ${orders.denied} denied by QTS`,
    ["", "orders"],
    [
      ["filled whole", orders.filled],
      ["filled in part", orders.partlyFilled],
      ["not filled", orders.unfilled],
    ],
  )}${
    orders.denials.length === 0
      ? ""
      : table(
          "why QTS denied orders",
          ["code", "times", "the newest reason"],
          orders.denials.map(({ code, count, reason }) => [code, count, reason]),
        )
  }</div>
<h2>Days</h2>
<div class="scroll">${table(
    "by the market's trading day",
    ["day", "result", "equity", "lowest", "won", "orders", "denied", "fills", "fees"],
    performance.days.map((day) => dayRow(day, money)),
  )}</div>
</body>
</html>
`;
};
