/** A venue that does not want to be asked now: what it says over HTTP, and for how long it is left alone. */
import { ConnectionRefused } from "#market/ports.ts";

export type RefusedByVenue = ConnectionRefused;

/** Where a venue refuses and does not say for how long. */
const tooManyMs = 60_000;
const banMs = 5 * 60_000;
/** No venue bans for longer; a longer wait is a mistake of the header's. */
const waitMsMax = 3 * 86_400_000;

/**
 * The wait that a `Retry-After` header asks for: whole seconds, or a date.
 *
 * @returns ms, undefined where it says neither
 */
export const retryAfterMsOf = (header: string | undefined, now: number): number | undefined => {
  const text = header?.trim() ?? "";
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : /[a-z]/i.test(text) ? Date.parse(text) - now : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, Math.round(ms)), waitMsMax);
};

/** @returns undefined for a status that is no refusal of us */
export const refusalOf = (
  venue: string,
  status: number,
  retryAfter: string | undefined,
  now: number,
): RefusedByVenue | undefined => {
  const isTooMany = status === 429;
  if (!isTooMany && status !== 418 && status !== 403) return undefined;
  const said = retryAfterMsOf(retryAfter, now);
  const waitMs = Math.max(1000, said ?? (isTooMany ? tooManyMs : banMs));
  const why = isTooMany
    ? `${venue} says that it was asked too often (HTTP 429)`
    : status === 418
      ? `${venue} has banned this machine's address for asking too often (HTTP 418)`
      : `${venue} does not let this machine in (HTTP 403): its address is banned, or not allowed from here`;
  const asked = said === undefined ? "the venue did not say for how long" : "as the venue asks";
  return new ConnectionRefused(`${why}; it is left alone for ${Math.ceil(waitMs / 1000)} s, ${asked}`, waitMs);
};
