/** One frame of the live view as text: a pure function of the house's status and the width of the terminal. */
import { priorities } from "#core/event/fact.ts";
import { printable } from "#core/printable.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { lossesText } from "#core/runtime/status.ts";

export interface FrameOptions {
  /** Address of the page, where there is one. */
  readonly address?: string;
  /** The same with the token that shows machines and orders; shown where it fits, because half of it opens nothing. */
  readonly addressWithToken?: string | undefined;
  readonly colour: boolean;
  /** False where the terminal's encoding is not UTF-8. */
  readonly unicode: boolean;
}

type Tone = "plain" | "bold" | "quiet" | "calm" | "watch" | "alarm";
type Piece = string | { readonly text: string; readonly tone: Tone };

const sgr: Record<Tone, string> = {
  plain: "",
  bold: "\x1b[1m",
  quiet: "\x1b[2m",
  calm: "\x1b[32m",
  watch: "\x1b[33m",
  alarm: "\x1b[1;31m",
};
const safetyTones: { readonly [state: string]: Tone } = {
  recovering: "watch",
  NORMAL: "calm",
  WARNING: "watch",
  FAIL: "alarm",
  LOCKDOWN: "alarm",
};

const counts = new Intl.NumberFormat("en");
export const count = (value: number): string => counts.format(value);

/** Cut down, not rounded: 99.999 % of the rows is not all of them. */
export const percent = (share: number, digits: number): string => {
  const scale = 10 ** digits;
  return `${(Math.floor(share * 100 * scale) / scale).toFixed(digits)} %`;
};

const milliseconds = (ms: number): string => (ms < 10 ? `${ms.toFixed(2)} ms` : `${count(Math.round(ms))} ms`);

const shortestCounts = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 });
const shortCounts = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** The whole number where it has room beside its neighbour, else a short form of it. */
const fitted = (value: number, cells: number): string => {
  const whole = count(value);
  return whole.length < cells ? whole : (cells < 6 ? shortestCounts : shortCounts).format(value);
};

/** At most six cells. */
const shortTime = (ms: number): string => {
  if (ms < 10) return `${ms.toFixed(2)}ms`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)}s` : `${fitted(Math.round(ms / 60_000), 5)}m`;
};

/** For the eye: two decimals at most; the exact amount is in the report. */
export const money = (minor: number, { currency, priceScale }: HouseStatus["account"]): string => {
  const digits = Math.min(2, priceScale);
  const amount = (Math.abs(minor) / 10 ** priceScale).toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${minor < 0 ? "-" : minor > 0 ? "+" : ""}${amount} ${currency}`;
};

/** Joins pieces into a line of at most `width` cells; colours take no cell. */
const line = (width: number, colour: boolean, ...pieces: readonly Piece[]): string => {
  let left = width;
  let text = "";
  for (const piece of pieces) {
    const { text: whole, tone } = typeof piece === "string" ? { text: piece, tone: "plain" as const } : piece;
    const part = [...printable(whole)].slice(0, left).join("");
    left -= [...part].length;
    text += colour && tone !== "plain" && part !== "" ? `${sgr[tone]}${part}\x1b[0m` : part;
  }
  return text.trimEnd();
};

const quiet = (text: string): Piece => ({ text, tone: "quiet" });
const bold = (text: string): Piece => ({ text, tone: "bold" });

const labelCells = 11;
const label = (text: string): Piece => quiet(text.padEnd(labelCells));

const pageText = (width: number, address: string, withToken: string | undefined): string => {
  if (withToken === undefined) return address;
  return labelCells + withToken.length <= width ? withToken : `${address}  (machines and orders: qts inspect)`;
};

const bar = (share: number, cells: number, unicode: boolean): readonly Piece[] => {
  const full = Math.min(cells, Math.floor(share * cells));
  const [done, rest] = unicode ? ["━", "─"] : ["#", "."];
  return [{ text: (done as string).repeat(full), tone: "bold" }, quiet((rest as string).repeat(cells - full))];
};

type Lane = HouseStatus["lanes"]["P0"];

interface LaneColumn {
  readonly title: string;
  readonly width: number;
  readonly of: (lane: Lane, cells: number) => string;
}

const unlessIdle = (text: (lane: Lane) => string) => (lane: Lane) => (lane.handled === 0 ? "-" : text(lane));

