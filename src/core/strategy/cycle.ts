/**
 * One evaluation cycle: the strategy looks at the house and proposes; proposals become signals (P2), signals become intents.
 *
 * The cycle itself is asked for by the execution-loop machine. Signals wait in the P2 lane, which safety pauses in FAIL and
 * LOCKDOWN: there QTS evaluates but never acts. A signal that waited too long is out of date and is not acted on; nor is one
 * whose symbol a later cycle has proposed for. Both are counted and told: no proposal vanishes in silence.
 */
import { type Fact, factProblem, type NewFact, type Offer } from "../event/catalog.ts";
import type { Clock } from "../ports.ts";
import { faultText, GuestFault, listFrom } from "./guest.ts";
import type { Proposal, Strategy, StrategyView } from "./strategy.ts";

export interface Cycle {
  /** Performs the effect `cycle.run`; the outcome is cycle.completed or cycle.failed. */
  readonly run: (cycle: number) => void;
  /** Handler of signal.generated: turns a fresh signal into an intent. */
  readonly actOnSignal: (signal: Fact<"signal.generated">) => void;
  /** Proposals that came to nothing before the gates saw them. */
  readonly droppedSignals: () => number;
}

/** Symbols whose newest cycle is remembered; far more than a strategy proposes for within the life of a signal. */
const symbolsKept = 10_000;

/** What the newest cycle that proposed for a symbol did so with, and how much of that still waits. */
interface Wanted {
  readonly cycle: number;
  places: number;
  waiting: number;
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
  /** A new id, never used before at the venue. */
  readonly nextOrderId: () => string;
}): Cycle => {
  let droppedSignals = 0;

  const wanted = new Map<string, Wanted>();

  const drop = (count: number, text: string): void => {
    droppedSignals += count;
    offer({ type: "log.written", payload: { level: "info", text }, source: strategy.name });
  };

  /** A place for each order among the cycle's orders for its symbol; what an earlier cycle wanted of that symbol is out of date. */
  const placeOf = (symbol: string, cycle: number): number => {
    let newest = wanted.get(symbol);
    if (newest?.cycle !== cycle) {
      if (newest !== undefined && newest.waiting > 0)
        drop(
          newest.waiting,
          `${newest.waiting} of cycle ${newest.cycle}'s proposals for ${symbol} still waited when cycle ${cycle} proposed anew; they are not acted on`,
        );
      newest = { cycle, places: 0, waiting: 0 };
      // Last in line again: the first is the one that was proposed for longest ago.
      wanted.delete(symbol);
      wanted.set(symbol, newest);
      const [oldest] = wanted.keys();
      if (wanted.size > symbolsKept && oldest !== undefined) wanted.delete(oldest);
    }
    newest.places += 1;
    newest.waiting += 1;
    return newest.places;
  };

  /** The strategy is a user's code, perhaps without types: what does not fit is refused here, before anything is journaled. */
  const factOf = (proposal: Proposal, cycle: number): NewFact => {
    const fact = draftOf(proposal, cycle);
    // The fact says strength where a proposal says signal.
    const problem = factProblem(fact.type, fact.payload)?.replace(/^strength/, "signal");
    if (problem !== undefined) throw new GuestFault(`${strategy.name} proposed what is no ${proposal.type}: ${problem}`);
    return fact;
  };

  const draftOf = (proposal: Proposal, cycle: number): NewFact => {
    switch (proposal.type) {
      case "cancel": {
        const { orderId, reason } = proposal;
        const payload = { orderId, reason };
        return { type: "order.cancel.requested", payload, source: strategy.name, correlationId: orderId };
      }
      case "order": {
        const { symbol, side, orderType, quantity, limitPriceMinor, signal: strength, reason } = proposal;
        const payload = { symbol, strategy: strategy.name, cycle, place: 1, side, orderType, quantity, strength, reason };
        return {
          type: "signal.generated",
          payload: limitPriceMinor === undefined ? payload : { ...payload, limitPriceMinor },
          source: strategy.name,
        };
      }
      default: {
        const { type } = proposal satisfies never as { readonly type: unknown };
        throw new GuestFault(`${strategy.name} proposed ${JSON.stringify(type)}; a proposal is an order or a cancel`);
      }
    }
  };

  /** Placed only once the whole cycle is found good: a failed one wants nothing. */
  const placed = (fact: NewFact): NewFact =>
    fact.type === "signal.generated"
      ? { ...fact, payload: { ...fact.payload, place: placeOf(fact.payload.symbol, fact.payload.cycle) } }
      : fact;

  return {
    run: (cycle) => {
      const startedMs = clock.monotonicMs();
      const about = { source: "execution", correlationId: `cycle ${cycle}` } as const;
      offer({ type: "cycle.started", payload: { cycle }, ...about });
      try {
        const facts = listFrom(strategy.name, strategy.evaluate(view())).map((proposal) => factOf(proposal, cycle));
        for (const fact of facts) offer({ correlationId: about.correlationId, ...placed(fact) });
        offer({
          type: "cycle.completed",
          payload: { cycle, intents: facts.length, elapsedMs: clock.monotonicMs() - startedMs },
          ...about,
        });
      } catch (error) {
        // The strategy is a user's code: its failure is expected, and counted by the execution loop.
        offer({ type: "cycle.failed", payload: { cycle, reason: faultText(error) }, ...about });
      }
    },
    actOnSignal: ({ at, payload }) => {
      const { cycle } = payload;
      const newest = wanted.get(payload.symbol);
      if (newest !== undefined) {
        // Told when the later cycle proposed.
        if (newest.cycle !== cycle) return;
        newest.waiting -= 1;
      }
      const waitedMs = clock.now() - at;
      if (waitedMs > signalMsMax)
        return drop(
          1,
          `cycle ${cycle}'s proposal to ${payload.side} ${payload.quantity} ${payload.symbol} waited ${waitedMs} ms and is out of date; it is not acted on`,
        );
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
