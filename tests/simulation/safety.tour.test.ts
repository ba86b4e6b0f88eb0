import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import type { NewFact } from "#core/event/catalog.ts";
import { degradationOf } from "#core/event/degradation.ts";
import {
  type SafetyContext,
  type SafetyEvent,
  type SafetyState,
  safetyMachine,
  tradingAllowed,
} from "#machines/safety.machine.ts";
import { createWorld, morning, type World } from "../world.ts";
import { toursOf } from "./tour.ts";

const policy = { quietPeriodMs: 600_000, brokerGraceMs: 30_000 };
const stepMs = 1000;

/** The real chart with what it cannot know: the time, and whether the venue is away. */
interface Model {
  readonly at: number;
  readonly isAway: boolean;
  readonly value: SafetyState;
  readonly context: SafetyContext;
}

const take = (model: Model, event: SafetyEvent): Model => {
  const snapshot = safetyMachine.resolveState({ value: model.value, context: model.context });
  const [{ value, context }] = transition(safetyMachine, snapshot, event);
  return { ...model, at: Math.max(model.at, event.at), value: value as SafetyState, context };
};

const nextDeadline = ({
  context: { quietUntil, brokerDueAt },
}: Model): { readonly id: string; readonly at: number } | undefined =>
  [
    { id: "safety.quiet", at: quietUntil },
    { id: "safety.broker", at: brokerDueAt },
  ]
    .filter((deadline): deadline is { id: string; at: number } => deadline.at !== null)
    .sort((a, b) => a.at - b.at)[0];

const due = (model: Model): Model => {
  const deadline = nextDeadline(model);
  return deadline === undefined ? model : take(model, { type: "timer.due", ...deadline, dueAt: deadline.at });
};

/** As the house lives: deadlines fire by themselves. */
const pass = (model: Model, ms: number): Model => {
  const until = model.at + ms;
  let now = model;
  for (let next = nextDeadline(now); next !== undefined && next.at <= until; next = nextDeadline(now)) now = due(now);
  return { ...now, at: until };
};

const cause = { code: "FS098", reason: "model" };
const facts: { readonly [name: string]: NewFact } = {
  anomaly: { type: "anomaly.raised", source: "test", payload: { ...cause, code: "AN060" } },
  guardrail: { type: "guardrail.tripped", source: "test", payload: { ...cause, code: "GR020" } },
  "fail-safe": { type: "failsafe.tripped", source: "test", payload: cause },
  "cause cleared": { type: "failsafe.cleared", source: "test", payload: cause },
  "another cause cleared": { type: "failsafe.cleared", source: "test", payload: { ...cause, code: "FS095" } },
  "emergency stop": { type: "emergency.stop.requested", source: "test", payload: { reason: "model" } },
  "kill switch": { type: "kill.switch.tripped", source: "test", payload: { reason: "model" } },
  "kill switch off": { type: "kill.switch.cleared", source: "test", payload: { reason: "model" } },
  lockdown: { type: "operator.lockdown.requested", source: "test", payload: { reason: "model", operator: "kim" } },
  release: { type: "operator.lockdown.released", source: "test", payload: { reason: "model", operator: "kim" } },
  "release by nobody": { type: "operator.lockdown.released", source: "test", payload: { reason: "model", operator: " " } },
};
const others = ["the broker goes", "the broker comes", "the next deadline", "a kill"] as const;

const brokerFact = (isAway: boolean, at: number): SafetyEvent =>
  isAway
    ? { type: "broker.disconnected", at, broker: "memory", reason: "model" }
    : { type: "broker.connected", at, broker: "memory" };

const next = (before: Model, event: string): Model => {
  if (event === "the next deadline") return due(before);
  const model = pass(before, stepMs);
  const fact = facts[event];
  if (fact !== undefined) return take(model, { type: fact.type, at: model.at, ...(fact.payload as object) } as SafetyEvent);
  // The next process finds out for itself whether the venue is there.
  const isAway = event === "a kill" ? model.isAway : event === "the broker goes";
  return take({ ...model, isAway }, brokerFact(isAway, model.at));
};

const [first] = initialTransition(safetyMachine, policy);
const model = toursOf<Model>({
  initial: { at: morning, isAway: false, value: first.value as SafetyState, context: first.context },
  events: [...Object.keys(facts), ...others],
  next,
  key: ({ value, isAway, context: { cause: known, quietUntil, brokerDueAt, killSwitch } }) =>
    [value, known?.code ?? "", isAway, quietUntil !== null, brokerDueAt !== null, killSwitch !== null].join(" "),
});

/** Nothing but the tour moves safety: no feed that falls silent, no evaluation. */
const config = {
  safety: policy,
  operating: { evaluationEveryMs: 10_000_000_000 },
  archive: { silenceMsMax: 10_000_000_000 },
  // A venue that comes back is connected before the next step.
  events: { intake: { reconnectMs: [1, 1] } },
  execution: { intervalMs: 60_000 },
};
const price = 1_680_000;
const lots = 10;