const roomyColumns: readonly LaneColumn[] = [
  { title: "waiting", width: 15, of: ({ depth, inProgress, capacity }) => `${count(depth + inProgress)}/${count(capacity)}` },
  { title: "oldest", width: 11, of: ({ depth, oldestAgeMs }) => (depth === 0 ? "-" : milliseconds(oldestAgeMs)) },
  { title: "accepted", width: 12, of: ({ accepted }) => count(accepted) },
  { title: "handled", width: 12, of: ({ handled }) => count(handled) },
  { title: "dropped", width: 9, of: ({ dropped }) => count(dropped) },
  { title: "collapsed", width: 11, of: ({ collapsed }) => count(collapsed) },
  { title: "sampled", width: 9, of: ({ sampled }) => count(sampled) },
  { title: "dead", width: 7, of: ({ deadLettered }) => count(deadLettered) },
  { title: "p50", width: 11, of: unlessIdle(({ p50Ms }) => milliseconds(p50Ms)) },
  { title: "p99", width: 11, of: unlessIdle(({ p99Ms }) => milliseconds(p99Ms)) },
];

/** The same account in 80 cells: the capacity is left out, and what does not fit is shortened. */
const tightColumns: readonly LaneColumn[] = [
  { title: "waiting", width: 8, of: ({ depth, inProgress }, cells) => fitted(depth + inProgress, cells) },
  { title: "oldest", width: 7, of: ({ depth, oldestAgeMs }) => (depth === 0 ? "-" : shortTime(oldestAgeMs)) },
  { title: "accepted", width: 9, of: ({ accepted }, cells) => fitted(accepted, cells) },
  { title: "handled", width: 8, of: ({ handled }, cells) => fitted(handled, cells) },
  { title: "dropped", width: 8, of: ({ dropped }, cells) => fitted(dropped, cells) },
  { title: "collapsed", width: 10, of: ({ collapsed }, cells) => fitted(collapsed, cells) },
  { title: "sampled", width: 8, of: ({ sampled }, cells) => fitted(sampled, cells) },
  { title: "dead", width: 5, of: ({ deadLettered }, cells) => fitted(deadLettered, cells) },
  { title: "p50", width: 7, of: unlessIdle(({ p50Ms }) => shortTime(p50Ms)) },
  { title: "p99", width: 7, of: unlessIdle(({ p99Ms }) => shortTime(p99Ms)) },
];
const laneCells = 3;
const roomyCells = roomyColumns.reduce((cells, { width }) => cells + width, laneCells);

/** "2013-10-07 14:02 UTC" of an ISO time. */
const minuteOf = (iso: unknown): string => (typeof iso === "string" ? `${iso.slice(0, 16).replace("T", " ")} UTC` : "unknown");

/** Why safety is not NORMAL, and the kill switch where there is something to say of it. */
const safetyRows = ({ safety, parts }: HouseStatus): readonly (readonly Piece[])[] => {
  const { cause = null, reason, since } = parts.posture ?? {};
  const { state: killSwitch = "off", reason: why, since: onSince, path } = parts["kill-switch"] ?? {};
  const tone = safetyTones[safety] ?? "alarm";
  const rows: (readonly Piece[])[] = [];
  if (safety !== "NORMAL" && cause !== null)
    rows.push([label("Cause"), { text: `${cause} since ${minuteOf(since)}: ${reason}`, tone }]);
  if (killSwitch === "on")
    rows.push([label("Kill"), { text: `switch on since ${minuteOf(onSince)}: ${why}`, tone: "alarm" }, quiet(` ${path ?? ""}`)]);
  if (killSwitch === "unreadable") rows.push([label("Kill"), { text: `switch without effect: ${why}`, tone: "alarm" }]);
  if (killSwitch === "not watched")
    rows.push([label("Kill"), { text: "switch not watched: killSwitch.available is false", tone: "watch" }]);
  return rows;
};

/**
 * @param width cells of the terminal; every line fits into it, and below 40 it is cut rather than wrapped
 * @returns the frame's lines joined by newlines, without one at the end
 */
