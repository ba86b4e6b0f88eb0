/** What the reconciliation machine promises, sentence by sentence: when the venue is asked, and what its answers mean (O5, O6). */
import assert from "node:assert/strict";
import type {
  ReconciliationContext,
  ReconciliationEffect,
  ReconciliationEvent,
  ReconciliationInput,
  reconciliationMachine,
} from "#machines/reconciliation.machine.ts";
import type { ReconciliationCause } from "#machines/reconciliation.rules.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof reconciliationMachine;
type Effects = readonly ReconciliationEffect[];
type Compared = Extract<ReconciliationEvent, { readonly type: "reconciliation.compared" }>;

const input: ReconciliationInput = { everyMs: 300_000, absentAfterMs: 5_000 };

const session = (at: number): ReconciliationEvent => ({ type: "session.started", at, session: "s", epoch: 2, recovered: true });
const ended = (at: number): ReconciliationEvent => ({ type: "session.ended", at, session: "s", cause: "end" });
const connected = (at: number): ReconciliationEvent => ({ type: "broker.connected", at, broker: "venue" });
const requested = (at: number, cause: "operator" | "end" = "operator"): ReconciliationEvent => ({
  type: "reconciliation.requested",
  at,
  cause,
});
const lost = (at: number, orderId = "1"): ReconciliationEvent => ({ type: "order.lookup.requested", at, orderId });
const unlisted = (at: number, asked: number, orderId = "1", approvedAt = 0): ReconciliationEvent => ({
  type: "order.not.listed",
  at,
  orderId,
  approvedAt,
  asked,
});
const compared = (at: number, asked: number, found: Partial<Compared> = {}): ReconciliationEvent => ({
  type: "reconciliation.compared",
  at,
  asked,
  orders: 0,
  fills: 0,
  mismatches: 0,
  unconfirmed: 0,
  tripped: false,
  ...found,
});
const differing = (at: number, asked: number, disagreement = "SPY: ours 0, the venue's 5"): ReconciliationEvent =>
  compared(at, asked, { disagreement });
const unanswered = (at: number, asked: number): ReconciliationEvent => ({
  type: "reconciliation.unanswered",
  at,
  asked,
  reason: "502",
});
const completed = (at: number, lookups?: number): ReconciliationEvent => ({
  type: "reconciliation.completed",
  at,
  cause: "timer",
  orders: 0,
  fills: 0,
  mismatches: 0,
  ...(lookups === undefined ? {} : { lookups }),
});
const due = (id: "run" | "confirm" | "answer" | "other", at: number): ReconciliationEvent => ({
  type: "timer.due",
  at,
  id: `reconciliation.${id}`,
  dueAt: at,
});

const set = (id: "run" | "confirm" | "answer", at: number): ReconciliationEffect => ({
  type: "timer.set",
  id: `reconciliation.${id}`,
  at,
});
const clear = (id: "run" | "confirm" | "answer"): ReconciliationEffect => ({ type: "timer.clear", id: `reconciliation.${id}` });
const ask = (at: number, asked: number, cause: ReconciliationCause, hasLasted = false): Effects => [
  set("answer", at + 60_000),
  { type: "broker.compare", asked, cause, hasLasted },
];
const begin = (at: number, asked: number, cause: ReconciliationCause): Effects => [
  { type: "reconciliation.begin", cause },
  ...ask(at, asked, cause),
];
const agreed = (
  cause: ReconciliationCause,
  found: { readonly orders?: number; readonly fills?: number; readonly mismatches?: number } = {},
): Effects => [clear("answer"), { type: "reconciliation.complete", cause, ...{ orders: 0, fills: 0, mismatches: 0, ...found } }];
const failed = (cause: ReconciliationCause, reason = "502"): ReconciliationEffect => ({
  type: "reconciliation.fail",
  cause,
  reason,
});
const reports = (kind: "anomaly" | "failsafe" | "cleared", code: "AN030" | "FS070", reason: string): ReconciliationEffect => ({
  type: "safety.report",
  kind,
  code,
  reason,
});
const found = (fills: number, orders: number): ReconciliationEffect =>
  reports("anomaly", "AN030", `reconciliation found ${fills} fills and ${orders} orders that no report had told`);
const spy = "SPY: ours 0, the venue's 5";
const odd = (reason = spy): ReconciliationEffect => reports("anomaly", "AN030", `positions disagree: ${reason}`);
const cleared = reports("cleared", "FS070", "positions agree with the broker's");