const act = async (world: World, event: string, state: Model): Promise<void> => {
  await world.advanceTo(state.at);
  const fact = facts[event];
  // The next process looks for itself whether the switch is on.
  if (event === "kill switch" || event === "kill switch off") world.setKillSwitch(event === "kill switch" ? "model" : null);
  if (fact !== undefined) await world.fact(fact.type, fact.payload as never);
  else if (event === "the broker goes" && world.venue.isConnected()) world.venue.setConnected(false);
  else if (event === "the broker comes" && !world.venue.isConnected()) world.venue.setConnected(true);
  // The house tells a change once; the chart must bear to hear it twice.
  else if (event === "the broker goes") await world.fact("broker.disconnected", { broker: "memory", reason: "still away" });
  else if (event === "the broker comes") await world.fact("broker.connected", { broker: "memory" });
  else if (event === "a kill") await world.restart();
  await world.settle();
};

describe(`safety in the whole house, every event in every state: ${model.states} states, ${model.edges} pairs in ${model.steps} steps`, () => {
  it("the house says what the chart says, sends no order in FAIL and LOCKDOWN, lets a cancel that is asked for pass, and sees the market (E5, S1, S2, S3)", async () => {
    expect(model.tours).toHaveLength(1);
    const world = await createWorld({ config });
    await world.tick(price);
    await world.fact("order.intended", order("held", "buy", lots, price));
    world.venue.fill("held", lots, price);
    await world.settle();

    let probes = 0;
    let resting: string | undefined;
    const seen = { sent: 0, withheld: 0, canceled: 0 };
    await world.walk(
      model.tours[0] ?? [],
      ({ type }, state) => act(world, type, state),
      async (state, walked) => {
        const where = `${walked.split(" › ").slice(-6).join(" › ")} ${JSON.stringify((world.actor("safety").context as SafetyContext).cause)}`;
        const { value: expected, isAway } = state;
        const halted = !tradingAllowed(expected);
        const status = world.status();
        expect([status.safety, status.degradation], where).toEqual([expected, degradationOf(expected)]);
        expect((world.actor("operating").context as { safety: string }).safety, where).toBe(expected);
        expect([status.lanes.P1.paused, status.lanes.P2.paused, status.lanes.P3.paused], where).toEqual([
          expected === "LOCKDOWN",
          halted,
          expected !== "NORMAL",
        ]);
        expect(world.status().machines.execution, where).toBe(expected === "LOCKDOWN" ? "suspended" : "running.waiting");
        if (expected === "FAIL") expect(status.operating, where).toBe("DEFENSIVE");

        // The market goes on in every state: the position is valued at the new price.
        probes += 1;
        const now = price + 100 * (probes % 50);
        await world.tick(now);
        expect(world.status().pnlMinor, where).toBe(lots * (now - price) - 1);

        const orderId = `probe-${probes}`;
        await world.fact("order.intended", order(orderId, "sell", 1, now));
        const isSent = world.venue.book.has(orderId);
        expect(isSent, where).toBe(!halted && !isAway);
        seen[isSent ? "sent" : "withheld"] += 1;

        const toCancel = halted ? resting : isSent && resting !== undefined ? orderId : undefined;
        if (isSent) resting ??= orderId;
        // A venue that is away hears of no cancel.
        if (toCancel === undefined || isAway) return;
        await world.fact("order.cancel.requested", { orderId: toCancel, reason: "model" });
        expect(world.venue.book.get(toCancel)?.status, where).toBe("canceled");
        if (toCancel === resting) resting = undefined;
        if (halted) seen.canceled += 1;
      },
    );
    expect(Math.min(seen.sent, seen.withheld, seen.canceled)).toBeGreaterThan(10);
    expect(world.venue.submits.map(({ orderId }) => orderId)).toEqual([...world.venue.book.keys()]);
  });

  it.each([
    ["FAIL", ["fail-safe"]],
    ["LOCKDOWN", ["fail-safe", "fail-safe"]],
    ["LOCKDOWN", ["lockdown"]],
    ["LOCKDOWN", ["emergency stop"]],
    ["LOCKDOWN", ["kill switch"]],
  ] as const)("%s by %j cancels nothing by itself: the venue works what is open (S5)", async (expected, causes) => {
    const world = await createWorld({ config });
    await world.tick(price);
    await world.fact("order.intended", order("resting", "buy", 1, price - 100));
    for (const name of causes) {
      const fact = facts[name] as NewFact;
      await world.fact(fact.type, fact.payload as never);
      await world.advance(60_000);
    }
    expect(world.status().safety).toBe(expected);
    expect(world.venue.book.get("resting")?.status).toBe("accepted");
    expect(world.facts().filter(({ type }) => type.startsWith("order.cancel"))).toEqual([]);
    expect(world.status().openOrders).toBe(1);
  });

  it("DEFENSIVE comes with the very fact that brings FAIL (S14)", async () => {
    const world = await createWorld({ config });
    await world.advance(5000);
    await world.fact("failsafe.tripped", cause);
    const told = world.facts();
    const tripped = told.find(({ type }) => type === "failsafe.tripped");
    const moved = told.find(({ type }) => type === "operating.moved");
    expect(moved).toMatchObject({ at: tripped?.at, payload: { entry: { to: "DEFENSIVE", rule: "SAFETY_FAIL" } } });
  });
});

function order(orderId: string, side: "buy" | "sell", quantity: number, limitPriceMinor: number) {
  return { orderId, symbol: "SPY", side, orderType: "limit" as const, quantity, limitPriceMinor, strategy: "operator" };
}
