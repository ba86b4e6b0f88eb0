/** What `qts run` says at its end: the session's report, and how it went once everything else has been let go. */
import { join, resolve } from "node:path";
import { sessionsOf } from "#adapters/host/journal/sessions.ts";
import type { Config } from "#config/config.ts";
import { moneyScaleOf } from "#core/instrument.ts";
import { printable } from "#core/printable.ts";
import type { SessionReport } from "#core/runtime/report.ts";
import { lossesText } from "#core/runtime/status.ts";
import { faultText } from "#core/strategy/guest.ts";
import type { CommandIo } from "./command.ts";
import { moneyOf, readPerformance, writePage } from "./report.ts";
import { performanceText } from "./report-text.ts";

/** A line only when something was lost. */
const lossLine = ({ losses }: SessionReport): string => {
  const lost = lossesText(losses);
  return lost === "" ? "" : `  lost         ${lost}\n`;
};

/** What a person reads at the end. */
export const reportText = (report: SessionReport, { instruments }: Config): string => {
  const { currency = "" } = instruments[0] ?? {};
  const moneyScale = moneyScaleOf(instruments[0] ?? { priceScale: 0 });
  const { market, archive, orders, maintenance, lanes } = report;
  const positions = Object.entries(report.positions).map(([symbol, lots]) => `${symbol} ${lots}`);
  const grouped = (count: number): string => count.toLocaleString("en-US");
  const time = (iso: string | null): string => (iso === null ? "" : `${iso.slice(0, 19).replace("T", " ")}`);
  const lane = ([name, figures]: [string, SessionReport["lanes"]["P0"]]): string => {
    const { handled, dropped, sampled, deadLettered, left, p99Ms } = figures;
    const lost = Object.entries({ dropped, "sampled out": sampled, "given up": deadLettered, left })
      .filter(([, count]) => count > 0)
      .map(([fate, count]) => `${grouped(count)} ${fate}`);
    return `${name} ${grouped(handled)}${lost.length > 0 ? ` (${lost.join(", ")})` : ""} p99 ${p99Ms} ms`;
  };
  return `
Session report${report.recovered ? ", recovered from an earlier run" : ""}
  market       ${market.from === null ? "no trade" : `${time(market.from)} … ${time(market.to)} UTC`}, ${grouped(market.ticks)} ticks
  archive      received ${grouped(archive.received)}, persisted ${grouped(archive.persisted)}, refused ${archive.refused}, errored ${archive.errored}
  orders       ${orders.total}: filled ${orders.filled}, canceled ${orders.canceled}, expired ${orders.expired}, rejected ${orders.rejected}, denied ${orders.denied}, unknown ${orders.unknown}, open ${orders.open}
  positions    ${printable(positions.join(", ")) || "none"}
  profit       ${(report.pnlMinor / 10 ** moneyScale).toFixed(2)} ${printable(currency)}
  posture      safety ${report.safety}, operating ${report.operating}
  maintenance  backed up ${maintenance.backedUp}, verified ${maintenance.verified}, deleted ${maintenance.deleted}, kept ${maintenance.kept}
  lanes        ${Object.entries(lanes).map(lane).join(" · ")}
${lossLine(report)}  took         ${(report.elapsedMs / 1000).toFixed(1)} s
`;
};

/** Real ms to read the journal of a session: a service manager kills after ninety seconds. */
export const tellMsMax = 60_000;

export interface SessionEnd {
  readonly home: string;
  readonly session: string;
  readonly config: Config;
  /** Where the page goes; absent: lines alone. */
  readonly page?: string | undefined;
  /** The lines are not wanted. */
  readonly isQuiet: boolean;
}

/**
 * Reads the whole journal once more. Nothing waits for it and nothing is lost by it: `qts report` tells the same at any time.
 *
 * @param stopping hears a person who does not want to wait
 * @param overdue is aborted when it has taken too long
 * @returns whether everything was told that was asked for; never throws
 */
export const tellHowItWent = async (
  { home, session, config, page, isQuiet }: SessionEnd,
  io: Pick<CommandIo, "out" | "err" | "cwd">,
  stopping: AbortSignal | undefined,
  overdue: AbortSignal,
): Promise<boolean> => {
  const remedy = `\`qts report --home ${home}\` tells it at any time`;
  const untold = (why: string): false => {
    io.err(`${printable(`qts: how the session went is not told: ${why}; ${remedy}`)}.\n`);
    return false;
  };
  try {
    const journal = sessionsOf({ journal: join(home, "journal") }).find((found) => found.session === session);
    if (journal === undefined) return untold("its journal is gone");
    const signal = stopping === undefined ? overdue : AbortSignal.any([stopping, overdue]);
    const found = await readPerformance(journal.file, config, signal);
    if (stopping?.aborted) return untold("QTS was told to stop while the journal was read");
    if (overdue.aborted) return untold("reading the journal takes too long");
    if (!found.ok) return untold(found.error);
    if (!isQuiet) io.out(performanceText(found.value.performance, moneyOf(config)));
    if (page === undefined) return true;
    const written = writePage(resolve(io.cwd, page), session, found.value, config);
    if (!written.ok) io.err(`qts: ${printable(written.error)}\n`);
    return written.ok;
  } catch (error) {
    return untold(faultText(error));
  }
};
