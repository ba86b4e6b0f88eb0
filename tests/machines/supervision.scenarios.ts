/** What the two supervisors promise, sentence by sentence: who starts, who is restarted, who is given up (spec M10). */
import assert from "node:assert/strict";
import { type AnyActorRef, type AnyStateMachine, setup } from "xstate";
import { type OpsEffect, type OpsEvent, opsMachine } from "#machines/ops.machine.ts";
import { type SupervisorEffect, type SupervisorEvent, supervisorMachine } from "#machines/supervisor.machine.ts";
import { type Driven, drive, type Scenario } from "./drive.ts";

/** A part that does nothing but keep its input. */
const quietPart = setup({ types: { context: {} as { input: unknown } } }).createMachine({
  id: "quiet",
  context: ({ input }) => ({ input }),
});
const quiet = <M extends AnyStateMachine>(machine: M, parts: readonly string[]): M =>
  machine.provide({ actors: Object.fromEntries(parts.map((name) => [name, quietPart])) } as never) as M;

const coreParts = ["safety", "orders", "feed"];
const opsParts = ["maintenance", "scheduler"];

/** The supervisors with parts that never fail by themselves: the facts tell what failed. */
export const supervisorOfQuietParts = quiet(supervisorMachine, [...coreParts, "ops"]);
export const opsOfQuietParts = quiet(opsMachine, opsParts);

type Supervisor = typeof supervisorOfQuietParts;
type Ops = typeof opsOfQuietParts;

const restart = { restartsMax: 2, windowMs: 30_000, delayMs: 100, delayMsMax: 5000 };
const failed = (component: string, at: number) => ({ type: "component.failed", at, component, reason: "it threw" }) as const;
const due = (id: string, at: number) => ({ type: "timer.due", at, id, dueAt: at }) as const;
const started = (at: number) => ({ type: "session.started", at, session: "0001", epoch: 1, recovered: false }) as const;
const sessionEnded = { type: "session.ended", at: 9, session: "0001", cause: "end" } as const;
const broken = (actorId: string) =>
  ({ type: `xstate.error.actor.${actorId}`, error: new Error("cannot digest"), actorId }) as const;
const restartAt = (id: string, at: number) => ({ type: "timer.set", id, at }) as const;
const reported = (component: string) => ({ type: "component.report.failed", component, reason: "Error: cannot digest" }) as const;
const givenUp = (component: string) =>
  ({ type: "safety.report", kind: "anomaly", code: "AN090", reason: `${component} is given up: it threw` }) as const;
const escalation = (component: string) =>
  ({
    type: "safety.report",
    kind: "failsafe",
    code: "FS110",
    reason: `${component} failed more than 2 times: it threw`,
  }) as const;

const childrenOf = (driven: Pick<Driven<never, never>, "snapshot">): { readonly [id: string]: AnyActorRef } =>
  (driven.snapshot() as unknown as { children: { [id: string]: AnyActorRef } }).children;
const inputOf = (child: AnyActorRef | undefined): unknown =>
  (child?.getSnapshot() as { context: { input: unknown } } | undefined)?.context.input;
const statusOf = (child: AnyActorRef | undefined): unknown => (child?.getSnapshot() as { status: unknown } | undefined)?.status;

const inputsOf = (parts: readonly string[]) => Object.fromEntries(parts.map((part) => [part, `input of ${part}`]));
const opsInput = { restart, parts: inputsOf(opsParts) };
const partInputs: { readonly [part: string]: unknown; readonly ops: typeof opsInput } = { ...inputsOf(coreParts), ops: opsInput };
const supervised = (machine: Supervisor, ops = true) =>
  drive<SupervisorEvent, SupervisorEffect>(machine, { restart, ops, parts: partInputs });
const running = (machine: Supervisor, ops = true) => {
  const supervisor = supervised(machine, ops);
  supervisor.send(started(0));
  return supervisor;
};
const escalated = (machine: Supervisor) => {
  const supervisor = running(machine);
  for (const at of [1, 2, 3]) supervisor.send(failed("feed", at));
  return supervisor;
};
const escalatedIn = (supervisor: ReturnType<typeof running>): readonly string[] => {
  const { escalated: names }: { readonly escalated: readonly string[] } = supervisor.context();
  return names;
};

