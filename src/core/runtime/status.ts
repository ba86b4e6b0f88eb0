/** From the parts' own counters to the figures that a report and a status show. Nothing is counted here. */
import type { DeadLetterGroup } from "../event/dead-letters.ts";
import { priorities } from "../event/fact.ts";
import { moneyScaleOf } from "../instrument.ts";
import type { DeskView } from "../orders/order-desk.ts";
import { realizedOf, unrealizedOf } from "../orders/positions.ts";
import type { Clock } from "../ports.ts";
import type { HouseView } from "../view.ts";
import type { House, RecoveryProgress } from "./house.ts";
import type { DeadLetterFigures, HouseStatus, LaneFigures, PartFigures, SessionReport } from "./report.ts";

export interface StatusSources {
  readonly version: string;
  readonly session: string;
  readonly home: { readonly path: string };
  readonly epoch: number;
  readonly clock: Clock;
  readonly view: HouseView;
  readonly house: House;
  readonly recovered: () => boolean;
  readonly loopDelayMs?: () => HouseStatus["loopDelayMs"];
  readonly logLinesLost?: () => number;
  /** What parts show of themselves. */
  readonly parts: readonly { readonly name: string; readonly figures?: () => PartFigures }[];
}

/** Enough to see what is wrong; the lanes count all of them. */
const lettersShown = 20;
const letterFigures = ({
  count,
  reasons,
  latest: { fact, handler, reason, where, attempts },
}: DeadLetterGroup): DeadLetterFigures => ({
  type: fact.type,
  handler,
  kept: count,
  reasons,
  reason: where === undefined ? reason : `${reason} (${where})`,
  latest: { factId: fact.id, at: fact.at, attempts },
});

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

/** Realized and unrealized profit less fees, in minor units; a position without a mark counts at its cost. */
export const profitOf = (desk: DeskView, mark: HouseView["mark"]): number => {
  let profit = 0;
  for (const position of desk.positions()) {
    const last = mark(position.symbol)?.priceMinor;
    profit += realizedOf(position) - position.feesMinor;
    if (last !== undefined) profit += unrealizedOf(position, last, desk.lotSizeOf(position.symbol));
  }
  return Math.round(profit);
};

const counts = new Intl.NumberFormat("en");
/** For a person who waits for the end of it. */
export const recoveringText = ({ fact, of }: RecoveryProgress): string =>
  `recovering: fact ${counts.format(fact)} of ${counts.format(of)}`;

const lossWords = {
  alerts: "alerts that did not arrive",
  effectsWithheld: "effects withheld because the journal failed",
  signals: "signals that came too late",
  deadLettersForgotten: "letters of facts given up",
  logLines: "log lines",
} as const satisfies { readonly [K in keyof SessionReport["losses"]]: string };

/** What a run could not keep, for a person; empty when nothing was lost. */
export const lossesText = (losses: SessionReport["losses"]): string =>
  Object.entries(lossWords)
    .flatMap(([key, words]) => {
      const lost = losses[key as keyof typeof lossWords];
      return lost === 0 ? [] : [`${counts.format(lost)} ${words}`];
    })
    .join(", ");

/** What can be said of orders before the snapshot has been read. */
const noBook = {
  orders: { total: 0, filled: 0, canceled: 0, rejected: 0, denied: 0, expired: 0, unknown: 0, open: 0 },
  positions: {},
  pnlMinor: 0,
};

