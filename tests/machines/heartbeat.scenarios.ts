/** What the heartbeat chart promises, sentence by sentence: when it beats, when it tries again, when people are told. */
import assert from "node:assert/strict";
import { createActor } from "xstate";
import type { HeartbeatContext, HeartbeatEffect, HeartbeatEvent, heartbeatMachine } from "#machines/heartbeat.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof heartbeatMachine;

const input = { isOn: true, everyMs: 60_000, timeoutMs: 10_000 };
const started = (at: number): HeartbeatEvent => ({ type: "session.started", at, session: "s", epoch: 1, recovered: false });
const ended = (at: number): HeartbeatEvent => ({ type: "session.ended", at, session: "s", cause: "end" });
const sent = (beat: number, at: number): HeartbeatEvent => ({ type: "heartbeat.sent", at, beat });
const failed = (beat: number, at: number): HeartbeatEvent => ({
  type: "heartbeat.failed",
  at,
  beat,
  reason: "it answered 500",
});
const due = (at: number, id = "heartbeat"): HeartbeatEvent => ({ type: "timer.due", at, id, dueAt: at });

const send = (beat: number): HeartbeatEffect => ({ type: "heartbeat.send", beat });
const timer = (at: number): HeartbeatEffect => ({ type: "timer.set", id: "heartbeat", at });
const clear: HeartbeatEffect = { type: "timer.clear", id: "heartbeat" };
const alarm = (ms: number, cause: string): HeartbeatEffect => ({
  type: "alert.warning",
  code: "AN092",
  text: `no heartbeat has arrived for ${ms} ms: ${cause}`,
});
const resolved: HeartbeatEffect = { type: "alert.resolved", code: "AN092", text: "heartbeats arrive again" };

const begin = (machine: Machine, given: Partial<typeof input> = {}) =>
  drive<HeartbeatEvent, HeartbeatEffect>(machine, { ...input, ...given });
type Driven = ReturnType<typeof begin>;
const contextOf = (driven: Driven): HeartbeatContext => driven.context();

const beating = (machine: Machine): Driven => {
  const driven = begin(machine);
  driven.send(started(0));
  return driven;
};
const resting = (machine: Machine): Driven => {
  const driven = beating(machine);
  driven.send(sent(1, 100));
  return driven;
};
const missing = (machine: Machine): Driven => {
  const driven = beating(machine);
  driven.send(failed(1, 100));
  return driven;
};
/** The second beat fails when five beats' time has passed since the first failure: an alert is out. */
const alerted = (machine: Machine): Driven => {
  const driven = missing(machine);
  driven.send(due(300_000));
  driven.send(failed(2, 300_100));
  return driven;
};

