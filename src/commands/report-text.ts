/** A session's performance for a terminal, and how its figures are written. */
import type { Performance, StateHistory } from "#core/performance-figures.ts";
import { printable } from "#core/printable.ts";

/** Minor units as people read them: "1,234.50 USD". */
export type MoneyText = (minor: number) => string;

/** @param scale digits after the point of one unit; people read two at most */
export const moneyTextOf = (currency: string, scale: number): MoneyText => {
  const digits = Math.min(scale, 2);
  return (minor) =>
    `${(minor / 10 ** scale).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${currency}`.trim();
};

export const shareText = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** "2013-10-07 14:30" */
export const timeText = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");

/** The two largest units that are not nothing: "3 d 4 h", "12 min". */
export const spanText = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return `${ms === 0 ? 0 : (ms / 1000).toFixed(3)} s`;
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
};

const statesText = ({ lasted, changeCount }: StateHistory): string =>
  `${Object.entries(lasted)
    .map(([state, ms]) => `${state} ${spanText(ms)}`)
    .join(", ")}; ${changeCount === 1 ? "1 change" : `${changeCount} changes`}`;

/** @returns lines with a label each, every one ended; nothing when nothing was recorded */
export const performanceText = (performance: Performance, money: MoneyText): string => {
  const { from, drawdown, trades, orders, startMinor, endMinor, feesMinor } = performance;
  if (from === null) return "";
  const share = startMinor === 0 ? "" : ` (${shareText((endMinor - startMinor) / startMinor)})`;
  const average = (sum: number, count: number): string => (count === 0 ? "none" : money(sum / count));
  const lines: readonly (readonly [string, string])[] = [
    ["equity", `${money(startMinor)} → ${money(endMinor)}${share}, fees ${money(feesMinor)}`],
    [
      "drawdown",
      drawdown === null
        ? "none"
        : `${shareText(drawdown.share)}, from ${timeText(drawdown.high.at)} to ${timeText(drawdown.low.at)} UTC`,
    ],
    [
      "trades",
      trades.count === 0
        ? "none"
        : `${trades.count}, ${trades.won} won (average ${average(trades.wonMinor, trades.won)}), ${trades.lost} lost (average ${average(trades.lostMinor, trades.lost)})`,
    ],
    [
      "fills",
      orders.sent === 0
        ? "no order was sent"
        : `${orders.filled} of ${orders.sent} orders whole, ${orders.partlyFilled} in part; ${shareText(orders.lotsFilled / orders.lotsSent)} of the lots${orders.firstFillMs === null ? "" : `, the first after ${spanText(orders.firstFillMs.p50)} (median)`}; ${money(orders.betterThanLimitMinor)} better than their limits`,
    ],
    ...orders.denials
      .slice(0, 5)
      .map(({ code, count, reason }) => ["denied", `${count} × ${code}, the last: ${printable(reason)}`] as const),
    ["safety", statesText(performance.safety)],
    ...performance.safety.changes
      .slice(-3)
      .map(({ at, from: before, to, why }) => ["", `${timeText(at)} ${before} → ${to}, ${printable(why)}`] as const),
    ["posture", statesText(performance.operating)],
  ];
  return lines.map(([label, text]) => `  ${label.padEnd(12)} ${text}\n`).join("");
};