const fresh = (machine: Machine, given: Partial<ReconciliationInput> = {}) =>
  drive<ReconciliationEvent, ReconciliationEffect>(machine, { ...input, ...given });
type Driven = ReturnType<typeof fresh>;
const contextOf = (driven: Driven): ReconciliationContext => driven.context();
/** The first run has agreed; the next one is due at 300,000. */
const opened = (machine: Machine, given: Partial<ReconciliationInput> = {}): Driven => {
  const driven = fresh(machine, given);
  driven.send(session(0));
  driven.send(connected(0));
  driven.send(compared(0, 1));
  driven.send(completed(0, 0));
  return driven;
};

const isAsked: readonly Scenario<Machine>[] = [
  {
    name: "asks once the venue is connected, and says so first; the first run of a process is its start",
    run: (machine) => {
      const driven = fresh(machine);
      assert.deepEqual(driven.send(session(10)), [clear("run"), clear("confirm"), clear("answer")]);
      assert.equal(driven.value(), "idle");
      assert.deepEqual(driven.send(connected(20)), begin(20, 1, "start"));
      assert.equal(driven.value(), "asking");
      assert.deepEqual(driven.send(compared(30, 1)), [...agreed("start"), set("run", 300_030)]);
      assert.equal(driven.value(), "idle");
    },
  },
  {
    name: "asks again after every reconnection, on request, and when nothing has happened for long enough",
    run: (machine) => {
      const driven = opened(machine);
      assert.deepEqual(driven.send(connected(100)), begin(100, 2, "reconnect"));
      assert.deepEqual(driven.send(compared(110, 2)), agreed("reconnect"));
      for (const [index, cause] of (["operator", "end"] as const).entries()) {
        assert.deepEqual(driven.send(requested(200, cause)), begin(200, 3 + index, cause));
        assert.deepEqual(driven.send(compared(210, 3 + index)), agreed(cause));
      }
      assert.deepEqual(driven.send(due("run", 300_000)), begin(300_000, 5, "timer"));
      assert.deepEqual(driven.send(compared(300_010, 5)), [...agreed("timer"), set("run", 600_010)]);
    },
  },
  {
    name: "puts runs that come while one is under way behind it, each cause once and in their order",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(requested(10));
      for (const event of [connected(11), requested(12, "end"), due("run", 13), connected(14), requested(15, "end")])
        assert.deepEqual(driven.send(event), []);
      assert.deepEqual(contextOf(driven).queued, ["reconnect", "end"]);
      const [answered, complete] = agreed("operator");
      assert.deepEqual(driven.send(compared(20, 2)), [answered, complete, set("run", 300_020), ...begin(20, 3, "reconnect")]);
      assert.deepEqual(driven.send(compared(30, 3)), [...agreed("reconnect"), ...begin(30, 4, "end")]);
      assert.deepEqual(driven.send(compared(40, 4)), agreed("end"));
      assert.equal(driven.value(), "idle");
    },
  },
  {
    name: "asks on the timer's account only when there is no gap to explain",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(requested(10));
      driven.send(due("run", 11));
      assert.deepEqual(contextOf(driven).queued, ["timer"]);
      assert.equal(contextOf(driven).nextAt, null);
    },
  },
  {
    name: "a timer of somebody else, and one of another state, means nothing",
    run: (machine) => {
      const idle = opened(machine);
      for (const id of ["other", "confirm", "answer"] as const) assert.deepEqual(idle.send(due(id, 5)), []);
      assert.equal(idle.value(), "idle");
      const asking = opened(machine);
      asking.send(connected(1));
      for (const id of ["other", "confirm"] as const) assert.deepEqual(asking.send(due(id, 5)), []);
      assert.equal(asking.value(), "asking");
      asking.send(differing(6, 2));
      for (const id of ["other", "answer"] as const) assert.deepEqual(asking.send(due(id, 7)), []);
      assert.equal(asking.value(), "confirming");
    },
  },
  {
    name: "does not take a late answer for the one it waits for",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(10));
      for (const event of [compared(11, 1), differing(11, 1), unanswered(11, 1), unlisted(11, 1), compared(11, 3)])
        assert.deepEqual(driven.send(event), []);
      assert.deepEqual(contextOf(driven).absences, {});
      assert.equal(driven.value(), "asking");
      const last = opened(machine);
      last.send(requested(10, "end"));
      assert.deepEqual(last.send(differing(11, 1)), []);
      assert.equal(last.value(), "asking");
    },
  },
  {
    name: "asks nothing after the session has ended, and everything anew in the next one",
    run: (machine) => {
      const driven = opened(machine);
      assert.deepEqual(driven.send(ended(10)), [clear("run"), clear("confirm"), clear("answer")]);
      assert.equal(driven.value(), "stopped");
      for (const event of [connected(11), requested(12), due("run", 13)]) assert.deepEqual(driven.send(event), []);
      driven.send(session(20));
      assert.equal(driven.value(), "idle");
      assert.deepEqual(driven.send(connected(21)), begin(21, 2, "start"));
    },
  },
  {
    name: "a session that ends while the venue is asked leaves no question behind",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(10));
      driven.send(ended(11));
      assert.deepEqual(driven.send(compared(12, 2)), []);
      assert.equal(driven.value(), "stopped");
    },
  },
];

