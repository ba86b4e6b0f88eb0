/**
 * The order side of QTS in one hand: desk, gates, route, intake and reconciliation on a memory broker and a clock to wind.
 * Facts are delivered one at a time, effects are performed as the house performs them.
 */
import { filter } from "rxjs";
import { createActor } from "xstate";
import { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions } from "#adapters/memory/broker.ts";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import type { ActorEvent, NewFact } from "#core/event/catalog.ts";
import { createIntake } from "#core/event/intake.ts";
import { routeOf } from "#core/event/routes.ts";
import { createReportIntake } from "#core/execution/broker-reports.ts";
import { createExecutionRoute, type ExecutionRoute } from "#core/execution/execution-route.ts";
import { createEpochFence, createOrderGate } from "#core/execution/order-gate.ts";
import type { Instrument } from "#core/instrument.ts";
import { isDeskEvent } from "#core/orders/desk-facts.ts";
import { type DeskInput, type FactOutcome, OrderDesk, type PersistedDesk } from "#core/orders/order-desk.ts";
import { createReconciliation } from "#core/orders/reconciliation.ts";
import { createRandom } from "#core/random.ts";
import type { RiskGate, RiskView } from "#core/risk/risk-gate.ts";
import { undecidedGate } from "#core/risk/state-gates.ts";
import { type OrderEffect, pendingTimer, unknownTimer } from "#machines/order.effects.ts";
import {
  type ReconciliationEffect,
  type ReconciliationEvent,
  type ReconciliationInput,
  reconciliationMachine,
  runTimer,
} from "#machines/reconciliation.machine.ts";
import type { ReconciliationCause } from "#machines/reconciliation.rules.ts";
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
  /** What was offered, in order, but for what only the reconciliation machine is told. */
  readonly facts: NewFact[];
  readonly effects: OrderEffect[];
  readonly outcomes: FactOutcome[];
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
  readonly reconcile: {
    /** What begins a run of this cause in the house: a process, a connection, a request, or its time. */
    readonly run: (cause: ReconciliationCause) => void;
    readonly stop: () => void;
  };
  readonly types: () => readonly string[];
  readonly alerts: () => readonly string[];
}

export interface RigOptions extends Partial<MemoryBrokerOptions> {
  readonly riskGates?: readonly RiskGate[];
  readonly view?: Partial<RiskView>;
  readonly policy?: Partial<ReconciliationInput> & { readonly openingPositions?: { readonly [symbol: string]: number } };
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
  const outcomes: FactOutcome[] = [];
  const waiting: NewFact[] = [];
  const timers = new Map<string, () => void>();
  let isDraining = false;

  const perform = (effect: OrderEffect): void => {
    effects.push(effect);
    performAny(effect);
  };

  const performAny = (effect: OrderEffect | ReconciliationEffect): void => {
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
    else if (effect.type in route)
      (route[effect.type as keyof ExecutionRoute] as (effect: OrderEffect | ReconciliationEffect) => void)(effect);
  };

  /** Connected since before the rig began, so that a connection is a new one. */
  const { context } = createActor(reconciliationMachine, {
    input: { everyMs: 300_000, absentAfterMs: 2_000, ...policy },
  }).getSnapshot();
  const machine = createActor(reconciliationMachine, {
    snapshot: reconciliationMachine.resolveState({ value: "idle", context: { ...context, gap: null } }),
    input: context.policy,
  });
  const emitted: ReconciliationEffect[] = [];
  machine.on("*", (effect) => emitted.push(effect));
  machine.start();

  const tellMachine = (event: ReconciliationEvent): void => {
    machine.send(event);
    for (const effect of emitted.splice(0)) {
      if (effect.type === "safety.report") {
        const { kind, code, reason } = effect;
        const type = ({ anomaly: "anomaly.raised", failsafe: "failsafe.tripped", cleared: "failsafe.cleared" } as const)[
          kind as "anomaly" | "failsafe" | "cleared"
        ];
        offer({ type, payload: { code, reason }, source: "root" });
      } else if (effect.type in reconciliation.handlers)
        (reconciliation.handlers as unknown as { readonly [type: string]: (effect: ReconciliationEffect) => void })[
          effect.type
        ]?.(effect);
      else performAny(effect);
    }
  };

  const offer = (fact: NewFact): void => {
    if (routeOf(fact.type).join() !== "reconciliation") facts.push(fact);
    waiting.push(fact);
    if (isDraining) return;
    isDraining = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const emitted: OrderEffect[] = [];
      const event = { type: next.type, at: now(), ...(next.payload as object) } as ActorEvent;
      if (isDeskEvent(event)) outcomes.push(...desk.handle(event, (effect) => emitted.push(effect)));
      for (const effect of emitted) perform(effect);
      if (routeOf(next.type).includes("reconciliation")) tellMachine(event as ReconciliationEvent);
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
  });
  const reconciliation = createReconciliation({
    broker,
    desk: () => desk,
    intake,
    offer,
    isAwaited: gate.isAwaited,
    matchSkewMs: 2_000,
    openingPositions: policy.openingPositions ?? {},
  });
  const begin = (cause: ReconciliationCause): void => {
    const at = now();
    if (cause === "start") tellMachine({ type: "session.started", at, session: "0001", epoch: 1, recovered: true });
    if (cause === "start" || cause === "reconnect") tellMachine({ type: "broker.connected", at, broker: "memory" });
    else if (cause === "timer") tellMachine({ type: "timer.due", at, id: runTimer, dueAt: at });
    else reconciliation.request(cause);
  };
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
    query: reconciliation.query,
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
    reconcile: { run: begin, stop: reconciliation.stop },
    types: () => facts.map(({ type }) => type),
    alerts: () =>
      effects.flatMap((effect) =>
        effect.type.startsWith("alert.") && "code" in effect ? [`${effect.type} ${effect.code}`] : [],
      ),
  };
};
