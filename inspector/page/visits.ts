/**
 * What has changed since somebody last looked: a few figures of the last visit against those of now (spec I5).
 */
import type { HouseStatus } from "#core/runtime/report.ts";
import { counted, duration, money } from "./format.ts";

export interface Visit {
  readonly seenAt: number;
  readonly epoch: number;
  readonly session: string;
  readonly safety: string;
  readonly operating: string;
  readonly isOpen: boolean;
  readonly filled: number;
  readonly total: number;
  readonly pnlMinor: number;
  readonly positions: HouseStatus["positions"];
}

export interface Visits {
  /** The latest sight of this browser. */
  readonly latest: Visit;
  /** The visit that the present one is compared with. */
  readonly before: Visit | undefined;
}

/** Who looked away for less has seen it all. */
export const awayMsMin = 60_000;
export const keptEveryMs = 5000;

const visitOf = (status: HouseStatus, seenAt: number): Visit => ({
  seenAt,
  epoch: status.epoch,
  session: status.session,
  safety: status.safety,
  operating: status.operating,
  isOpen: status.trading.open,
  filled: status.orders.filled,
  total: status.orders.total,
  pnlMinor: status.pnlMinor,
  positions: status.positions,
});

/** A sight after a minute without one begins a visit; the one before it is what it is compared with. */
export const nextVisits = (visits: Visits | undefined, status: HouseStatus, at: number): Visits | undefined => {
  if (status.recovering !== null) return visits;
  const awayMs = visits === undefined ? Number.POSITIVE_INFINITY : at - visits.latest.seenAt;
  if (awayMs < keptEveryMs) return visits;
  return { latest: visitOf(status, at), before: awayMs >= awayMsMin ? visits?.latest : visits?.before };
};

/** @returns sentences; undefined on a first visit */
export const changedSince = (
  before: Visit | undefined,
  status: HouseStatus,
  at: number,
): { readonly agoText: string; readonly sentences: string[] } | undefined => {
  if (before === undefined) return undefined;
  const sentences: string[] = [];
  const moved = (what: string, from: string, to: string): void => {
    if (from !== to) sentences.push(`${what} was ${from} and is ${to}.`);
  };
  if (before.session !== status.session) sentences.push(`Another session: ${status.session}, it was ${before.session}.`);
  else if (before.epoch !== status.epoch) sentences.push(`QTS was started ${counted(status.epoch - before.epoch, "time")}.`);
  moved("Safety", before.safety, status.safety);
  moved("Operating state", before.operating, status.operating);
  moved("Trading", before.isOpen ? "open" : "closed", status.trading.open ? "open" : "closed");
  if (before.session === status.session) {
    if (status.orders.total > before.total) sentences.push(`${counted(status.orders.total - before.total, "new order")}.`);
    if (status.orders.filled > before.filled) sentences.push(`${counted(status.orders.filled - before.filled, "order")} filled.`);
    if (status.pnlMinor !== before.pnlMinor)
      sentences.push(`Profit and loss moved by ${money(status.pnlMinor - before.pnlMinor, status.account)}.`);
    for (const symbol of new Set([...Object.keys(before.positions), ...Object.keys(status.positions)])) {
      const [was, is] = [before.positions[symbol] ?? 0, status.positions[symbol] ?? 0];
      if (was !== is) sentences.push(`${symbol}: ${was} lots, now ${is}.`);
    }
  }
  return { agoText: duration(at - before.seenAt), sentences };
};