const isTriedAgain: readonly Scenario<Machine>[] = [
  {
    name: "tries again with growing waits while the venue does not answer, and with the first wait after it has",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(0));
      let at = 0;
      for (const [index, waitMs] of [1000, 2000, 5000, 15_000, 30_000, 30_000].entries()) {
        assert.deepEqual(driven.send(unanswered(at, index + 2)), [clear("answer"), failed("reconnect"), set("run", at + waitMs)]);
        at += waitMs;
        assert.deepEqual(driven.send(due("run", at)), begin(at, index + 3, "reconnect"));
      }
      driven.send(compared(at, 8));
      driven.send(requested(at));
      assert.deepEqual(driven.send(unanswered(at, 9)), [clear("answer"), failed("operator"), set("run", at + 1000)]);
    },
  },
  {
    name: "a start that could not be compared remains one, over retries and reconnections: wishes of before must be denied",
    run: (machine) => {
      const driven = fresh(machine);
      driven.send(session(0));
      driven.send(connected(0));
      driven.send(unanswered(0, 1));
      assert.deepEqual(driven.send(due("run", 1000)), begin(1000, 2, "start"));
      driven.send(unanswered(1000, 2));
      assert.deepEqual(driven.send(connected(1500)), begin(1500, 3, "start"));
      driven.send(compared(1600, 3));
      assert.deepEqual(driven.send(due("run", 3000)), begin(3000, 4, "timer"));
    },
  },
  {
    name: "goes on when an adapter never answers, and does not hear it any more",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(10));
      assert.deepEqual(driven.send(due("answer", 60_010)), [
        clear("answer"),
        failed("reconnect", "the broker has not answered for 60000 ms"),
        set("run", 61_010),
      ]);
      assert.equal(driven.value(), "idle");
      assert.equal(contextOf(driven).failuresInRow, 1);
      assert.deepEqual(driven.send(compared(60_500, 2)), []);
    },
  },
  {
    name: "keeps the earlier time for the next run",
    run: (machine) => {
      const driven = opened(machine);
      assert.deepEqual(driven.send(lost(10)), [set("run", 1010)]);
      assert.deepEqual(driven.send(lost(20)), []);
      driven.send(connected(30));
      assert.deepEqual(driven.send(unanswered(40, 2)), [clear("answer"), failed("reconnect")]);
    },
  },
  {
    name: "looks again in a second at what must be seen twice, sooner when it looks more often anyway",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(due("run", 300_000));
      assert.deepEqual(driven.send(compared(300_000, 2, { unconfirmed: 2 })), [...agreed("timer"), set("run", 301_000)]);
      const often = opened(machine, { everyMs: 400 });
      often.send(due("run", 400));
      assert.deepEqual(often.send(compared(400, 2, { unconfirmed: 1 })), [...agreed("timer"), set("run", 800)]);
    },
  },
];

