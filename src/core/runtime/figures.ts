/** From the parts' own counters to the figures that a report and a status show. Nothing is counted here. */
import type { SafetyState } from "#machines/safety.machine.ts";
import type { DeadLetterGroup } from "../event/dead-letters.ts";
import { priorities } from "../event/fact.ts";
import type { Intake } from "../event/intake.ts";
import type { Instrument } from "../instrument.ts";
import type { DeskView } from "../orders/order-desk.ts";
import { realizedOf, unrealizedOf } from "../orders/positions.ts";
import type { Clock } from "../ports.ts";
import type { House } from "./house.ts";
import type { DeadLetterFigures, HouseStatus, LaneFigures, SessionReport } from "./report.ts";

export interface FigureSources {
  readonly version: string;
  readonly session: string;
  readonly home: string;
  readonly epoch: number;
  readonly instruments: readonly Instrument[];
  readonly clock: Clock;
  readonly house: House;
  readonly recovered: () => boolean;
  readonly desk: () => DeskView;
  readonly safety: () => SafetyState;
  readonly operating: () => string;
  readonly mark: (symbol: string) => { readonly priceMinor: number } | undefined;
  readonly market: () => {
    readonly firstAt: number | undefined;
    readonly lastAt: number | undefined;
    readonly ticks: number;
    readonly progress: number | null;
  };
  readonly archive: () => {
    readonly received: number;
    readonly persisted: number;
    readonly refused: number;
    readonly errored: number;
  };
  readonly maintenance: () => SessionReport["maintenance"];
  readonly sources: Intake["figures"];
  readonly trading: () => HouseStatus["trading"];
  readonly restarts: () => HouseStatus["restarts"];
  readonly loopDelay: () => HouseStatus["loopDelayMs"];
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
export const profitOf = (desk: DeskView, mark: FigureSources["mark"]): number => {
  let profit = 0;
  for (const position of desk.positions()) {
    const last = mark(position.symbol)?.priceMinor;
    profit += realizedOf(position) - position.feesMinor;
    if (last !== undefined) profit += unrealizedOf(position, last, desk.lotSizeOf(position.symbol));
  }
  return Math.round(profit);
};

export const createFigures = (
  sources: FigureSources,
): { readonly status: () => HouseStatus; readonly report: () => SessionReport } => {
  const { clock, house } = sources;
  const startedMs = clock.monotonicMs();

  const common = (): Omit<SessionReport, "lanes"> => {
    const desk = sources.desk();
    const { filled, canceled, rejected, denied, expired, unknown } = desk.counts();
    const { firstAt, lastAt, ticks } = sources.market();
    const { received, persisted, refused, errored } = sources.archive();
    return {
      recovered: sources.recovered(),
      market: { from: iso(firstAt), to: iso(lastAt), ticks },
      archive: { received, persisted, refused, errored },
      orders: { total: desk.total(), filled, canceled, rejected, denied, expired, unknown, open: desk.openCount() },
      positions: Object.fromEntries(
        [...desk.positions()].filter(({ quantity }) => quantity !== 0).map(({ symbol, quantity }) => [symbol, quantity]),
      ),
      pnlMinor: profitOf(desk, sources.mark),
      safety: sources.safety(),
      operating: sources.operating(),
      maintenance: sources.maintenance(),
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
    home: sources.home,
    epoch: sources.epoch,
    account: { currency: sources.instruments[0]?.currency ?? "", priceScale: sources.instruments[0]?.priceScale ?? 0 },
    marketTime: new Date(clock.now()).toISOString(),
    progress: sources.market().progress,
    lanes: house.dispatcher.lanes(),
    facts: house.dispatcher.types(),
    deadLetters: house.dispatcher.deadLetters.groups().slice(0, lettersShown).map(letterFigures),
    lowLaneTurns: house.dispatcher.lowLaneTurns,
    sources: sources.sources(),
    openOrders: sources.desk().openCount(),
    degradation: house.dispatcher.degradation,
    trading: sources.trading(),
    journal: { lastSeq: house.recorder.seq(), pending: house.recorder.pending(), failure: house.journalFailure() ?? null },
    machines: house.actors().states(),
    restarts: sources.restarts(),
    effectsPending: house.effectsPending(),
    refusedFacts: house.dispatcher.refused(),
    orderRefusals: sources.desk().refusals(),
    loopDelayMs: sources.loopDelay(),
  });

  return { status, report };
};