export const createStatus = (
  sources: StatusSources,
): { readonly status: () => HouseStatus; readonly report: () => SessionReport } => {
  const { clock, house, view } = sources;
  const startedMs = clock.monotonicMs();

  const book = (): Pick<SessionReport, keyof typeof noBook> => {
    if (!house.isRestored()) return noBook;
    const desk = view.desk();
    const { filled, canceled, rejected, denied, expired, unknown } = desk.counts();
    return {
      orders: { total: desk.total(), filled, canceled, rejected, denied, expired, unknown, open: desk.openCount() },
      positions: Object.fromEntries(
        [...desk.positions()].filter(({ quantity }) => quantity !== 0).map(({ symbol, quantity }) => [symbol, quantity]),
      ),
      pnlMinor: profitOf(desk, view.mark),
    };
  };

  const common = (): Omit<SessionReport, "lanes"> => {
    const isRecovering = house.recovering() !== undefined;
    const { firstAt, lastAt, ticks } = view.market();
    const { received, persisted, refused, errored } = view.archive();
    return {
      recovered: sources.recovered(),
      market: { from: iso(firstAt), to: iso(lastAt), ticks },
      archive: { received, persisted, refused, errored },
      ...book(),
      // What safety was at a fact of last week is no answer to what it is.
      safety: isRecovering ? "recovering" : view.safety(),
      operating: isRecovering ? "recovering" : view.operating().state,
      maintenance: view.maintenance(),
      losses: {
        alerts: view.alertsLost(),
        effectsWithheld: house.effectsWithheld(),
        signals: view.signalsDropped(),
        deadLettersForgotten: house.dispatcher.deadLetters.forgotten,
        logLines: sources.logLinesLost?.() ?? 0,
      },
      elapsedMs: Math.round(clock.monotonicMs() - startedMs),
    };
  };

  const report = (): SessionReport => {
    const lanes = house.dispatcher.lanes();
    const figures = priorities.map((priority): [string, LaneFigures] => {
      const { accepted, handled, dropped, collapsed, sampled, deadLettered, depth, inProgress } = lanes[priority];
      const { p50Ms, p99Ms, maxMs } = lanes[priority];
      return [
        priority,
        {
          accepted,
          handled,
          dropped,
          collapsed,
          sampled,
          deadLettered,
          left: depth + inProgress,
          p50Ms: rounded(p50Ms),
          p99Ms: rounded(p99Ms),
          maxMs: rounded(maxMs),
        },
      ];
    });
    const { elapsedMs, ...rest } = common();
    return { ...rest, lanes: Object.fromEntries(figures) as unknown as SessionReport["lanes"], elapsedMs };
  };

  const status = (): HouseStatus => {
    const recovering = house.recovering();
    return { ...common(), ...sinceStart(recovering), recovering: recovering ?? null };
  };

  const sinceStart = (
    recovering: RecoveryProgress | undefined,
  ): Omit<HouseStatus, keyof Omit<SessionReport, "lanes"> | "recovering"> => ({
    version: sources.version,
    session: sources.session,
    home: sources.home.path,
    epoch: sources.epoch,
    account: {
      currency: view.instruments[0]?.currency ?? "",
      priceScale: moneyScaleOf(view.instruments[0] ?? { priceScale: 0 }),
    },
    marketTime: new Date(clock.now()).toISOString(),
    progress: view.market().progress,
    lanes: house.dispatcher.lanes(),
    facts: house.dispatcher.types(),
    deadLetters: house.dispatcher.deadLetters.groups().slice(0, lettersShown).map(letterFigures),
    lowLaneTurns: house.dispatcher.lowLaneTurns,
    sources: view.sources(),
    openOrders: house.isRestored() ? view.desk().openCount() : 0,
    degradation: house.dispatcher.degradation,
    trading: recovering === undefined ? view.trading() : { open: false, why: recoveringText(recovering) },
    journal: { lastSeq: house.recorder.seq(), pending: house.recorder.pending(), failure: house.journalFailure() ?? null },
    machines: house.isRestored() ? house.actors().states() : {},
    restarts: house.isRestored() ? view.restarts() : {},
    effectsPending: house.effectsPending(),
    refusedFacts: house.dispatcher.refused(),
    orderRefusals: house.isRestored() ? view.desk().refusals() : {},
    parts: Object.fromEntries(sources.parts.flatMap(({ name, figures }) => (figures === undefined ? [] : [[name, figures()]]))),
    loopDelayMs: sources.loopDelayMs?.() ?? { p99: 0, max: 0 },
  });

  return { status, report };
};
