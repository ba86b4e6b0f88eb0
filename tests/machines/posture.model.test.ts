import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnyTransitionDefinition } from "xstate";
import { getAdjacencyMap, getShortestPaths } from "xstate/graph";
import { createSimulatedClock } from "#adapters/memory/clock.ts";
import { createJournalStorage, createMemoryJournal } from "#adapters/memory/journal.ts";
import { parseConfig } from "#config/config.ts";
import type { NewFact } from "#core/event/catalog.ts";
import { createHouse, type House } from "#core/runtime/house.ts";
import { operatingMachine, operatingView } from "#machines/operating-state.machine.ts";
import { lowerRisk, raisesRisk } from "#machines/operating-state.policy.ts";
import { cooledAt, heldUntil, isConfirmed, type RuleName } from "#machines/operating-state.rules.ts";
import { safetyMachine, safetyStates } from "#machines/safety.machine.ts";
import { inertParts } from "../core/runtime/inert-parts.ts";
import { dayMs, startAt } from "../core/state/posture-series.ts";
import { operatingDefaults } from "./operating-state.drive.ts";
import {
  type PostureModelState,
  postureFacts,
  postureKey,
  postureLogic,
  safetyPolicy,
  transitionName,
  transitionsOf,
  viewOf,
} from "./posture.model.ts";

type Edge = { readonly from: PostureModelState; readonly fact: string; readonly to: PostureModelState };
const events = postureFacts.map(({ type }) => ({ type }));
const serializeState = (snapshot: unknown): string => postureKey((snapshot as { context: PostureModelState }).context);
const options = { events, serializeState, serializeEvent: ({ type }: { type: string }) => type, limit: 400_000 };

/** Every (state, fact) pair that can be reached from an initial state. */
const edgesOf = (logic: ReturnType<typeof postureLogic>): readonly Edge[] =>
  Object.values(getAdjacencyMap(logic, options)).flatMap(({ state, transitions }) =>
    Object.values(transitions as { [fact: string]: { event: { type: string }; state: unknown } }).map(({ event, state: to }) => ({
      from: (state as { context: PostureModelState }).context,
      fact: event.type,
      to: (to as { context: PostureModelState }).context,
    })),
  );

const taken = new Set<AnyTransitionDefinition>();

/** Says which step broke an invariant; an expectation per step would take minutes. */
const holds = (isTrue: boolean, what: string, { from, fact, to }: Edge): void => {
  if (!isTrue) throw new Error(`${what}: from [${postureKey(from)}] by ${fact} to [${postureKey(to)}]`);
};