const counts: readonly Scenario<Machine>[] = [
  {
    name: "tells what was found, and raises AN030 for what no report had told",
    run: (machine) => {
      for (const [cause, event] of [
        ["reconnect", connected(10)],
        ["operator", requested(10)],
      ] as const) {
        const driven = opened(machine);
        driven.send(event);
        assert.deepEqual(driven.send(compared(20, 2, { orders: 1, fills: 2, mismatches: 3 })), [
          ...agreed(cause, { orders: 1, fills: 2, mismatches: 3 }),
          found(2, 1),
        ]);
      }
    },
  },
  {
    name: "orders that moved while the process was away are no anomaly, fills are",
    run: (machine) => {
      for (const [fills, expected] of [
        [0, []],
        [1, [found(1, 2)]],
      ] as const) {
        const driven = fresh(machine);
        driven.send(connected(0));
        const effects = driven.send(compared(0, 1, { orders: 2, fills }));
        assert.deepEqual(
          effects.filter(({ type }) => type === "safety.report"),
          expected,
        );
      }
      const late = opened(machine);
      late.send(requested(1));
      assert.deepEqual(late.send(compared(2, 2, { orders: 1 })), [...agreed("operator", { orders: 1 }), found(0, 1)]);
    },
  },
  {
    name: "adds up what the comparisons of a run have found; what does not match is counted as it is at the end",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(0));
      assert.deepEqual(driven.send(compared(0, 2, { orders: 1, fills: 2, mismatches: 1, disagreement: spy })), [
        clear("answer"),
        set("confirm", 1000),
      ]);
      assert.deepEqual(driven.send(due("confirm", 1000)), ask(1000, 3, "reconnect"));
      assert.deepEqual(driven.send(compared(1000, 3, { orders: 1, fills: 1, mismatches: 1 })), [
        ...agreed("reconnect", { orders: 2, fills: 3, mismatches: 1 }),
        found(3, 2),
      ]);
      driven.send(requested(2000));
      assert.deepEqual(driven.send(compared(2000, 4)), agreed("operator"));
    },
  },
];

const looksFor: readonly Scenario<Machine>[] = [
  {
    name: "asks about an order without an outcome after 1 s, and again after 2, 4, 8, 15 and 30 s while it has none",
    run: (machine) => {
      const driven = opened(machine);
      assert.deepEqual(driven.send(lost(0)), [set("run", 1000)]);
      assert.deepEqual(contextOf(driven).lookups, { orders: 1, attempt: 1 });
      let at = 1000;
      for (const [index, waitMs] of [2000, 4000, 8000, 15_000, 30_000, 30_000].entries()) {
        assert.deepEqual(driven.send(due("run", at)), begin(at, index + 2, "timer"));
        driven.send(compared(at, index + 2));
        assert.deepEqual(driven.send(completed(at, 1)), [set("run", at + waitMs)]);
        assert.deepEqual(contextOf(driven).lookups, { orders: 1, attempt: index + 2 });
        at += waitMs;
      }
    },
  },
  {
    name: "asks soon again when another order is lost, and patiently no more than before",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(completed(0, 3));
      driven.send(completed(1000, 3));
      assert.deepEqual(contextOf(driven).lookups, { orders: 3, attempt: 2 });
      driven.send(lost(1500));
      assert.deepEqual(contextOf(driven).lookups, { orders: 3, attempt: 1 });
    },
  },
  {
    name: "an order that the start finds without an outcome is looked for a second later",
    run: (machine) => {
      const driven = fresh(machine);
      driven.send(connected(0));
      driven.send(compared(0, 1));
      assert.deepEqual(driven.send(completed(0, 1)), [set("run", 1000)]);
    },
  },
  {
    name: "stops looking when every order has its outcome, also in a journal that does not say how many were left",
    run: (machine) => {
      for (const lookups of [0, undefined]) {
        const driven = opened(machine);
        driven.send(lost(0));
        driven.send(due("run", 1000));
        driven.send(unlisted(1000, 2));
        driven.send(compared(1000, 2));
        assert.deepEqual(driven.send(completed(1000, lookups)), []);
        assert.deepEqual(contextOf(driven).lookups, { orders: 0, attempt: 0 });
        assert.deepEqual(contextOf(driven).absences, {});
      }
    },
  },
  {
    name: "an order is absent after three complete lists without it, not after two, and counts as found out",
    run: (machine) => {
      const driven = opened(machine);
      for (const [asked, at] of [
        [2, 10_000],
        [3, 20_000],
      ] as const) {
        driven.send(requested(at));
        assert.deepEqual(driven.send(unlisted(at, asked)), []);
        driven.send(compared(at, asked));
        driven.send(completed(at, 1));
      }
      driven.send(requested(30_000));
      assert.deepEqual(driven.send(unlisted(30_000, 4)), [{ type: "order.report.absent", orderId: "1" }]);
      assert.deepEqual(driven.send(compared(30_000, 4)).slice(0, 3), [...agreed("operator", { orders: 1 }), found(0, 1)]);
    },
  },
  {
    name: "an order is not absent before the venue has had time to take it, however many lists lack it",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(requested(1000));
      for (const [at, effects] of [
        [1000, 0],
        [2000, 0],
        [14_999, 0],
        [15_000, 1],
      ] as const)
        assert.equal(driven.send(unlisted(at, 2, "1", 10_000)).length, effects);
    },
  },
  {
    name: "counts every order's absences apart, over a restart too, and forgets those of an order that was found",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(requested(10_000));
      driven.send(unlisted(10_000, 2, "1"));
      driven.send(unlisted(10_000, 2, "2"));
      driven.send(compared(10_000, 2));
      driven.send(completed(10_000, 2));
      driven.send(requested(20_000));
      driven.send(unlisted(20_000, 3, "1"));
      driven.send(compared(20_000, 3));
      driven.send(completed(20_000, 1));
      assert.deepEqual(contextOf(driven).absences, { "1": { count: 2, asked: 3 } });
      driven.restart();
      driven.send(session(30_000));
      driven.send(connected(30_000));
      assert.deepEqual(driven.send(unlisted(30_000, 4, "1")), [{ type: "order.report.absent", orderId: "1" }]);
    },
  },
];

