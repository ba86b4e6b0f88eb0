import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import { createMemoryBroker } from "#adapters/memory/broker.ts";
import type { SimulatedClock } from "#adapters/memory/clock.ts";
import type { Fact, NewFact } from "#core/event/catalog.ts";
import type { Broker } from "#core/ports.ts";
import { err, ok } from "#core/result.ts";
import {
  answerTimer,
  confirmTimer,
  type ReconciliationContext,
  type ReconciliationEffect,
  type ReconciliationEvent,
  reconciliationMachine,
  runTimer,
} from "#machines/reconciliation.machine.ts";
import { createWorld, morning, type World } from "../world.ts";

const policy = { everyMs: 20_000, absentAfterMs: 5_000 };
const moods = ["the venue agrees", "positions differ", "the venue refuses to answer", "the venue never answers"] as const;
type Mood = (typeof moods)[number];
const spy = "SPY: ours 0, the venue's 5";

/** The real chart with the deadlines it has set, what the venue is like, and what was told about each run. */
interface Model {
  readonly at: number;
  readonly snapshot: { readonly value: unknown; readonly context: ReconciliationContext };
  readonly deadlines: { readonly [id: string]: number };
  readonly mood: Mood;
  readonly trading: boolean;
  readonly told: readonly string[];
}

const contextOf = ({ snapshot }: Model): ReconciliationContext => snapshot.context;

const answerOf = ({ mood, at }: Model, asked: number, tripped: boolean): ReconciliationEvent | undefined => {
  const found = { orders: 0, fills: 0, mismatches: 0, unconfirmed: 0, tripped };
  if (mood === "the venue agrees") return { type: "reconciliation.compared", at, asked, ...found };
  if (mood === "positions differ") return { type: "reconciliation.compared", at, asked, ...found, disagreement: spy };
  if (mood === "the venue never answers") return undefined;
  return { type: "reconciliation.unanswered", at, asked, reason: "502" };
};

/** One event and everything that follows in the same moment: the venue answers at once, or never. */
const take = (model: Model, first: ReconciliationEvent): Model => {
  let now = model;
  const events = [first];
  const asked: number[] = [];
  const answered = (): ReconciliationEvent | undefined => {
    const number = asked.shift();
    return number === undefined ? undefined : answerOf(now, number, contextOf(now).disagreement?.hasTripped ?? false);
  };
  for (let event = events.shift(); event !== undefined; event = events.shift() ?? answered()) {
    const before = reconciliationMachine.resolveState(now.snapshot as never);
    const [snapshot, actions] = transition(reconciliationMachine, before, event);
    now = { ...now, snapshot: snapshot as unknown as Model["snapshot"] };
    for (const { type, params } of actions as readonly { readonly type: string; readonly params: unknown }[]) {
      if (type !== "xstate.emit") continue;
      const effect = (params as { readonly event: ReconciliationEffect }).event;
      if (effect.type === "timer.set" || effect.type === "timer.clear") {
        const { [effect.id]: _before, ...others } = now.deadlines;
        now = { ...now, deadlines: effect.type === "timer.set" ? { ...others, [effect.id]: effect.at } : others };
      } else if (effect.type === "broker.compare") asked.push(effect.asked);
      else now = { ...now, told: [...now.told, effect.type === "safety.report" ? `${effect.kind} ${effect.code}` : effect.type] };
      if (effect.type === "reconciliation.begin" && effect.cause !== "timer") now = { ...now, trading: false };
      if (effect.type === "reconciliation.fail") now = { ...now, trading: false };
      if (effect.type !== "reconciliation.complete") continue;
      now = { ...now, trading: true };
      events.push({ ...effect, type: "reconciliation.completed", at: event.at, lookups: 0 });
    }
  }
  return now;
};

const facts: { readonly [name: string]: NewFact } = {
  "a reconnection": { type: "broker.connected", source: "test", payload: { broker: "memory" } },
  "a person asks": { type: "reconciliation.requested", source: "test", payload: { cause: "operator" } },
  "an order is lost": { type: "order.lookup.requested", source: "test", payload: { orderId: "lost" } },
};
/** A start waits for the venue's answer this long, and nothing else is due then. */
const venueMsMax = 10_000;
const deadline = "the next deadline";
const killed = "a kill";

/** Of two at the same time, the one that was set first. */
const nextDeadline = ({ deadlines }: Model): readonly [string, number] | undefined =>
  Object.entries(deadlines).sort(([, a], [, b]) => a - b)[0];

/** Everything that is due by now. */
const pass = (model: Model): Model => {
  const [id, dueAt] = nextDeadline(model) ?? ["", Number.POSITIVE_INFINITY];
  if (dueAt > model.at) return model;
  const { [id]: _due, ...deadlines } = model.deadlines;
  return pass(take({ ...model, deadlines }, { type: "timer.due", at: dueAt, id, dueAt }));
};

const started = (at: number): ReconciliationEvent => ({
  type: "session.started",
  at,
  session: "0001",
  epoch: 2,
  recovered: true,
});
const connected = (at: number): ReconciliationEvent => ({ type: "broker.connected", at, broker: "memory" });

const next = (model: Model, event: string): Model => {
  const { at } = model;
  const before = { ...model, told: [] };
  if ((moods as readonly string[]).includes(event)) return { ...before, mood: event as Mood };
  if (event === killed) {
    const after = take(take(before, started(at)), connected(at));
    return after.snapshot.value === "asking" ? { ...after, at: at + venueMsMax } : after;
  }
  const fact = facts[event];
  if (fact !== undefined) return take(before, { type: fact.type, at, ...fact.payload } as ReconciliationEvent);
  return pass({ ...before, at: nextDeadline(model)?.[1] ?? at });
};

