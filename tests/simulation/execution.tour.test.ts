import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import type { NewFact } from "#core/event/catalog.ts";
import type { Strategy } from "#core/strategy/strategy.ts";
import {
  budgetTimer,
  cycleTimer,
  type ExecutionLoopEffect,
  type ExecutionLoopEvent,
  executionLoopMachine,
} from "#machines/execution-loop.machine.ts";
import { createWorld, morning } from "../world.ts";
import { toursOf } from "./tour.ts";

const execution = {
  intervalMs: 1000,
  errorBackoffMs: 5000,
  retriesMax: 1,
  cycleBudgetMs: 3000,
  cyclesMax: 4,
  consecutiveErrorsMax: 3,
};
const killed = "a kill";

/** The real chart with the deadlines it has set, and the safety state that a person and its own reports bring about. */
interface Model {
  readonly at: number;
  readonly snapshot: {
    readonly value: unknown;
    readonly context: { readonly cycle: number; readonly consecutiveErrors: number };
  };
  readonly deadlines: { readonly [id: string]: number };
  readonly safety: "NORMAL" | "FAIL" | "LOCKDOWN";
  readonly evaluations: number;
}

/** One event and everything that follows in the same moment: a cycle answers at once, as a strategy does. */
const take = (model: Model, event: ExecutionLoopEvent, throws: boolean): Model => {
  const [snapshot, actions] = transition(executionLoopMachine, executionLoopMachine.resolveState(model.snapshot as never), event);
  let after: Model = { ...model, snapshot: snapshot as unknown as Model["snapshot"] };
  for (const { type, params } of actions as readonly { readonly type: string; readonly params: unknown }[]) {
    if (type !== "xstate.emit") continue;
    const effect = (params as { readonly event: ExecutionLoopEffect }).event;
    if (effect.type === "timer.set") after = { ...after, deadlines: { ...after.deadlines, [effect.id]: effect.at } };
    else if (effect.type === "timer.clear") {
      const { [effect.id]: _cleared, ...deadlines } = after.deadlines;
      after = { ...after, deadlines };
    } else if (effect.type === "safety.report" && effect.kind === "failsafe")
      after = { ...after, safety: after.safety === "NORMAL" ? "FAIL" : "LOCKDOWN" };
  }
  const { cycle } = after.snapshot.context;
  if (!actions.some(({ params }) => (params as { event?: { type: string } } | undefined)?.event?.type === "cycle.run"))
    return after;
  const { at } = event;
  const answer: ExecutionLoopEvent = throws
    ? { type: "cycle.failed", at, cycle, reason: "model" }
    : { type: "cycle.completed", at, cycle, intents: 0, elapsedMs: 0 };
  return take({ ...after, evaluations: after.evaluations + 1 }, answer, throws);
};

/** Safety tells the loop when it has moved, in the same step. */
const moveSafety = (model: Model, to: Model["safety"]): Model =>
  model.safety === to
    ? model
    : take(
        { ...model, safety: to },
        { type: "safety.changed", at: model.at, from: model.safety, to, code: "FS122", reason: "m" },
        false,
      );

const facts: { readonly [name: string]: { readonly fact: NewFact; readonly becomes: (model: Model) => Model } } = {
  "start is asked for": {
    fact: { type: "execution.start.requested", source: "test", payload: { cause: "model" } },
    becomes: (model) => take(model, { type: "execution.start.requested", at: model.at, cause: "model" }, false),
  },
  "stop is asked for": {
    fact: { type: "execution.stop.requested", source: "test", payload: { cause: "model" } },
    becomes: (model) => take(model, { type: "execution.stop.requested", at: model.at, cause: "model" }, false),
  },
  lockdown: {
    fact: { type: "operator.lockdown.requested", source: "test", payload: { reason: "model" } },
    becomes: (model) => moveSafety(model, "LOCKDOWN"),
  },
  release: {
    fact: { type: "operator.lockdown.released", source: "test", payload: { reason: "model", operator: "kim" } },
    becomes: (model) => (model.safety === "LOCKDOWN" ? moveSafety(model, "NORMAL") : model),
  },
};
const cycles = { "a cycle completes": false, "a cycle throws": true } as const;
const restarted: ExecutionLoopEvent = { type: "session.started", at: 0, session: "0001", epoch: 2, recovered: true };