export const supervisorScenarios: readonly Scenario<Supervisor>[] = [
  {
    name: "starts every core part with its input, and ops when there is one",
    run: (machine) => {
      const children = childrenOf(supervised(machine));
      assert.deepEqual(Object.keys(children), [...coreParts, "ops"]);
      for (const [name, child] of Object.entries(children)) assert.deepEqual(inputOf(child), partInputs[name]);
      assert.deepEqual(Object.keys(childrenOf(supervised(machine, false))), [...coreParts]);
    },
  },
  {
    name: "restarts nothing while the journal is being replayed, and runs with the session",
    run: (machine) => {
      const supervisor = supervised(machine);
      assert.deepEqual(supervisor.send(failed("feed", 1)), []);
      assert.deepEqual(supervisor.send(due("restart.feed", 2)), []);
      assert.equal(supervisor.value(), "starting");
      supervisor.send(started(3));
      assert.equal(supervisor.value(), "running");
    },
  },
  {
    name: "tells as a fact which part stopped with an error, in every state",
    run: (machine) => {
      for (const state of [supervised, running, escalated]) {
        const supervisor = state(machine);
        assert.deepEqual(supervisor.send(broken("feed")), [reported("feed")]);
      }
    },
  },
  {
    name: "restarts a failed part after a wait that doubles",
    run: (machine) => {
      const supervisor = running(machine);
      assert.deepEqual(supervisor.send(failed("feed", 10)), [restartAt("restart.feed", 110)]);
      assert.deepEqual(supervisor.send(failed("feed", 20)), [restartAt("restart.feed", 220)]);
      assert.equal(supervisor.value(), "running");
    },
  },
  {
    name: "a restart stops what is left of the part and starts it again with its input",
    run: (machine) => {
      for (const state of [running, escalated]) {
        for (const part of [...coreParts, "ops"]) {
          const supervisor = state(machine);
          const before = childrenOf(supervisor)[part];
          assert.deepEqual(supervisor.send(due(`restart.${part}`, 110)), [{ type: "component.restart", component: part }]);
          const now = childrenOf(supervisor)[part];
          assert.notEqual(now, before);
          assert.deepEqual([statusOf(before), statusOf(now), inputOf(now)], ["stopped", "active", partInputs[part]]);
        }
      }
    },
  },
  {
    name: "a part that is no machine is asked to restart itself",
    run: (machine) => {
      const supervisor = running(machine);
      const before = Object.keys(childrenOf(supervisor));
      assert.deepEqual(supervisor.send(failed("broker", 10)), [restartAt("restart.broker", 110)]);
      assert.deepEqual(supervisor.send(due("restart.broker", 110)), [{ type: "component.restart", component: "broker" }]);
      assert.deepEqual(Object.keys(childrenOf(supervisor)), before);
    },
  },
  {
    name: "leaves the timers and the parts of ops to the supervisor of ops (M10)",
    run: (machine) => {
      for (const state of [running, escalated]) {
        const supervisor = state(machine);
        const before = supervisor.value();
        for (let at = 10; at < 20; at += 1) assert.deepEqual(supervisor.send(failed("maintenance", at)), []);
        assert.deepEqual(supervisor.send(due("restart.ops.maintenance", 20)), []);
        assert.deepEqual(supervisor.send(due("feed.retry", 20)), []);
        assert.equal(supervisor.value(), before);
      }
    },
  },
  {
    name: "a core part beyond its restarts is a fail-safe",
    run: (machine) => {
      const supervisor = running(machine);
      for (const at of [1, 2]) supervisor.send(failed("feed", at));
      assert.deepEqual(supervisor.send(failed("feed", 3)), [escalation("feed")]);
      assert.deepEqual([supervisor.value(), escalatedIn(supervisor)], ["escalated", ["feed"]]);
    },
  },
  {
    name: "counts restarts per part and forgets those that are older than the window",
    run: (machine) => {
      const supervisor = running(machine);
      for (const at of [1, 2]) supervisor.send(failed("feed", at));
      assert.deepEqual(supervisor.send(failed("safety", 3)), [restartAt("restart.safety", 103)]);
      assert.deepEqual(supervisor.send(failed("feed", 30_002)), [restartAt("restart.feed", 30_102)]);
      assert.equal(supervisor.value(), "running");
    },
  },
  {
    name: "ops beyond its restarts is an anomaly, in an escalated house too (M10)",
    run: (machine) => {
      for (const state of [running, escalated]) {
        const supervisor = state(machine);
        const before = [supervisor.value(), escalatedIn(supervisor).length];
        for (const at of [11, 12]) assert.deepEqual(supervisor.send(failed("ops", at)).length, 1);
        assert.deepEqual(supervisor.send(failed("ops", 13)), [givenUp("ops")]);
        assert.deepEqual([supervisor.value(), escalatedIn(supervisor).length - 1], before);
        assert.equal(escalatedIn(supervisor).at(-1), "ops");
      }
    },
  },
  {
    name: "goes on restarting the others when one part is escalated, and notes a second one without a second fail-safe",
    run: (machine) => {
      const supervisor = escalated(machine);
      for (const at of [11, 12]) assert.equal(supervisor.send(failed("archive", at))[0]?.type, "timer.set");
      assert.deepEqual(supervisor.send(failed("archive", 13)), []);
      assert.deepEqual(supervisor.send(failed("archive", 14)), []);
      assert.deepEqual([supervisor.value(), escalatedIn(supervisor)], ["escalated", ["feed", "archive"]]);
    },
  },
  {
    name: "a new session forgets what was escalated and how often parts were restarted",
    run: (machine) => {
      const ended = running(machine);
      for (const at of [1, 2]) ended.send(failed("ops", at));
      ended.send(failed("ops", 3));
      for (const at of [1, 2]) ended.send(failed("feed", at));
      ended.send(sessionEnded);
      for (const supervisor of [escalated(machine), ended]) {
        supervisor.send(started(10));
        assert.deepEqual([supervisor.value(), escalatedIn(supervisor)], ["running", []]);
        assert.deepEqual(supervisor.send(failed("feed", 11)), [restartAt("restart.feed", 111)]);
      }
    },
  },
  {
    name: "restarts nothing any more when the session is closing",
    run: (machine) => {
      for (const state of [running, escalated]) {
        const supervisor = state(machine);
        supervisor.send(sessionEnded);
        assert.equal(supervisor.value(), "stopping");
        const before = childrenOf(supervisor).feed;
        assert.deepEqual(supervisor.send(failed("feed", 50_000)), []);
        assert.deepEqual(supervisor.send(due("restart.feed", 50_001)), []);
        assert.equal(childrenOf(supervisor).feed, before);
      }
    },
  },
];