const [first] = initialTransition(reconciliationMachine, policy);
const beginning: Model = {
  ...{ at: morning, deadlines: {}, mood: "the venue agrees", trading: false, told: [] },
  snapshot: { value: first.value, context: first.context },
};
/** Where a model stands, without times: they make tens of thousands of states, too many to walk one by one. */
const placeOf = (model: Model): string => {
  const { cause, queued, gap, disagreement } = contextOf(model);
  const { value } = model.snapshot;
  const disagrees = disagreement === null ? "" : disagreement.hasTripped ? "tripped" : "disagrees";
  const isMany = (count: number): boolean => count > 0;
  return [value, value === "idle" ? "" : cause, isMany(queued.length), gap, disagrees, model.mood].join(" ");
};
const events = [...Object.keys(facts), ...moods, deadline, killed];

/** So many steps, each with what has been tried least where the model stands; of equals the one that waits longest. */
const walk = (steps: number) => {
  const tried = new Map<string, number>();
  const triedAt = (place: string, event: string): number => tried.get(`${place}: ${event}`) ?? 0;
  const lastAt = new Map<string, number>();
  const path: { readonly event: { readonly type: string }; readonly state: Model }[] = [];
  let state = take(take(beginning, started(morning)), connected(morning));
  for (let step = 0; step < steps; step += 1) {
    const place = placeOf(state);
    const waited = (event: string): number => lastAt.get(event) ?? -1;
    const [event = deadline] = events.toSorted((a, b) => triedAt(place, a) - triedAt(place, b) || waited(a) - waited(b));
    tried.set(`${place}: ${event}`, triedAt(place, event) + 1);
    lastAt.set(event, step);
    state = next(state, event);
    path.push({ event: { type: event }, state });
  }
  return { path, pairs: tried.size, places: new Set(path.map(({ state: at }) => placeOf(at))).size };
};
const { path, pairs, places } = walk(600);

/** A venue that answers as the model says, to whichever process asks; the dead are not answered. */
const createVenue = () => {
  let mood: Mood = "the venue agrees";
  let process = 0;
  const open = (clock: SimulatedClock): Broker => {
    process += 1;
    const mine = process;
    const venue = createMemoryBroker({ now: () => clock.now() });
    const answer = async <T>(value: T): Promise<ReturnType<typeof ok<T>> | ReturnType<typeof refused>> => {
      if (mood === "the venue never answers" || mine !== process) return new Promise(() => {});
      return mood === "the venue refuses to answer" ? refused() : ok(value);
    };
    return {
      ...venue,
      orders: () => answer([]),
      executions: () => answer([]),
      account: () => answer({ positions: mood === "positions differ" ? [{ symbol: "SPY", quantity: 5 }] : [], cashMinor: 0 }),
    };
  };
  return {
    open,
    becomes: (now: Mood): void => {
      mood = now;
    },
  };
};
const refused = () => err({ type: "broker.unavailable", reason: "502" } as const);

/** What was told about runs since so many facts. */
const toldSince = (world: World, from: number): readonly string[] =>
  world.storage.records
    .slice(from)
    .map(({ body }) => JSON.parse(body) as Fact)
    .flatMap((fact) => {
      switch (fact.type) {
        case "reconciliation.started":
          return ["reconciliation.begin"];
        case "reconciliation.completed":
          return ["reconciliation.complete"];
        case "reconciliation.failed":
          return ["reconciliation.fail"];
        case "anomaly.raised":
          return [`anomaly ${fact.payload.code}`];
        case "failsafe.tripped":
          return [`failsafe ${fact.payload.code}`];
        case "failsafe.cleared":
          return [`cleared ${fact.payload.code}`];
        default:
          return [];
      }
    });

describe(`reconciliation in the whole house: ${pairs} pairs of a place and an event, ${places} places, in ${path.length} steps`, () => {
  it("asks, waits, tells and opens trading exactly as the chart says, also over kills (O4, O5, O6)", async () => {
    const venue = createVenue();
    const world = await createWorld({
      venue: async (clock) => ({ broker: venue.open(clock) }),
      config: {
        broker: { reconcileEveryMs: policy.everyMs, absentAfterMs: policy.absentAfterMs },
        trading: { enabled: false },
        operating: { evaluationEveryMs: 10_000_000_000 },
        archive: { silenceMsMax: 10_000_000_000 },
        safety: { quietPeriodMs: 1_000_000_000 },
      },
    });
    let from = 0;
    await world.walk(
      path,
      async ({ type }, state) => {
        from = world.storage.records.length;
        if ((moods as readonly string[]).includes(type)) venue.becomes(type as Mood);
        else if (type === killed) await world.restart();
        else if (type === deadline) await world.advanceTo(state.at);
        else if (facts[type] !== undefined) await world.fact(facts[type].type, facts[type].payload as never);
      },
      (state, walked) => {
        const where = walked.split(" › ").slice(-6).join(" › ");
        const { value, context } = world.actor("reconciliation") as unknown as Model["snapshot"];
        const deadlines = world.root().house.deadlines.table();
        const due = [runTimer, confirmTimer, answerTimer].map((id) => deadlines[id]);
        const { desk } = world.root().house.actors().snapshotOf("orders") as unknown as {
          readonly desk: { readonly trading: () => { readonly open: boolean } };
        };
        expect({ value, context, due, told: toldSince(world, from), trading: desk.trading().open }, where).toEqual({
          value: state.snapshot.value,
          context: state.snapshot.context,
          due: [runTimer, confirmTimer, answerTimer].map((id) => state.deadlines[id]),
          told: state.told,
          trading: state.trading,
        });
      },
    );
  });
});
