/** Numbers, times and states as people read them. */
import type { HouseStatus } from "#core/runtime/report.ts";

const counts = new Intl.NumberFormat("en");
export const count = (value: number): string => counts.format(value);
/** "1 position", "2 positions". */
export const counted = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

export const money = (minor: number, { currency, priceScale }: HouseStatus["account"]): string => {
  const digits = Math.min(2, priceScale);
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" } as const;
  return `${(minor / 10 ** priceScale).toLocaleString("en", format)} ${currency}`;
};

export const price = (minor: number, { priceScale }: HouseStatus["account"]): string =>
  (minor / 10 ** priceScale).toLocaleString("en", { maximumFractionDigits: priceScale });

/** Rounded down: 99.999 % is not everything. */
export const share = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${(Math.floor((part / whole) * 10_000) / 100).toFixed(2)} %`;

export const ms = (value: number): string => (value < 10 ? `${value.toFixed(2)} ms` : `${count(Math.round(value))} ms`);

/** "1.5 GB", in powers of a thousand as disks are sold. */
export const bytes = (value: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
};

/** "42 s", "3 min 5 s", "2 h 10 min", "4 d 1 h". */
export const duration = (spanMs: number): string => {
  const seconds = Math.max(0, Math.floor(spanMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${seconds % 60} s`;
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
};

export const clock = (at: number): string => new Date(at).toISOString().slice(11, 19);
export const minute = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
export const inSeoul = (at: number): string =>
  `${new Date(at).toLocaleTimeString("en-GB", { timeZone: "Asia/Seoul", hour: "2-digit", minute: "2-digit" })} KST`;

/** A state value as its states: { opening: "venue" } is "opening" and "opening.venue". */
export const activeStates = (value: unknown, path = ""): string[] => {
  if (typeof value === "string") return [`${path}${value}`];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [`${path}${name}`, ...activeStates(inner, `${path}${name}.`)]);
};
/** The innermost ones, for a line of text. */
export const stateText = (value: unknown): string => {
  const states = activeStates(value);
  const innermost = states.filter((state) => !states.some((other) => other.startsWith(`${state}.`)));
  return innermost.length === 0 ? "–" : innermost.join(", ");
};