export const heartbeatScenarios: readonly Scenario<Machine>[] = [
  {
    name: "beats at once when the session starts, so that the switch knows of it",
    run: (machine) => {
      const driven = begin(machine);
      assert.deepEqual([driven.value(), driven.begun()], ["silent", []]);
      assert.deepEqual(driven.send(started(5)), [send(1), timer(20_005)]);
      assert.equal(driven.value(), "beating");
    },
  },
  {
    name: "says nothing without an address, and forgets a deadline of a process that had one",
    run: (machine) => {
      const driven = begin(machine, { isOn: false });
      assert.deepEqual([driven.send(started(0)), driven.value()], [[clear], "silent"]);
      assert.deepEqual([driven.send(due(60_000)), driven.value()], [[], "silent"]);
      const { policy, ...rest } = contextOf(driven);
      assert.deepEqual(rest, { beat: 0, failures: 0, failingSince: null, isAlerted: false });
    },
  },
  {
    name: "rests after a beat that arrived, and beats again when its time has come",
    run: (machine) => {
      const driven = beating(machine);
      assert.deepEqual([driven.send(sent(1, 100)), driven.value()], [[timer(60_100)], "resting"]);
      assert.deepEqual([driven.send(due(60_100)), driven.value()], [[send(2), timer(80_100)], "beating"]);
    },
  },
  {
    name: "takes no other deadline for its own",
    run: (machine) => {
      for (const state of [beating, resting, missing]) {
        const driven = state(machine);
        const before = driven.value();
        assert.deepEqual([driven.send(due(90_000, "feed.retry")), driven.value()], [[], before]);
      }
    },
  },
  {
    name: "takes no outcome of an earlier beat for that of this one, and none when it waits for none",
    run: (machine) => {
      const second = resting(machine);
      second.send(due(60_100));
      for (const late of [sent(1, 60_200), failed(1, 60_200)])
        assert.deepEqual([second.send(late), second.value()], [[], "beating"]);
      for (const state of [resting, missing]) {
        const driven = state(machine);
        const before = driven.value();
        for (const late of [sent(1, 200), failed(1, 200)]) assert.deepEqual([driven.send(late), driven.value()], [[], before]);
      }
    },
  },
  {
    name: "tries again after a second, later and later, at most at its own pace",
    run: (machine) => {
      const driven = beating(machine);
      const waits: number[] = [];
      for (let beat = 1, at = 0; beat <= 9; beat += 1) {
        const [retry] = driven.send(failed(beat, at));
        assert.equal(driven.value(), "missing");
        assert.ok(retry?.type === "timer.set");
        waits.push(retry.at - at);
        at = retry.at;
        assert.deepEqual([driven.send(due(at)), driven.value()], [[send(beat + 1), timer(at + 20_000)], "beating"]);
      }
      assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    },
  },
  {
    name: "counts a beat of which nothing was heard as one that did not arrive",
    run: (machine) => {
      const driven = beating(machine);
      assert.deepEqual([driven.send(due(20_000)), driven.value()], [[timer(21_000)], "missing"]);
      assert.deepEqual([contextOf(driven).failures, contextOf(driven).failingSince], [1, 20_000]);
      driven.send(due(21_000));
      assert.deepEqual(driven.send(due(320_000)), [alarm(300_000, "no outcome within 20000 ms"), timer(322_000)]);
    },
  },
  {
    name: "tells people when nothing has arrived for five beats, not a millisecond earlier, and once",
    run: (machine) => {
      const early = missing(machine);
      early.send(due(300_000));
      assert.deepEqual(early.send(failed(2, 300_099)), [timer(302_099)]);
      early.send(due(302_099));
      assert.deepEqual(early.send(failed(3, 302_200)), [alarm(302_100, "it answered 500"), timer(306_200)]);

      const driven = missing(machine);
      driven.send(due(300_000));
      assert.deepEqual(driven.send(failed(2, 300_100)), [alarm(300_000, "it answered 500"), timer(302_100)]);
      driven.send(due(302_100));
      assert.deepEqual(driven.send(failed(3, 302_200)), [timer(306_200)]);
    },
  },
  {
    name: "takes the alert back with the first beat that arrives, and begins to count anew",
    run: (machine) => {
      const driven = alerted(machine);
      driven.send(due(302_100));
      assert.deepEqual(driven.send(sent(3, 302_200)), [resolved, timer(362_200)]);
      const { policy, ...rest } = contextOf(driven);
      assert.deepEqual(rest, { beat: 3, failures: 0, failingSince: null, isAlerted: false });
      driven.send(due(362_200));
      assert.deepEqual(driven.send(failed(4, 362_300)), [timer(363_300)]);
    },
  },
  {
    name: "takes nothing back after a few failures of which nobody was told",
    run: (machine) => {
      const driven = missing(machine);
      driven.send(due(1_100));
      assert.deepEqual(driven.send(sent(2, 1_200)), [timer(61_200)]);
    },
  },
  {
    name: "is silent when the session ends, from every state, and beats in the next one",
    run: (machine) => {
      for (const state of [begin, beating, resting, missing]) {
        const driven = state(machine);
        assert.deepEqual([driven.send(ended(500)), driven.value()], [[clear], "silent"]);
        assert.equal(driven.send(started(1_000)).at(0)?.type, "heartbeat.send");
        assert.equal(driven.value(), "beating");
      }
    },
  },
  {
    name: "begins anew after a kill, from every state, with a beat of its own and no failure of the process before",
    run: (machine) => {
      for (const [state, beat] of [
        [beating, 2],
        [resting, 2],
        [alerted, 3],
      ] as const) {
        const driven = state(machine);
        driven.restart();
        assert.deepEqual(driven.send(started(400_000)), [send(beat), timer(420_000)]);
        const { policy, ...rest } = contextOf(driven);
        assert.deepEqual(rest, { beat, failures: 0, failingSince: null, isAlerted: false });
        assert.deepEqual(driven.send(sent(beat, 400_100)), [timer(460_100)]);
      }
    },
  },
  {
    name: "an address that was taken out of the configuration silences the next start, and its trouble is forgotten",
    run: (machine) => {
      const context = { ...contextOf(alerted(machine)), policy: { ...input, isOn: false } };
      const actor = createActor(machine, { input, snapshot: machine.resolveState({ value: "missing", context }) });
      const emitted: HeartbeatEffect[] = [];
      actor.on("*", (effect) => {
        emitted.push(effect);
      });
      actor.start();
      actor.send(started(400_000));
      const { value, context: after } = actor.getSnapshot();
      assert.deepEqual([emitted, value], [[clear], "silent"]);
      assert.deepEqual([after.failures, after.failingSince, after.isAlerted], [0, null, false]);
    },
  },
];