const disagrees: readonly Scenario<Machine>[] = [
  {
    name: "compares moving positions three times, a second apart, before it says that they disagree",
    run: (machine) => {
      for (const [cause, event] of [
        ["reconnect", connected(0)],
        ["operator", requested(0)],
        ["timer", due("run", 0)],
      ] as const) {
        const driven = opened(machine);
        driven.send(event);
        for (const asked of [2, 3]) {
          const at = (asked - 2) * 1000;
          assert.deepEqual(driven.send(differing(at, asked)), [clear("answer"), set("confirm", at + 1000)]);
          assert.equal(driven.value(), "confirming");
          assert.deepEqual(driven.send(due("confirm", at + 1000)), ask(at + 1000, asked + 1, cause));
        }
        assert.deepEqual(driven.send(differing(2000, 4)).slice(0, 3), [
          clear("answer"),
          odd(),
          failed(cause, `positions disagree: ${spy}`),
        ]);
        assert.equal(driven.value(), "idle");
      }
    },
  },
  {
    name: "gives its verdict at once at a start and at an end, when nothing moves",
    run: (machine) => {
      const starting = fresh(machine);
      starting.send(connected(0));
      assert.deepEqual(starting.send(differing(0, 1)), [
        clear("answer"),
        odd(),
        failed("start", `positions disagree: ${spy}`),
        set("run", 1000),
      ]);
      assert.deepEqual(starting.send(due("run", 1000)), begin(1000, 2, "timer"));
      const ending = opened(machine);
      ending.send(requested(0, "end"));
      assert.deepEqual(ending.send(differing(0, 2)).at(-1), set("run", 1000));
      assert.equal(ending.value(), "idle");
    },
  },
  {
    name: "tries again with growing waits while positions disagree",
    run: (machine) => {
      const driven = fresh(machine);
      driven.send(connected(0));
      assert.deepEqual(driven.send(differing(0, 1)).at(-1), set("run", 1000));
      driven.send(due("run", 1000));
      for (const [asked, at] of [
        [2, 1000],
        [3, 2000],
      ] as const) {
        driven.send(differing(at, asked));
        driven.send(due("confirm", at + 1000));
      }
      assert.deepEqual(driven.send(differing(3000, 4)).at(-1), set("run", 5000));
    },
  },
  {
    name: "says once that positions disagree, trips FS070 when they have for 15 s, once, and clears it when they agree",
    run: (machine) => {
      const driven = opened(machine);
      const verdicts = (at: number, event: ReconciliationEvent): Effects => {
        driven.send(requested(at, "end"));
        return driven.send(event).filter(({ type }) => type === "safety.report");
      };
      assert.deepEqual(verdicts(0, differing(0, 2)), [odd()]);
      assert.deepEqual(verdicts(14_999, differing(14_999, 3, "SPY: ours 0, the venue's 6")), []);
      assert.deepEqual(verdicts(15_000, differing(15_000, 4)), [reports("failsafe", "FS070", spy)]);
      assert.deepEqual(verdicts(60_000, differing(60_000, 5)), []);
      assert.deepEqual(verdicts(70_000, compared(70_000, 6)), [cleared]);
      assert.deepEqual(verdicts(80_000, compared(80_000, 7)), []);
      assert.deepEqual(verdicts(90_000, differing(90_000, 8)), [odd()]);
      assert.deepEqual(verdicts(91_000, compared(91_000, 9)), []);
    },
  },
  {
    name: "asks with the word that positions have differed for 15 s, for then the lists are no longer behind; not at a start",
    run: (machine) => {
      const driven = opened(machine);
      const askedWith = (event: ReconciliationEvent): readonly boolean[] =>
        driven.send(event).flatMap((effect) => (effect.type === "broker.compare" ? [effect.hasLasted] : []));
      assert.deepEqual(askedWith(requested(0, "end")), [false]);
      driven.send(differing(0, 2));
      assert.deepEqual(askedWith(requested(14_999, "end")), [false]);
      driven.send(differing(14_999, 3));
      assert.deepEqual(askedWith(requested(15_000, "end")), [true]);
      driven.send(differing(15_000, 4));
      assert.deepEqual(askedWith(requested(60_000, "end")), [true]);
      driven.restart();
      driven.send(session(70_000));
      assert.deepEqual(askedWith(connected(70_000)), [false]);
      driven.send(compared(70_000, 6));
      assert.deepEqual(askedWith(requested(90_000, "end")), [false]);
    },
  },
  {
    name: "clears FS070 that safety stands at for an earlier process",
    run: (machine) => {
      const driven = fresh(machine);
      driven.send(connected(0));
      assert.deepEqual(
        driven.send(compared(0, 1, { tripped: true })).filter(({ type }) => type === "safety.report"),
        [cleared],
      );
    },
  },
  {
    name: "remembers a disagreement over a restart: the same one has lasted, another one has just begun",
    run: (machine) => {
      for (const [reason, report] of [
        [spy, reports("failsafe", "FS070", spy)],
        ["IBM: ours 1, the venue's 0", odd("IBM: ours 1, the venue's 0")],
      ] as const) {
        const driven = opened(machine);
        driven.send(requested(0, "end"));
        driven.send(differing(0, 2));
        driven.restart();
        driven.send(session(20_000));
        driven.send(connected(20_000));
        assert.deepEqual(
          driven.send(differing(20_000, 3, reason)).filter(({ type }) => type === "safety.report"),
          [report],
        );
      }
    },
  },
  {
    name: "does not trip FS070 twice for one disagreement, over restarts either",
    run: (machine) => {
      const driven = opened(machine);
      for (const [at, asked] of [
        [0, 2],
        [15_000, 3],
      ] as const) {
        driven.send(requested(at, "end"));
        driven.send(differing(at, asked));
      }
      driven.restart();
      driven.send(session(40_000));
      driven.send(connected(40_000));
      const again = driven.send(differing(40_000, 4, "SPY: ours 0, the venue's 7"));
      assert.deepEqual(
        again.filter(({ type }) => type === "safety.report"),
        [],
      );
      driven.send(due("run", 42_000));
      assert.ok(driven.send(compared(42_000, 5)).some(({ type }) => type === "safety.report"));
    },
  },
];

