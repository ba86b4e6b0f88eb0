/**
 * One evaluation cycle: the strategy looks at the house and proposes; proposals become signals (P2), signals become intents.
 *
 * The cycle itself is asked for by the execution-loop machine. Signals wait in the P2 lane, which safety pauses in FAIL and
 * LOCKDOWN: there QTS evaluates but never acts. A signal that waited too long is out of date and is dropped, not acted on.
 */
import { type Fact, factProblem, type NewFact, type Offer } from "../event/catalog.ts";
import type { Clock } from "../ports.ts";
import type { Proposal, Strategy, StrategyView } from "./strategy.ts";

export interface Cycle {
  /** Performs the effect `cycle.run`; the outcome is cycle.completed or cycle.failed. */
  readonly run: (cycle: number) => void;
  /** Handler of signal.generated: turns a fresh signal into an intent. */
  readonly actOnSignal: (signal: Fact<"signal.generated">) => void;
  readonly droppedSignals: () => number;
}

export const createCycle = ({
  strategy,
  view,
  clock,
  offer,
  signalMsMax,
  nextOrderId,
}: {
  readonly strategy: Strategy;
  readonly view: () => StrategyView;
  readonly clock: Clock;
  readonly offer: Offer;
  /** A signal older than this is dropped. */
  readonly signalMsMax: number;
  /** A new id, unique for the home's lifetime. */
  readonly nextOrderId: () => string;
}): Cycle => {
  let droppedSignals = 0;

  /** The strategy is a user's code, perhaps without types: what does not fit is refused here, before anything is journaled. */
  const factOf = (proposal: Proposal): NewFact => {
    const fact = draftOf(proposal);
    // The fact says strength where a proposal says signal.
    const problem = factProblem(fact.type, fact.payload)?.replace(/^strength/, "signal");
    if (problem !== undefined) throw new Error(`${strategy.name} proposed what is no ${proposal.type}: ${problem}`);
    return fact;
  };

  const draftOf = (proposal: Proposal): NewFact => {
    switch (proposal.type) {
      case "cancel": {
        const { orderId, reason } = proposal;
        const payload = { orderId, reason };
        return { type: "order.cancel.requested", payload, source: strategy.name, correlationId: orderId };
      }
      case "order": {
        const { symbol, side, orderType, quantity, limitPriceMinor, signal: strength, reason } = proposal;
        const payload = { symbol, strategy: strategy.name, side, orderType, quantity, strength, reason };
        return {
          type: "signal.generated",
          payload: limitPriceMinor === undefined ? payload : { ...payload, limitPriceMinor },
          source: strategy.name,
        };
      }
      default: {
        const { type } = proposal satisfies never as { readonly type: unknown };
        throw new Error(`${strategy.name} proposed ${JSON.stringify(type)}; a proposal is an order or a cancel`);
      }
    }
  };

  return {
    run: (cycle) => {
      const startedMs = clock.monotonicMs();
      const about = { source: "execution", correlationId: `cycle ${cycle}` } as const;
      offer({ type: "cycle.started", payload: { cycle }, ...about });
      try {
        const facts = strategy.evaluate(view()).map(factOf);
        for (const fact of facts) offer({ correlationId: about.correlationId, ...fact });
        offer({
          type: "cycle.completed",
          payload: { cycle, intents: facts.length, elapsedMs: clock.monotonicMs() - startedMs },
          ...about,
        });
      } catch (error) {
        // The strategy is a user's code: its failure is expected, and counted by the execution loop.
        offer({ type: "cycle.failed", payload: { cycle, reason: String(error) }, ...about });
      }
    },
    actOnSignal: ({ at, payload }) => {
      if (clock.now() - at > signalMsMax) {
        droppedSignals += 1;
        return;
      }
      const { symbol, strategy: name, side, orderType, quantity, limitPriceMinor, strength, reason } = payload;
      const orderId = nextOrderId();
      offer({
        type: "order.intended",
        payload: {
          orderId,
          symbol,
          side,
          orderType,
          quantity,
          strategy: name,
          signal: strength,
          reason,
          ...(limitPriceMinor === undefined ? {} : { limitPriceMinor }),
        },
        source: name,
        correlationId: orderId,
      });
    },
    droppedSignals: () => droppedSignals,
  };
};
