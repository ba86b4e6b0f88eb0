/** From the parts' own counters to the figures that a report and a status show. Nothing is counted here. */
import type { DeadLetterGroup } from "../event/dead-letters.ts";
import { priorities } from "../event/fact.ts";
import type { DeskView } from "../orders/order-desk.ts";
import { realizedOf, unrealizedOf } from "../orders/positions.ts";
import type { Clock } from "../ports.ts";
import type { HouseView } from "../view.ts";
import type { House } from "./house.ts";
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

export const createStatus = (
  sources: StatusSources,
): { readonly status: () => HouseStatus; readonly report: () => SessionReport } => {
  const { clock, house, view } = sources;
  const startedMs = clock.monotonicMs();

  const common = (): Omit<SessionReport, "lanes"> => {
    const desk = view.desk();
    const { filled, canceled, rejected, denied, expired, unknown } = desk.counts();
    const { firstAt, lastAt, ticks } = view.market();
    const { received, persisted, refused, errored } = view.archive();
    return {
      recovered: sources.recovered(),
      market: { from: iso(firstAt), to: iso(lastAt), ticks },
      archive: { received, persisted, refused, errored },
      orders: { total: desk.total(), filled, canceled, rejected, denied, expired, unknown, open: desk.openCount() },
      positions: Object.fromEntries(
        [...desk.positions()].filter(({ quantity }) => quantity !== 0).map(({ symbol, quantity }) => [symbol, quantity]),
      ),
      pnlMinor: profitOf(desk, view.mark),
      safety: view.safety(),
      operating: view.operating().state,
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

  const status = (): HouseStatus => ({
    ...common(),
    version: sources.version,
    session: sources.session,
    home: sources.home.path,
    epoch: sources.epoch,
    account: { currency: view.instruments[0]?.currency ?? "", priceScale: view.instruments[0]?.priceScale ?? 0 },
    marketTime: new Date(clock.now()).toISOString(),
    progress: view.market().progress,
    lanes: house.dispatcher.lanes(),
    facts: house.dispatcher.types(),
    deadLetters: house.dispatcher.deadLetters.groups().slice(0, lettersShown).map(letterFigures),
    lowLaneTurns: house.dispatcher.lowLaneTurns,
    sources: view.sources(),
    openOrders: view.desk().openCount(),
    degradation: house.dispatcher.degradation,
    trading: view.trading(),
    journal: { lastSeq: house.recorder.seq(), pending: house.recorder.pending(), failure: house.journalFailure() ?? null },
    machines: house.actors().states(),
    restarts: view.restarts(),
    effectsPending: house.effectsPending(),
    refusedFacts: house.dispatcher.refused(),
    parts: Object.fromEntries(sources.parts.flatMap(({ name, figures }) => (figures === undefined ? [] : [[name, figures()]]))),
    loopDelayMs: sources.loopDelayMs?.() ?? { p99: 0, max: 0 },
  });

  return { status, report };
};