describe("safety and operating state together, every state and fact that can be reached", () => {
  let edges: readonly Edge[] = [];
  let safetyFirst: readonly Edge[] = [];

  beforeAll(() => {
    safetyFirst = edgesOf(postureLogic(taken));
    edges = [...safetyFirst, ...edgesOf(postureLogic(taken, { reading: "literal" }))];
    // The other two states to begin in are one transition each; what follows is explored already.
    for (const initial of ["AGGRESSIVE", "DEFENSIVE"] as const) postureLogic(taken, { initial });
  });

  afterAll(() => {
    const all = [safetyMachine, operatingMachine].map((machine) => transitionsOf(machine));
    const covered = all.map((set) => [...set].filter((transition) => taken.has(transition)).length);
    const states = new Set(edges.map(({ from }) => postureKey(from)));
    process.stdout.write(
      `posture models: ${states.size} states, ${edges.length} steps; transitions covered: safety ${covered[0]}/${all[0]?.size}, operating ${covered[1]}/${all[1]?.size}\n`,
    );
  });

  it("takes every transition of both charts and enters every state", () => {
    const missed = [safetyMachine, operatingMachine]
      .flatMap((machine) => [...transitionsOf(machine)])
      .filter((transition) => !taken.has(transition))
      .map(transitionName);
    expect(missed).toEqual([]);
    expect(new Set(edges.map(({ to }) => to.safety.value))).toEqual(new Set(safetyStates));
    expect(new Set(edges.map(({ to }) => to.operating.value))).toEqual(new Set(["AGGRESSIVE", "BALANCED", "DEFENSIVE"]));
  });

  it("both machines always agree about safety", () => {
    for (const edge of edges) holds(edge.to.operating.context.safety === edge.to.safety.value, "they disagree", edge);
  });

  it("FAIL is DEFENSIVE at that very fact", () => {
    for (const edge of edges) {
      const { state, ruleState } = viewOf(edge.to);
      holds(edge.to.safety.value !== "FAIL" || (state === "DEFENSIVE" && ruleState === "DEFENSIVE"), "FAIL", edge);
    }
  });

  it("LOCKDOWN is left only by a named operator", () => {
    for (const edge of edges) {
      const isLeft = edge.from.safety.value === "LOCKDOWN" && edge.to.safety.value !== "LOCKDOWN";
      holds(!isLeft || (edge.fact === "release" && edge.to.safety.value === "NORMAL"), "LOCKDOWN was left", edge);
    }
  });

  it("FAIL is left only by the recovery of its cause, or for LOCKDOWN", () => {
    for (const edge of edges) {
      const isLeft = edge.from.safety.value === "FAIL" && edge.to.safety.value === "NORMAL";
      holds(!isLeft || ["cleared", "connected"].includes(edge.fact), "FAIL was left", edge);
    }
  });

  it("the announcement is the first effect of every change of safety (S6)", () => {
    for (const edge of edges) {
      const [first] = edge.to.effects;
      const isAnnounced =
        first?.type === "safety.announce" && first.from === edge.from.safety.value && first.to === edge.to.safety.value;
      holds(edge.from.safety.value === edge.to.safety.value || isAnnounced, "something came first", edge);
    }
  });

  it("promotes only by its rule: safety NORMAL, held, cooled down, confirmed, and in an evaluation", () => {
    let promotions = 0;
    for (const edge of safetyFirst) {
      for (const effect of edge.to.effects) {
        if (effect.type !== "operating.history.append" || !raisesRisk(effect.entry.from, effect.entry.to)) continue;
        const { rule, at } = effect.entry;
        if (rule === "OVERRIDE") continue;
        promotions += 1;
        holds(rule === "D_TO_B" || rule === "B_TO_A", `${rule} raised risk`, edge);
        const promotion = rule as RuleName;
        const { policy, enteredAt, lastMoveAt, confirmations } = edge.from.operating.context;
        const before = confirmations[promotion];
        const after = before === undefined ? undefined : { ...before, lastAt: at, cycles: before.cycles + 1 };
        holds(edge.to.safety.value === "NORMAL", "safety was not NORMAL", edge);
        holds(at >= heldUntil(promotion, policy, enteredAt ?? at), "it was not held long enough", edge);
        holds(at >= (cooledAt(promotion, policy, lastMoveAt) ?? at), "it had not cooled down", edge);
        holds(isConfirmed(after, policy), "it was not confirmed", edge);
      }
    }
    expect(promotions).toBeGreaterThan(0);
  });

  it("nothing else raises risk: only a pin that had been limited comes back, and a new one", () => {
    for (const edge of safetyFirst) {
      const [before, after] = [viewOf(edge.from), viewOf(edge.to)];
      const isPromotion = edge.to.effects.some(
        (effect) => effect.type === "operating.history.append" && ["D_TO_B", "B_TO_A"].includes(effect.entry.rule),
      );
      holds(isPromotion || !raisesRisk(before.ruleState, after.ruleState), "the rule state rose", edge);
      const isPin = edge.fact.startsWith("pin ") || edge.to.operating.context.override?.state === after.state;
      // LOCKDOWN keeps the rule state as it was, and nothing is traded in it.
      const isLocked = edge.to.safety.value === "LOCKDOWN";
      holds(isLocked || isPromotion || isPin || !raisesRisk(before.state, after.state), "the state in force rose", edge);
    }
  });

  it("a release from LOCKDOWN raises nothing", () => {
    for (const edge of safetyFirst)
      holds(edge.fact !== "release" || !raisesRisk(viewOf(edge.from).state, viewOf(edge.to).state), "risk rose", edge);
  });

  it("no override is longer than seven days, and safety beats it", () => {
    for (const edge of edges) {
      const { override } = edge.to.operating.context;
      if (override === null) continue;
      const { state, ruleState } = viewOf(edge.to);
      holds(override.expiresAt - override.setAt <= 7 * dayMs, "it is too long", edge);
      const isLimited = !raisesRisk(lowerRisk(override.state, ruleState), state);
      holds(edge.to.safety.value === "NORMAL" || isLimited, "it beat safety", edge);
    }
  });

  it("a restart at any of these points brings back the same state: never more risk than before", () => {
    const logic = postureLogic(new Set());
    for (const { to } of safetyFirst.filter((_, index) => index % 50 === 0)) {
      const restored = JSON.parse(JSON.stringify(to)) as PostureModelState;
      expect(viewOf(restored)).toEqual(viewOf(to));
      for (const { type } of events.slice(0, 9)) {
        const next = (state: PostureModelState): PostureModelState =>
          logic.transition({ context: state, status: "active" } as never, { type } as never, {} as never)
            .context as PostureModelState;
        expect(postureKey(next(restored))).toBe(postureKey(next(to)));
      }
    }
  });
});

