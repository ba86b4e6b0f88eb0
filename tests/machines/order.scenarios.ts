/**
 * What the order machine promises: the FIX tables, and every step of a small order that the rules allow, refuse or ignore.
 *
 * The rules (order.rules.ts) say what a fact makes of a record, order.effects.ts what follows from it, and the FIX tables
 * hold the rules; here the chart is held against them, one arrow per sentence.
 */
import assert from "node:assert/strict";
import { transition } from "xstate";
import { effectsOf, type OrderEffect } from "#machines/order.effects.ts";
import type { orderMachine } from "#machines/order.machine.ts";
import {
  judge,
  leavesOf,
  type OrderFact,
  type OrderInput,
  type OrderRecord,
  type OrderStatus,
  openRecord,
  statusOf,
} from "#machines/order.rules.ts";
import { drive, type Scenario } from "./drive.ts";
import { explore, factsFor, limits } from "./order.explore.ts";
import { fixBeginning, fixMatrices, fixOrder } from "./order.fix.ts";

type Machine = typeof orderMachine;

/** Facts about the house, not about one order: where they change nothing the chart leaves them out. */
export const houseFacts: ReadonlySet<string> = new Set(["reconciliation.started", "broker.disconnected", "timer.due"]);

const input: OrderInput = { ...fixOrder, orderId: "X", at: 1 };
const begin = (machine: Machine) => drive<OrderFact, OrderEffect>(machine, input);
type Order = ReturnType<typeof begin>;
const recordOf = (order: Order): OrderRecord => order.context();
const told = (order: Order, fact: object): readonly OrderEffect[] => order.send({ at: 1, orderId: "X", ...fact } as OrderFact);

const fixScenarios: readonly Scenario<Machine>[] = fixMatrices.map(([name, rows]) => ({
  name: `FIX 4.4 ${name}`,
  run: (machine) => {
    const order = begin(machine);
    for (const fact of fixBeginning) told(order, fact);
    for (const [fact, status, ordered, cumulative, leaves] of rows) {
      told(order, fact);
      const record = recordOf(order);
      assert.equal(record.refusal, null, fact.type);
      assert.deepEqual(
        [order.value(), record.ordered, record.cumulative, leavesOf(record)],
        [status, ordered, cumulative, leaves],
      );
    }
  },
}));

/** Sends one fact to an order that is at a record, and compares all of what it became and emitted. */
const assertStep = (
  machine: Machine,
  from: OrderRecord,
  fact: OrderFact,
  expected: { readonly status: OrderStatus; readonly record: OrderRecord; readonly effects: readonly OrderEffect[] },
): void => {
  const [next, actions] = transition(machine, machine.resolveState({ value: statusOf(from), context: from }), fact);
  const effects = (actions as readonly { readonly type: string; readonly params?: unknown }[]).flatMap(({ type, params }) =>
    type === "xstate.emit" ? [(params as { readonly event: OrderEffect }).event] : [],
  );
  assert.equal(next.value, expected.status);
  assert.deepEqual(next.context, expected.record);
  assert.deepEqual(effects, expected.effects);
};

/** A refusal of an earlier fact: each step that is taken forgets it, for the desk reads it as the answer to this fact. */
const refusedBefore = (order: OrderRecord): OrderRecord => ({
  ...order,
  refusal: { at: 0, fact: "order.accepted", code: "duplicate", reason: "The same report came before." },
});

/** Facts that name another order of the venue: taking one would count somebody else's order as ours. */
const strangers = ({ brokerOrderId }: OrderRecord): readonly OrderFact[] => {
  if (brokerOrderId === null) return [];
  const about = { at: 1, orderId: "o", brokerOrderId: `not ${brokerOrderId}` };
  return [
    { type: "order.submitted", ...about },
    { type: "order.accepted", ...about },
    { type: "order.rejected", ...about, code: "c", reason: "r" },
    { type: "order.canceled", ...about },
    { type: "order.expired", ...about },
    { type: "order.reconciled", ...about, found: true, status: "accepted", cumulativeQuantity: 0 },
    { type: "order.resolved", ...about, outcome: "bound", operator: "p", reason: "r" },
  ];
};
/** Facts that say nothing that can be true of any order. */
const nonsense = (order: OrderRecord): readonly OrderFact[] => {
  const about = { at: 1, orderId: "o" };
  const fill = { ...about, fillId: "f9", quantity: 0, priceMinor: 100 };
  return [
    { type: "order.partially.filled", ...fill },
    { type: "order.filled", ...fill },
    { type: "order.replaced", ...about, quantity: 0 },
    { type: "order.replace.requested", ...about, quantity: 0 },
    { type: "order.fill.corrected", ...about, fillId: order.fills[0]?.fillId ?? "f1", quantity: 1, priceMinor: 0 },
    { type: "order.reconciled", ...about, found: true, status: "partiallyFilled", cumulativeQuantity: 9 },
    { type: "order.resolved", ...about, outcome: "bound", operator: "p", reason: "r" },
  ];
};
/** Answers that came before, word for word. */
const repeats = (): readonly OrderFact[] => {
  const about = { at: 1, orderId: "o", isRepeat: true };
  return [
    { type: "order.canceled", ...about },
    { type: "order.expired", ...about },
    { type: "order.cancel.rejected", ...about, code: "c", reason: "r" },
    { type: "order.replace.rejected", ...about, code: "c", reason: "r" },
    { type: "order.replaced", ...about, quantity: 3 },
  ];
};

