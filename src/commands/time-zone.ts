/** The option --time-zone, wherever times are named without saying where. */
import { UsageError } from "./command.ts";

/**
 * @returns the zone's usual name
 * @throws {UsageError} for one that is none
 */
export const readTimeZone = (zone: string): string => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    throw new UsageError(`--time-zone is "${zone}" and is no time zone; write it like Asia/Seoul.`);
  }
};
