/** Posture: safety and the operating state, and the measuring of the account by which the operating state is evaluated. */
import { createAccountMetrics, type Marks } from "#core/state/account-metrics.ts";
import { operatingMachine } from "#machines/operating-state.machine.ts";
import type { OperatingMetrics } from "#machines/operating-state.metrics.ts";
import { policyOf } from "#machines/operating-state.policy.ts";
import { safetyMachine } from "#machines/safety.machine.ts";
import { tradingDayOf } from "#market/calendar.ts";
import { closedMs, restDaysMs } from "#market/rests.ts";
import type { Part, PartContext } from "./part.ts";

/** Market time for the first data of a start, before anything is evaluated with it. */
const firstDataMs = 60_000;
const evaluationTimer = "operating.evaluation";

const reports = {
  anomaly: "anomaly.raised",
  guardrail: "guardrail.tripped",
  failsafe: "failsafe.tripped",
  cleared: "failsafe.cleared",
} as const;

export const createPosturePart = ({ config, ports, view, tell, intake, deadlines }: PartContext) => {
  const { evaluationEveryMs: everyMs, highWaterDays, targetCagr } = config.operating;
  const volatility = intake.inlet("volatility");
  const account = createAccountMetrics(
    {
      startingCashMinor: config.broker.paper.cashMinor,
      highWaterDays,
      targetCagr,
      dayOf: tradingDayOf(config.instruments),
    },
    view.desk,
  );

  /** Values the account first, as a fact, and measures once that is handled. */
  const evaluate = (): void => {
    const marks: { [symbol: string]: Marks[string] } = {};
    for (const { symbol } of view.instruments) {
      const last = view.mark(symbol);
      if (last !== undefined) marks[symbol] = { priceMinor: last.priceMinor, at: last.at };
    }
    tell("account.marked", { marks });
    deadlines().set(evaluationTimer, view.now() + everyMs);
  };

  const markets = [...new Set(config.instruments.map(({ market }) => market))];
  /** The index is New York's, whatever is traded here. */
  const indexMarket = "NYSE";
  /** The machine knows no calendar, so what its limits must not count is said with the figures. */
  const measure = (at: number): OperatingMetrics => {
    const measured = account.metrics().measure();
    const { drawdown: marked, vix } = measured;
    return {
      ...measured,
      rests: {
        ...(marked && {
          account: {
            daysMs: restDaysMs(markets[0] ?? "", marked.at, at),
            closedMs: closedMs(markets, marked.at, at),
          },
        }),
        ...(vix && { vix: { daysMs: restDaysMs(indexMarket, vix.at, at) } }),
      },
    };
  };

  return {
    name: "posture",
    machines: {
      safety: { logic: safetyMachine, input: config.safety },
      operating: { logic: operatingMachine, input: { ...config.operating, ...policyOf(config.operating) } },
    },
    effects: {
      "safety.report": ({ kind, code, reason }) => tell(reports[kind], { code, reason }),
      "operating.announce": ({ from, to, rule, reason }) => {
        ports.log.info({ from, to, rule }, `operating state ${from} → ${to}: ${reason}`);
        tell("operating.changed", { from, to, rule, reason });
      },
      "operating.history.append": ({ entry }) => tell("operating.moved", { entry }),
    },
    projection: account,
    listen: (dispatcher) => {
      const name = "posture";
      dispatcher.handle("market.vix.updated", ({ at, payload }) => account.metrics().vix(payload.value, at), { name });
      dispatcher.handle("account.marked", ({ at }) => tell("operating.metrics.measured", { metrics: measure(at) }), { name });
      dispatcher.handle("timer.due", ({ payload }) => (payload.id === evaluationTimer ? evaluate() : undefined), { name });
    },
    figures: () => {
      const trouble = view.safetyTrouble();
      return {
        cause: trouble?.code ?? null,
        reason: trouble?.reason ?? null,
        since: trouble === null ? null : new Date(trouble.at).toISOString(),
      };
    },
    begin: () => {
      volatility.attach({
        open: () => ports.vix,
        take: ({ at, value }) => volatility.offer({ type: "market.vix.updated", payload: { value }, source: "vix", at }),
      });
      if (deadlines().table()[evaluationTimer] !== undefined) return;
      // So that frequent restarts do not postpone the evaluation.
      const due = (view.evaluatedAt() ?? view.now()) + everyMs;
      deadlines().set(evaluationTimer, Math.max(due, view.now() + firstDataMs));
    },
  } satisfies Part;
};
