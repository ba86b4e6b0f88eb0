/** What the tests of lanes and dispatcher share: a clock wound by hand, the default figures with changes, and some facts. */
import { type Config, parseConfig } from "#config/config.ts";
import type { NewFact } from "#core/event/catalog.ts";
import type { Clock } from "#core/ports.ts";
import { createDispatcher, type Dispatcher, type DispatcherOptions } from "#core/runtime/dispatcher.ts";

export const eventsConfig = (changes: object = {}): Config["events"] => {
  const parsed = parseConfig({ events: changes });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config.events;
};

export interface HandClock extends Clock {
  /** Moves both meanings of time and fires what became due, in order. */
  wind(ms: number): void;
  readonly timers: number;
}

export const createHandClock = (startAt = 1_000_000): HandClock => {
  let now = startAt;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    monotonicMs: () => now,
    setTimer(at, fire) {
      const timer = { at, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    hold: (work) => work,
    yieldToIo: () => new Promise((resolve) => setImmediate(resolve)),
    wind(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.fire();
      }
      now = until;
    },
    get timers() {
      return timers.size;
    },
  };
};

export interface Setup {
  readonly clock: HandClock;
  readonly dispatcher: Dispatcher;
  /** Every fact that was handled, as `type:mark`. */
  readonly handled: string[];
}

/** A dispatcher on a hand clock whose every handled fact is written down. */
export const setUp = (changes: object = {}, options: Partial<DispatcherOptions> = {}): Setup => {
  const clock = createHandClock();
  const handled: string[] = [];
  const dispatcher = createDispatcher({
    config: eventsConfig(changes),
    clock,
    seed: 7,
    record: () => undefined,
    deliver: () => undefined,
    ...options,
  });
  dispatcher.handle(
    () => true,
    (fact) => {
      handled.push(markOf(fact));
    },
    { name: "witness" },
  );
  return { clock, dispatcher, handled };
};

/** A dispatcher whose handlers say what they cost: `spend` moves the monotonic clock, and nothing else does. */
export const setUpCosts = (changes: object = {}): { readonly dispatcher: Dispatcher; readonly spend: (ms: number) => void } => {
  let spentMs = 0;
  const dispatcher = createDispatcher({
    config: eventsConfig(changes),
    clock: { ...createHandClock(), monotonicMs: () => spentMs },
    seed: 1,
    record: () => undefined,
    deliver: () => undefined,
  });
  return {
    dispatcher,
    spend: (ms) => {
      spentMs += ms;
    },
  };
};

/** Settles promises that need no timer. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const drainAll = (dispatcher: Dispatcher): void => {
  while (dispatcher.drain() === "more");
};

export const fill = (mark: number): NewFact<"order.filled"> => ({
  type: "order.filled",
  source: "test",
  payload: { orderId: `o${mark}`, fillId: `f${mark}`, quantity: mark, priceMinor: 100 },
});

export const tick = (symbol: string, mark: number): NewFact<"market.trade.ticked"> => ({
  type: "market.trade.ticked",
  source: "test",
  payload: { symbol, priceMinor: 100, quantity: 1, sequence: mark, exchangeAt: 0 },
});

export const signal = (symbol: string, strategy: string, mark: number): NewFact<"signal.generated"> => ({
  type: "signal.generated",
  source: "test",
  payload: {
    ...{ symbol, strategy, cycle: mark, place: 1 },
    ...{ side: "buy", orderType: "market", quantity: 1, strength: mark, reason: "test" },
  },
});

export const metric = (mark: number): NewFact<"metric.recorded"> => ({
  type: "metric.recorded",
  source: "test",
  payload: { metric: "m", value: mark },
});

/** Short text that tells one of the facts above from the others. */
export const markOf = ({ type, payload }: { readonly type: string; readonly payload: unknown }): string => {
  const { fillId, symbol, strategy, sequence, strength, value, code } = payload as Record<string, unknown>;
  const mark = [fillId, symbol, strategy, sequence, strength, value, code].filter((part) => part !== undefined).join("/");
  return `${type}:${mark}`;
};

/** The dead letters that are kept, oldest first. */
export const lettersOf = ({ deadLetters }: Dispatcher) => [...deadLetters];

/** accepted = handled + dropped + collapsed + sampled + deadLettered + waiting, for every lane (spec E10). */
export const imbalance = (dispatcher: Dispatcher): Record<string, number> =>
  Object.fromEntries(
    Object.entries(dispatcher.lanes()).map(([priority, lane]) => [
      priority,
      lane.accepted -
        (lane.handled + lane.dropped + lane.collapsed + lane.sampled + lane.deadLettered + lane.depth + lane.inProgress),
    ]),
  );
export const balanced = { P0: 0, P1: 0, P2: 0, P3: 0 };