const survives: readonly Scenario<Machine>[] = [
  {
    name: "a process that dies while it asks asks anew, and what had waited begins with the connection",
    run: (machine) => {
      for (const before of [[connected(10)], [connected(10), differing(11, 2)], [connected(10), requested(12)]]) {
        const driven = opened(machine);
        for (const event of before) driven.send(event);
        driven.restart();
        assert.deepEqual(driven.begun(), []);
        driven.send(session(5000));
        assert.equal(driven.value(), "idle");
        const { asked } = contextOf(driven);
        assert.deepEqual(driven.send(connected(5001)), begin(5001, asked + 1, "start"));
      }
    },
  },
  {
    name: "the waits of failures go on growing after a restart",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(connected(0));
      driven.send(unanswered(0, 2));
      driven.send(due("run", 1000));
      driven.send(unanswered(1000, 3));
      driven.restart();
      driven.send(session(2000));
      assert.equal(contextOf(driven).nextAt, null);
      driven.send(connected(2000));
      assert.deepEqual(driven.send(unanswered(2000, 4)), [clear("answer"), failed("start"), set("run", 7000)]);
    },
  },
  {
    name: "what was looked for before a restart is looked for again as the start finds it",
    run: (machine) => {
      const driven = opened(machine);
      driven.send(lost(0));
      driven.restart();
      driven.send(session(100));
      assert.deepEqual(contextOf(driven).lookups, { orders: 0, attempt: 0 });
    },
  },
];

export const reconciliationScenarios: readonly Scenario<Machine>[] = [
  ...isAsked,
  ...isTriedAgain,
  ...counts,
  ...looksFor,
  ...disagrees,
  ...survives,
];