const submit = ({ orderId }: OrderRecord): OrderEffect => ({ type: "broker.submit", orderId });
/** All that an order of two lots can go through. */
export const world = explore(2);

/** One sentence per arrow of the chart and set of effects: the same arrow may or may not need a timer, a query, an alert. */
const arrowScenarios = (): readonly Scenario<Machine>[] => {
  const scenarios = new Map<string, Scenario<Machine>>();
  for (const { from, fact, to, fromKey, toKey } of world.steps) {
    if (houseFacts.has(fact.type) && fromKey === toKey) continue;
    const effects = [...effectsOf(from, to), ...(fact.type === "order.approved" ? [submit(from)] : [])];
    const name = `${statusOf(from)}: ${fact.type} ⇒ ${[statusOf(to), ...effects.map(({ type }) => type)].join(", ")}`;
    if (scenarios.has(name)) continue;
    scenarios.set(name, {
      name,
      run: (machine) => {
        assertStep(machine, refusedBefore(from), fact, { status: statusOf(to), record: to, effects });
      },
    });
  }
  return [...scenarios.values()];
};

/** One sentence per state, fact and reason of a refusal; and one per state and fact of the house that changes nothing. */
const stayScenarios = (): readonly Scenario<Machine>[] => {
  const scenarios = new Map<string, Scenario<Machine>>();
  for (const from of world.records.values()) {
    for (const fact of [...factsFor(from), ...strangers(from), ...nonsense(from), ...repeats()]) {
      const verdict = judge(from, fact, limits);
      const { refusal } = verdict;
      const status = statusOf(from);
      if (refusal === null && !(houseFacts.has(fact.type) && statusOf(verdict) === status && !verdict.isOverdue)) continue;
      const name =
        refusal === null ? `${status}: ${fact.type} changes nothing` : `${status}: ${fact.type} is refused, ${refusal.code}`;
      if (scenarios.has(name)) continue;
      scenarios.set(name, {
        name,
        run: (machine) => {
          assertStep(machine, from, fact, {
            status,
            record: refusal === null ? from : verdict,
            effects: refusal === null ? [] : effectsOf(from, verdict),
          });
        },
      });
    }
  }
  return [...scenarios.values()];
};

const others: readonly Scenario<Machine>[] = [
  {
    name: "a new order asks the gates first, and only the approval sends it",
    run: (machine) => {
      const order = begin(machine);
      assert.equal(order.value(), "initialized");
      assert.deepEqual(recordOf(order), openRecord(input));
      assert.deepEqual(order.begun(), [{ type: "order.route", orderId: "X" }]);
      assert.deepEqual(told(order, { type: "order.approved", epoch: 1 }), [{ type: "broker.submit", orderId: "X" }]);
      assert.equal(order.value(), "submitting");
    },
  },
  {
    name: "an order of nothing is never approved, so never sent (O1, O2, O3, O4)",
    run: (machine) => {
      const order = drive<OrderFact, OrderEffect>(machine, { ...input, quantity: 0 });
      assert.deepEqual(told(order, { type: "order.approved", epoch: 1 }), []);
      assert.equal(order.value(), "initialized");
      assert.equal(recordOf(order).refusal?.code, "quantity");
    },
  },
  {
    name: "an order that comes back from disk is not routed again",
    run: (machine) => {
      const order = begin(machine);
      told(order, { type: "order.approved", epoch: 1 });
      order.restart();
      assert.deepEqual(order.begun(), []);
      assert.equal(order.value(), "submitting");
    },
  },
];

export const orderScenarios: readonly Scenario<Machine>[] = [...others, ...fixScenarios, ...arrowScenarios(), ...stayScenarios()];