const opsOf = (machine: Ops) => drive<OpsEvent, OpsEffect>(machine, opsInput);
const impaired = (machine: Ops) => {
  const ops = opsOf(machine);
  for (const at of [1, 2, 3]) ops.send(failed("scheduler", at));
  return ops;
};
const givenUpIn = (ops: ReturnType<typeof opsOf>): readonly string[] => {
  const context: { readonly givenUp: readonly string[] } = ops.context();
  return context.givenUp;
};

export const opsScenarios: readonly Scenario<Ops>[] = [
  {
    name: "starts maintenance and scheduler with their inputs",
    run: (machine) => {
      const children = childrenOf(opsOf(machine));
      assert.deepEqual(Object.keys(children), [...opsParts]);
      for (const [name, child] of Object.entries(children)) assert.equal(inputOf(child), `input of ${name}`);
    },
  },
  {
    name: "tells as a fact which part stopped with an error, also when it is impaired",
    run: (machine) => {
      for (const state of [opsOf, impaired]) assert.deepEqual(state(machine).send(broken("scheduler")), [reported("scheduler")]);
    },
  },
  {
    name: "restarts a failed part after a wait that doubles, stops what is left of it and gives it its input",
    run: (machine) => {
      for (const part of opsParts) {
        const ops = opsOf(machine);
        const before = childrenOf(ops)[part];
        assert.deepEqual(ops.send(failed(part, 10)), [restartAt(`restart.ops.${part}`, 110)]);
        assert.deepEqual(ops.send(failed(part, 20)), [restartAt(`restart.ops.${part}`, 220)]);
        assert.deepEqual(ops.send(due(`restart.ops.${part}`, 220)), []);
        const now = childrenOf(ops)[part];
        assert.notEqual(now, before);
        assert.deepEqual([statusOf(before), statusOf(now), inputOf(now)], ["stopped", "active", `input of ${part}`]);
        assert.equal(ops.value(), "running");
      }
    },
  },
  {
    name: "leaves core parts, their timers and unknown parts alone",
    run: (machine) => {
      for (const state of [opsOf, impaired]) {
        const ops = state(machine);
        const [value, children] = [ops.value(), Object.values(childrenOf(ops))];
        for (let at = 10; at < 20; at += 1) assert.deepEqual(ops.send(failed("feed", at)), []);
        assert.deepEqual(ops.send(due("restart.maintenance", 30)), []);
        assert.deepEqual(ops.send(due("restart.ops.feed", 30)), []);
        assert.deepEqual(ops.send(due("somebody's: maintenance", 30)), []);
        assert.equal(ops.value(), value);
        assert.ok(Object.values(childrenOf(ops)).every((child, index) => child === children[index]));
      }
    },
  },
  {
    name: "gives a part up after its restarts, as an anomaly and no more (M10)",
    run: (machine) => {
      const ops = opsOf(machine);
      for (const at of [1, 2]) ops.send(failed("scheduler", at));
      assert.deepEqual(ops.send(failed("scheduler", 3)), [givenUp("scheduler")]);
      assert.deepEqual([ops.value(), givenUpIn(ops)], ["impaired", ["scheduler"]]);
    },
  },
  {
    name: "goes on restarting the other part when one is given up",
    run: (machine) => {
      const ops = impaired(machine);
      const before = childrenOf(ops).maintenance;
      assert.deepEqual(ops.send(failed("maintenance", 10)), [restartAt("restart.ops.maintenance", 110)]);
      ops.send(due("restart.ops.maintenance", 110));
      assert.notEqual(childrenOf(ops).maintenance, before);
      assert.equal(ops.value(), "impaired");
    },
  },
  {
    name: "forgets with a new session what was given up and how often parts were restarted",
    run: (machine) => {
      const ops = impaired(machine);
      ops.send(started(10));
      assert.deepEqual([ops.value(), givenUpIn(ops)], ["running", []]);
      assert.deepEqual(ops.send(failed("scheduler", 11)), [restartAt("restart.ops.scheduler", 111)]);
    },
  },
];
