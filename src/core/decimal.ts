/** Decimal text of a venue ⇒ whole numbers of a scale, exactly: no float touches money on the way in. */
import { err, ok, type Result } from "./result.ts";

/** 500 digits are no price; without a bound a hostile exponent would cost seconds. */
const digitsMax = 60;

/**
 * @param text as JSON and REST answers write numbers: "127.0", "0.00000012", "1e-8"
 * @param scale digits after the point that one unit has: 8 gives satoshi
 * @returns the number of units; or why it cannot be said exactly, as the end of a sentence
 */
export const unitsOf = (text: string, scale: number): Result<number, string> => {
  const match = /^(\d{1,60})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return err("is not a decimal number");
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const shift = scale + Number(exponent) - fraction.length;
  if (Math.abs(shift) > digitsMax * 2) return err("has an exponent that no price has");
  const digits = BigInt(whole + fraction);
  const divisor = 10n ** BigInt(Math.max(0, -shift));
  if (digits % divisor !== 0n) return err(`has more than ${scale} digits after the point`);
  const units = (digits / divisor) * 10n ** BigInt(Math.max(0, shift));
  return units <= BigInt(Number.MAX_SAFE_INTEGER)
    ? ok(Number(units))
    : err("is beyond 2^53 of its units and could not be kept exactly");
};
