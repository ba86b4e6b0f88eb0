import { UsageError } from "./command.ts";

const unitMs: { readonly [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time span as people write it: 90m, 12h, 3d, also 1d12h. A day is 24 hours.
 *
 * @returns whole milliseconds above zero
 * @throws UsageError when it is none; a number without a unit is none
 */
export const durationMs = (option: string, text: string): number => {
  const parts = /^(?:\d+(?:\.\d+)?[smhd])+$/.test(text) ? [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)] : [];
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit as string] as number), 0);
  if (Number.isSafeInteger(Math.round(ms)) && ms >= 1) return Math.round(ms);
  throw new UsageError(`--${option} is "${text}" and must be a time with its unit: 90m, 12h or 3d.`);
};