const next = (before: Model, event: string): Model => {
  const known = facts[event];
  if (known !== undefined) return known.becomes(before);
  if (event === killed) return take(before, { ...restarted, at: before.at }, false);
  const dueAt = before.deadlines[cycleTimer];
  if (dueAt === undefined) return before;
  const { [cycleTimer]: _due, ...deadlines } = before.deadlines;
  const due: ExecutionLoopEvent = { type: "timer.due", at: dueAt, id: cycleTimer, dueAt };
  const safety = before.safety;
  const after = take({ ...before, at: dueAt, deadlines }, due, cycles[event as keyof typeof cycles]);
  // The report of too many errors moves safety, and the loop is told of it.
  return after.safety === safety ? after : moveSafety({ ...after, safety }, after.safety);
};

const [first] = initialTransition(executionLoopMachine, execution);
const model = toursOf<Model>({
  initial: { at: morning, snapshot: first as never, deadlines: {}, safety: "NORMAL", evaluations: 0 },
  events: [...Object.keys(facts), ...Object.keys(cycles), killed],
  next,
  key: ({ snapshot: { value, context }, safety, deadlines }) =>
    JSON.stringify([
      value,
      context.consecutiveErrors,
      Math.min(context.cycle, execution.cyclesMax),
      safety,
      Object.keys(deadlines),
    ]),
});

const live = async (tour: (typeof model.tours)[number], seen: Set<string>): Promise<void> => {
  let evaluations = 0;
  let throws = false;
  const strategy: Strategy = {
    name: "scripted",
    evaluate: () => {
      evaluations += 1;
      if (throws) throw new Error("the strategy has a bug");
      return [];
    },
  };
  // Trading is off so that nothing but the tour starts the loop; whether orders leave is the safety tour's matter.
  const world = await createWorld({
    strategy,
    config: {
      execution,
      trading: { enabled: false },
      operating: { evaluationEveryMs: 10_000_000_000 },
      archive: { silenceMsMax: 10_000_000_000 },
    },
  });
  const agree = (state: Model, walked: string): void => {
    const where = walked.split(" › ").slice(-6).join(" › ");
    const { value, context } = world.actor("execution") as unknown as Model["snapshot"];
    const deadlines = world.root().house.deadlines.table();
    expect(
      {
        value,
        cycle: context.cycle,
        errors: context.consecutiveErrors,
        safety: world.status().safety,
        evaluations,
        due: [deadlines[cycleTimer], deadlines[budgetTimer]],
      },
      where,
    ).toEqual({
      value: state.snapshot.value,
      cycle: state.snapshot.context.cycle,
      errors: state.snapshot.context.consecutiveErrors,
      safety: state.safety,
      evaluations: state.evaluations,
      due: [state.deadlines[cycleTimer], state.deadlines[budgetTimer]],
    });
    seen.add(JSON.stringify(value));
  };
  await world.walk(
    tour,
    async ({ type }, state) => {
      const told = facts[type];
      if (told !== undefined) await world.fact(told.fact.type, told.fact.payload as never);
      else if (type === killed) await world.restart();
      else {
        throws = cycles[type as keyof typeof cycles];
        await world.advanceTo(state.at);
      }
    },
    agree,
  );
};

describe(`the execution loop in the whole house, every event in every state: ${model.states} states, ${model.edges} pairs in ${model.steps} steps`, () => {
  it("evaluates exactly when the chart says so, also over kills, and its errors reach safety (O9)", async () => {
    const seen = new Set<string>();
    for (const tour of model.tours) await live(tour, seen);
    // A cycle is answered in its own step, so the house is never seen in the middle of one.
    expect([...seen].sort()).toEqual(['"idle"', '"stopped"', '"suspended"', '{"running":"waiting"}']);
  });
});