export const renderFrame = (status: HouseStatus, width: number, options: FrameOptions): string => {
  const { address, colour, unicode } = options;
  const row = (...pieces: readonly Piece[]): string => line(width, colour, ...pieces);
  const dot = unicode ? " · " : " - ";
  const time = status.marketTime.slice(0, 19).replace("T", " ");
  const progress = status.progress === null ? "live" : percent(status.progress, 1);
  const barCells = Math.min(60, width - `${time} UTC    ${progress}`.length);
  const shown = width >= roomyCells ? roomyColumns : tightColumns;
  const paused = priorities.filter((name) => status.lanes[name].paused);
  const sources = Object.entries(status.sources).filter(([, { received, paused: waits }]) => received > 0 || waits);
  const [letter] = status.deadLetters;
  const deadLettered = priorities.reduce((sum, name) => sum + status.lanes[name].deadLettered, 0);
  const { orders, archive, positions } = status;
  const holdings = Object.entries(positions).map(([symbol, lots]) => `${symbol} ${count(lots)}`);
  const missing = archive.received - archive.persisted - archive.refused - archive.errored;
  const lost = lossesText(status.losses);
  const restarts = Object.entries(status.restarts).filter(([, times]) => times > 0);
  return [
    row(
      bold(`QTS ${status.version}`),
      `${dot}${status.session}`,
      quiet(status.recovered ? `${dot}recovered, epoch ${status.epoch}` : ""),
    ),
    row(
      `${time} UTC  `,
      ...(status.progress === null || barCells < 5 ? [] : bar(status.progress, barCells, unicode)),
      `  ${progress}`,
    ),
    "",
    row(
      label("Safety"),
      { text: status.safety.padEnd(12), tone: safetyTones[status.safety] ?? "alarm" },
      quiet("Operating  "),
      bold(status.operating.padEnd(12)),
      quiet("Trading  "),
      status.trading.open ? { text: "open", tone: "calm" } : { text: "closed", tone: "watch" },
    ),
    row(quiet(status.trading.open ? "" : `${" ".repeat(11)}${status.trading.why}`)),
    ...safetyRows(status).map((pieces) => row(...pieces)),
    row(quiet(`   ${shown.map(({ title, width: cells }) => title.padStart(cells)).join("")}`)),
    ...priorities.map((name) =>
      row(`${name} ${shown.map(({ of, width: cells }) => of(status.lanes[name], cells).padStart(cells)).join("")}`),
    ),
    row(paused.length === 0 ? "" : { text: `   paused, and holding what comes: ${paused.join(", ")}`, tone: "watch" }),
    "",
    row(
      label("Orders"),
      `${count(status.openOrders)} open of ${count(orders.total)}`,
      quiet(`${dot}${count(orders.filled)} filled, ${count(orders.canceled)} canceled, ${count(orders.denied)} denied`),
      ...(["rejected", "expired", "unknown"] as const)
        .filter((ended) => orders[ended] > 0)
        .map((ended): Piece => ({ text: `, ${count(orders[ended])} ${ended}`, tone: ended === "unknown" ? "alarm" : "quiet" })),
    ),
    row(label("Position"), holdings.length === 0 ? quiet("none") : holdings.join(dot)),
    row(label("PnL"), money(status.pnlMinor, status.account)),
    row(
      label("Archive"),
      `received ${count(archive.received)}, persisted ${count(archive.persisted)}`,
      archive.received === 0 ? "" : quiet(` (${percent(archive.persisted / archive.received, 2)})`),
      missing > 0 ? quiet(`, ${count(missing)} on the way`) : "",
      archive.errored > 0 ? { text: `, ${count(archive.errored)} failed`, tone: "alarm" } : "",
    ),
    row(
      label("Sources"),
      ...sources.flatMap(([name, { received, reconnects, paused: waits }], index): Piece[] => [
        index > 0 ? dot : "",
        `${name} ${count(received)}`,
        reconnects > 0 ? quiet(`, ${count(reconnects)} reconnects`) : "",
        waits ? { text: ", waits", tone: "watch" } : "",
      ]),
    ),
    ...(letter === undefined
      ? []
      : [
          row(label("Dead"), {
            text: `${count(deadLettered)}, the latest ${letter.type}, ${letter.handler}: ${letter.reason}`,
            tone: "watch",
          }),
        ]),
    ...(lost === "" ? [] : [row(label("Lost"), { text: lost, tone: "watch" })]),
    ...(restarts.length === 0
      ? []
      : [row(label("Restarts"), { text: restarts.map(([part, times]) => `${part} ${times}`).join(dot), tone: "watch" })]),
    ...(address === undefined ? [] : ["", row(label("Page"), pageText(width, address, options.addressWithToken))]),
  ].join("\n");
};

/** One line of the same, for terminals that cannot move their cursor. */
export const renderLine = (status: HouseStatus): string =>
  [
    `${status.marketTime.slice(0, 19).replace("T", " ")} UTC`,
    status.progress === null ? "live" : percent(status.progress, 1),
    `safety ${status.safety}`,
    `operating ${status.operating}`,
    `trading ${status.trading.open ? "open" : `closed (${status.trading.why})`}`,
    `${count(status.openOrders)} open orders`,
    money(status.pnlMinor, status.account),
    `received ${count(status.archive.received)}, persisted ${count(status.archive.persisted)}`,
  ]
    .map(printable)
    .join(" | ");