/** The house with these two machines and nothing else that reacts. */
const openHouse = async (storage: ReturnType<typeof createJournalStorage>, startingAt: number) => {
  const parsed = parseConfig();
  if (!parsed.ok) throw new Error("the default configuration is broken");
  const clock = createSimulatedClock({ startAt: startingAt });
  const house: House = createHouse({
    config: parsed.config.events,
    seed: 1,
    runPrefix: `run${storage.records.length}`,
    snapshotEveryFacts: 1_000_000,
    version: "test",
    clock,
    journal: createMemoryJournal({ storage }),
    logics: { ...inertParts, safety: safetyMachine, operating: operatingMachine },
    input: {
      restart: { restartsMax: 5, windowMs: 30_000, delayMs: 100, delayMsMax: 1000 },
      ops: false,
      parts: { safety: safetyPolicy, operating: operatingDefaults },
    },
    handlers: new Proxy({}, { get: () => () => undefined }) as never,
    onJournalFailure: (error) => {
      throw new Error(JSON.stringify(error));
    },
    onSafetyChange: () => undefined,
    onLost: () => undefined,
  });
  const recovered = await house.recover();
  if (!recovered.ok) throw new Error(JSON.stringify(recovered.error));
  house.open({ session: "model", epoch: 1, recovered: recovered.value.recovered });
  await house.settle();
  return { house, clock };
};

describe("the real house on the paths that the model proposes", () => {
  // The real deadlines fire by themselves there, so a path without timer facts says what must happen.
  const untimed = postureFacts.filter(({ type, afterMs }) => !type.includes(".") && afterMs > 0 && afterMs <= 60_000 * 60);
  const paths = getShortestPaths(postureLogic(new Set()), { ...options, events: untimed.map(({ type }) => ({ type })) })
    .filter(({ steps }) => steps.length >= 4)
    .filter((_, index) => index % 4 === 0);

  it(`says the same as the model after each fact, also after a kill, on ${paths.length} paths (S16)`, async () => {
    expect(paths.length).toBeGreaterThan(10);
    for (const { steps } of paths) {
      let storage = createJournalStorage();
      let { house, clock } = await openHouse(storage, startAt);
      const walked: string[] = [];
      for (const [index, { event, state }] of steps.entries()) {
        const fact = untimed.find(({ type }) => type === event.type);
        if (fact === undefined) continue;
        const expected = (state as unknown as { context: PostureModelState }).context;
        const { type, at, ...payload } = fact.make(expected.at);
        // A WARNING ends by itself when the path waits longer than the quiet period: the model does not know timers.
        const quiet = house.actors().snapshotOf("safety");
        const deadlines = [quiet.context.quietUntil, quiet.context.brokerDueAt].filter((time) => time !== null);
        if (deadlines.some((time) => time <= at)) break;
        await clock.advanceTo(at);
        house.offer({ type, payload, source: "model", at } as unknown as NewFact);
        await house.settle();
        walked.push(event.type);
        const shown = (): readonly unknown[] => {
          const safety = house.actors().snapshotOf("safety");
          const operating = operatingView(house.actors().snapshotOf("operating"));
          return [walked.join(" › "), safety.value, operating.ruleState, operating.state];
        };
        const wanted = [walked.join(" › "), expected.safety.value, viewOf(expected).ruleState, viewOf(expected).state];
        expect(shown()).toEqual(wanted);
        if (index % 3 === 2) {
          await house.recorder.whenDurable(house.recorder.seq());
          // Killed: what is on disk now is all that the next house finds; the old one writes into the void.
          storage = { records: [...storage.records], snapshots: [...storage.snapshots] };
          ({ house, clock } = await openHouse(storage, expected.at));
          expect(shown()).toEqual(wanted);
        }
      }
    }
  });
});
