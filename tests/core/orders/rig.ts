/**
 * The order side of QTS in one hand: desk, gates, route, intake and reconciliation on a memory broker and a clock to wind.
 * Facts are delivered one at a time, effects are performed as the house performs them.
 */
import { filter } from "rxjs";
import { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from "#adapters/memory/broker.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { createIntake } from "#core/event/intake.ts";
import { createReportIntake } from "#core/execution/broker-reports.ts";
import { createExecutionRoute, type ExecutionRoute } from "#core/execution/execution-route.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import type { Instrument } from "#core/instrument.ts";
import { type DeskInput, OrderDesk, type Outcome, type PersistedDesk } from "#core/orders/order-desk.ts";
import { createReconciliation, type ReconciliationPolicy } from "#core/orders/reconciliation.ts";
import { createRandom } from "#core/random.ts";
import type { RiskGate, RiskView } from "#core/risk/risk-gate.ts";
import { undecidedGate } from "#core/risk/state-gates.ts";
import { type OrderEffect, pendingTimer, unknownTimer } from "#machines/order.effects.ts";
import { eventsConfig } from "../event/setup.ts";

export const instruments: readonly Instrument[] = [
  { symbol: "SPY", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 1, lotSize: 1 },
  { symbol: "IBM", market: "NYSE", currency: "USD", priceScale: 4, tickSize: 1, lotSize: 1 },
];

export const deskInput: DeskInput = {
  limits: { unknownDeadlineMs: 120_000, pendingDeadlineMs: 30_000 },
  instruments,
  finishedKept: 100,
  approvalsKept: 100,
};

export interface Rig {
  readonly broker: MemoryBroker;
  readonly desk: () => OrderDesk;
  /** Everything that was offered, in order. */
  readonly facts: NewFact[];
  readonly effects: OrderEffect[];
  readonly outcomes: Outcome[];
  readonly offer: (fact: NewFact) => void;
  readonly buy: (orderId: string, quantity?: number, over?: object) => void;
  /** Lets everything that is under way happen. */
  readonly settle: () => Promise<void>;
  /** Time passes. */
  readonly pass: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly fence: ReturnType<typeof createEpochFence>;
  readonly gate: ReturnType<typeof createOrderGate>;
  readonly route: ExecutionRoute;
  readonly reconcile: ReturnType<typeof createReconciliation>;
  readonly types: () => readonly string[];
  readonly alerts: () => readonly string[];
}

export interface RigOptions extends Partial<MemoryBrokerOptions> {
  readonly riskGates?: readonly RiskGate[];
  readonly view?: Partial<RiskView>;
  readonly policy?: Partial<ReconciliationPolicy>;
  /** Continue with the state, and the venue, of an earlier rig: a restart. */
  readonly after?: { readonly state: PersistedDesk; readonly broker: MemoryBroker; readonly at: number };
  readonly input?: Partial<DeskInput>;
  readonly leaseEpoch?: number;
  /** Submits wait for a turn of the event loop, as they wait for the journal in the house. */
  readonly isSubmitDelayed?: boolean;
}

export const createRig = (options: RigOptions = {}): Rig => {
  const { riskGates = [undecidedGate], view = {}, policy = {}, after } = options;
  const clock = createSimulatedClock({ startAt: after?.at ?? 1_000_000 });
  const now = (): number => clock.now();
  const broker = after?.broker ?? createMemoryBroker({ now, ...options });
  const desk = new OrderDesk({ ...deskInput, ...options.input }, after?.state);
  const facts: NewFact[] = [];
  const effects: OrderEffect[] = [];
  const outcomes: Outcome[] = [];
  const waiting: NewFact[] = [];
  const timers = new Map<string, () => void>();
  let isDraining = false;

  const perform = (effect: OrderEffect): void => {
    effects.push(effect);
    if (effect.type === "timer.set") {
      const { id, at } = effect;
      timers.get(id)?.();
      timers.set(
        id,
        clock.setTimer(at, () => offer({ type: "timer.due", payload: { id, dueAt: at }, source: "deadlines" })),
      );
    } else if (effect.type === "timer.clear") timers.get(effect.id)?.();
    else if (effect.type === "broker.submit" && options.isSubmitDelayed)
      void clock.yieldToIo().then(() => route[effect.type](effect));
    else if (effect.type in route) (route[effect.type as keyof ExecutionRoute] as (effect: OrderEffect) => void)(effect);
  };

  const offer = (fact: NewFact): void => {
    facts.push(fact);
    waiting.push(fact);
    if (isDraining) return;
    isDraining = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const emitted: OrderEffect[] = [];
      const event = { type: next.type, at: now(), ...(next.payload as object) };
      outcomes.push(...desk.handle(event as never, (effect) => emitted.push(effect)));
      for (const effect of emitted) perform(effect);
    }
    isDraining = false;
  };

  const fence = createEpochFence(options.leaseEpoch ?? 1);
  const gate = createOrderGate({ broker, fence });
  const inlets = createIntake({
    config: eventsConfig().intake,
    clock,
    random: createRandom(1),
    offer: (fact) => {
      offer(fact);
      return "accepted";
    },
  });
  let connections = 0;
  const intake = createReportIntake({
    // The first connection is there from the beginning and says nothing: reconciliation starts when a test asks for it.
    broker: {
      name: "memory",
      reports: (valve) => broker.reports(valve).pipe(filter(({ type }) => type !== "connected" || connections++ > 0)),
    },
    inlet: inlets.inlet("broker"),
    offer,
    desk: () => desk,
    onConnected: () => reconcile.run("reconnect"),
  });
  const reconcile = createReconciliation({
    broker,
    desk: () => desk,
    intake,
    offer,
    clock,
    isAwaited: gate.isAwaited,
    policy: { everyMs: 300_000, absentAfterMs: 2_000, matchSkewMs: 2_000, ...policy },
  });
  const route = createExecutionRoute({
    gate,
    fence,
    riskGates,
    view: {
      safety: () => "NORMAL",
      operating: () => ({ entrySignalMin: 0, positionsMax: 10, dailyTradesMax: 100, newEntry: true, riskMultiplier: 1 }),
      mark: () => ({ priceMinor: 100, at: now() }),
      instrument: (symbol) => instruments.find((known) => known.symbol === symbol),
      now,
      ...view,
    },
    broker: { name: "memory", live: broker.capabilities.live },
    desk: () => desk,
    intake,
    query: reconcile.query,
    offer,
    clock,
    submitTimeoutMs: 3_000,
  });
  intake.open();
  // The house keeps deadlines with the state.
  for (const { orderId, isUndetermined, deadlineAt, isOverdue } of desk.liveOrders())
    if (deadlineAt !== null && !isOverdue)
      perform({ type: "timer.set", id: (isUndetermined ? unknownTimer : pendingTimer)(orderId), at: deadlineAt });

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await clock.yieldToIo();
  };

  return {
    broker,
    desk: () => desk,
    facts,
    effects,
    outcomes,
    offer,
    buy: (orderId, quantity = 10, over = {}) =>
      offer({
        type: "order.intended",
        payload: {
          orderId,
          symbol: "SPY",
          side: "buy",
          orderType: "limit",
          quantity,
          limitPriceMinor: 100,
          strategy: "s",
          ...over,
        },
        source: "test",
      } as NewFact),
    settle,
    pass: async (ms) => {
      await settle();
      // Small steps, so that work that a timer starts can finish before the next timer.
      const until = now() + ms;
      while (now() < until) {
        await clock.advanceTo(Math.min(now() + 500, until));
        await settle();
      }
    },
    now,
    fence,
    gate,
    route,
    reconcile,
    types: () => facts.map(({ type }) => type),
    alerts: () =>
      effects.flatMap((effect) =>
        effect.type.startsWith("alert.") && "code" in effect ? [`${effect.type} ${effect.code}`] : [],
      ),
  };
};
