/** What the safety machine promises, sentence by sentence (spec S1–S7). */
import assert from "node:assert/strict";
import { createRandom } from "#core/random.ts";
import { alertedByReporter, describedCodes } from "#machines/safety.codes.ts";
import {
  brokerTimer,
  quietTimer,
  type SafetyContext,
  type SafetyEffect,
  type SafetyEvent,
  type SafetyState,
  type safetyMachine,
} from "#machines/safety.machine.ts";
import { drive, type Scenario } from "./drive.ts";

type Machine = typeof safetyMachine;
const policy = { quietPeriodMs: 600_000, brokerGraceMs: 30_000 };
const begin = (machine: Machine) => drive<SafetyEvent, SafetyEffect>(machine, policy);
type Safety = ReturnType<typeof begin>;

export const anomaly = (at: number, code = "AN060"): SafetyEvent => ({ type: "anomaly.raised", at, code, reason: "silent" });
export const guardrail = (at: number): SafetyEvent => ({ type: "guardrail.tripped", at, code: "GR020", reason: "limit" });
export const failsafe = (at: number, code = "FS070"): SafetyEvent => ({ type: "failsafe.tripped", at, code, reason: "drift" });
export const cleared = (at: number, code = "FS070"): SafetyEvent => ({ type: "failsafe.cleared", at, code, reason: "agrees" });
export const release = (at: number, operator = "kim", reason = "looked"): SafetyEvent => ({
  type: "operator.lockdown.released",
  at,
  operator,
  reason,
});
const emergency = (at: number): SafetyEvent => ({ type: "emergency.stop.requested", at, reason: "stop" });
const killSwitch = (at: number): SafetyEvent => ({ type: "kill.switch.tripped", at, reason: "switch" });
const switchOff = (at: number): SafetyEvent => ({ type: "kill.switch.cleared", at, reason: "gone" });
const lockdown = (at: number): SafetyEvent => ({ type: "operator.lockdown.requested", at, operator: "kim", reason: "news" });
export const disconnected = (at: number): SafetyEvent => ({ type: "broker.disconnected", at, broker: "kis", reason: "reset" });
export const connected = (at: number): SafetyEvent => ({ type: "broker.connected", at, broker: "kis" });
export const due = (id: string, at: number, dueAt = at): SafetyEvent => ({ type: "timer.due", at, id, dueAt });
export const lockdownFacts = [emergency, killSwitch, lockdown];

const into: { readonly [S in SafetyState]: (safety: Safety) => void } = {
  NORMAL: () => undefined,
  WARNING: (safety) => void safety.send(anomaly(0)),
  FAIL: (safety) => void safety.send(failsafe(0)),
  LOCKDOWN: (safety) => void safety.send(lockdown(0)),
};
const inState = (machine: Machine, state: SafetyState): Safety => {
  const safety = begin(machine);
  into[state](safety);
  assert.equal(safety.value(), state);
  return safety;
};
const contextOf = (safety: Safety): SafetyContext => safety.context();
const states: readonly SafetyState[] = ["NORMAL", "WARNING", "FAIL", "LOCKDOWN"];
const typesOf = (effects: readonly SafetyEffect[]): readonly string[] => effects.map(({ type }) => type);

/** [from, fact, to]: the whole table of S2 and S3. */
const table: readonly (readonly [SafetyState, string, SafetyEvent, SafetyState])[] = [
  ["NORMAL", "an anomaly", anomaly(10), "WARNING"],
  ["NORMAL", "a guardrail", guardrail(10), "WARNING"],
  ["NORMAL", "a fail-safe", failsafe(10), "FAIL"],
  ["NORMAL", "a lost broker connection", disconnected(10), "WARNING"],
  ["NORMAL", "a recovery", cleared(10), "NORMAL"],
  ["NORMAL", "a release", release(10), "NORMAL"],
  ["NORMAL", "a connection", connected(10), "NORMAL"],
  ["WARNING", "an anomaly", anomaly(10), "WARNING"],
  ["WARNING", "a guardrail", guardrail(10), "WARNING"],
  ["WARNING", "a fail-safe", failsafe(10), "FAIL"],
  ["WARNING", "a lost broker connection", disconnected(10), "WARNING"],
  ["WARNING", "a recovery", cleared(10, "AN060"), "WARNING"],
  ["WARNING", "a release", release(10), "WARNING"],
  ["FAIL", "an anomaly", anomaly(10), "FAIL"],
  ["FAIL", "a guardrail", guardrail(10), "FAIL"],
  ["FAIL", "a second fail-safe", failsafe(10, "FS075"), "LOCKDOWN"],
  ["FAIL", "the same fail-safe again", failsafe(10), "LOCKDOWN"],
  ["FAIL", "the recovery of its cause", cleared(10), "NORMAL"],
  ["FAIL", "the recovery of another cause", cleared(10, "FS075"), "FAIL"],
  ["FAIL", "an unnamed recovery", cleared(10, ""), "FAIL"],
  ["FAIL", "a release", release(10), "FAIL"],
  ["FAIL", "a lost broker connection", disconnected(10), "FAIL"],
  ["FAIL", "a connection that was not its cause", connected(10), "FAIL"],
  ["LOCKDOWN", "an anomaly", anomaly(10), "LOCKDOWN"],
  ["LOCKDOWN", "a guardrail", guardrail(10), "LOCKDOWN"],
  ["LOCKDOWN", "a fail-safe", failsafe(10), "LOCKDOWN"],
  ["LOCKDOWN", "a recovery", cleared(10, "FS122"), "LOCKDOWN"],
  ["LOCKDOWN", "a lost broker connection", disconnected(10), "LOCKDOWN"],
  ["LOCKDOWN", "a connection", connected(10), "LOCKDOWN"],
  ["LOCKDOWN", "a kill switch that is off again", switchOff(10), "LOCKDOWN"],
  ["LOCKDOWN", "a named operator with a reason", release(10), "NORMAL"],
  ["LOCKDOWN", "a nameless release", release(10, " "), "LOCKDOWN"],
  ["LOCKDOWN", "a release without a reason", release(10, "kim", " "), "LOCKDOWN"],
  ...states.flatMap((state) => lockdownFacts.map((fact) => [state, fact(10).type, fact(10), "LOCKDOWN"] as const)),
];

const transitions: readonly Scenario<Machine>[] = table.map(([from, what, fact, to]) => ({
  name: `${from}: ${what} ⇒ ${to}`,
  run: (machine) => {
    const safety = inState(machine, from);
    const effects = safety.send(fact);
    assert.equal(safety.value(), to);
    const announced = effects.filter(({ type }) => type === "safety.announce");
    assert.equal(announced.length, from === to ? 0 : 1);
    if (from === to) return;
    // Trading is halted before anything else happens (S6).
    const [first] = effects;
    assert.equal(first?.type, "safety.announce");
    assert.deepEqual([first.from, first.to], [from, to]);
    assert.ok(first.code.length > 0 && first.reason.length > 0);
    assert.equal(contextOf(safety).since, 10);
  },
}));

const others: readonly Scenario<Machine>[] = [
  {
    name: "starts in NORMAL, untroubled",
    run: (machine) => {
      const safety = begin(machine);
      assert.equal(safety.value(), "NORMAL");
      assert.deepEqual(contextOf(safety), {
        policy,
        since: null,
        cause: null,
        quietUntil: null,
        brokerDueAt: null,
        killSwitch: null,
        alerted: [],
      });
    },
  },
  {
    name: "WARNING ends after the quiet period, not a millisecond before (S3)",
    run: (machine) => {
      const safety = inState(machine, "WARNING");
      assert.deepEqual(safety.send(due(quietTimer, 599_999)), [{ type: "timer.set", id: quietTimer, at: 600_000 }]);
      assert.equal(safety.value(), "WARNING");
      const effects = safety.send(due(quietTimer, 600_000));
      assert.equal(safety.value(), "NORMAL");
      assert.deepEqual(effects[0], {
        type: "safety.announce",
        from: "WARNING",
        to: "NORMAL",
        code: "AN060",
        reason: "the quiet period is over",
      });
      assert.deepEqual(effects.slice(1), [
        { type: "alert.resolved", code: "AN060", text: "the quiet period is over" },
        { type: "timer.clear", id: quietTimer },
      ]);
      assert.equal(contextOf(safety).quietUntil, null);
      assert.equal(contextOf(safety).cause, null);
      assert.deepEqual(contextOf(safety).alerted, []);
    },
  },
  {
    name: "asks for the quiet timer when WARNING begins",
    run: (machine) => {
      for (const fact of [anomaly(5), guardrail(5), disconnected(5)]) {
        const effects = begin(machine).send(fact);
        assert.ok(effects.some((effect) => effect.type === "timer.set" && effect.id === quietTimer && effect.at === 600_005));
      }
    },
  },
  {
    name: "each anomaly, guardrail and lost connection renews the quiet period and is the cause from then on",
    run: (machine) => {
      for (const [fact, code] of [
        [anomaly(300_000, "AN061"), "AN061"],
        [guardrail(300_000), "GR020"],
        [disconnected(300_000), "AN051"],
      ] as const) {
        const safety = inState(machine, "WARNING");
        assert.ok(safety.send(fact).some((effect) => effect.type === "timer.set" && effect.at === 900_000));
        safety.send(due(quietTimer, 600_000));
        assert.equal(safety.value(), "WARNING");
        assert.equal(contextOf(safety).cause?.code, code);
        safety.send(connected(600_001));
        safety.send(due(quietTimer, 900_000));
        assert.equal(safety.value(), "NORMAL");
      }
    },
  },
  {
    name: "a clock that steps back does not shorten the quiet period",
    run: (machine) => {
      const safety = begin(machine);
      safety.send(anomaly(1_000_000));
      safety.send(anomaly(0));
      assert.equal(contextOf(safety).quietUntil, 1_600_000);
    },
  },
  {
    name: "the quiet deadline and LOCKDOWN survive a restart (S3)",
    run: (machine) => {
      const warned = inState(machine, "WARNING");
      warned.restart();
      warned.send(due(quietTimer, 600_000));
      assert.equal(warned.value(), "NORMAL");
      const locked = inState(machine, "LOCKDOWN");
      locked.restart();
      for (const fact of [due(quietTimer, 1e12), cleared(1e12, "FS122"), connected(1e12), failsafe(1e12)]) locked.send(fact);
      assert.equal(locked.value(), "LOCKDOWN");
    },
  },
  {
    name: "leaving WARNING for FAIL or LOCKDOWN gives the quiet timer back",
    run: (machine) => {
      for (const fact of [failsafe(10), ...lockdownFacts.map((make) => make(10))]) {
        const safety = inState(machine, "WARNING");
        assert.ok(safety.send(fact).some((effect) => effect.type === "timer.clear" && effect.id === quietTimer));
        assert.equal(contextOf(safety).quietUntil, null);
      }
    },
  },
  {
    name: "a foreign timer means nothing",
    run: (machine) => {
      for (const state of states) {
        const safety = inState(machine, state);
        assert.deepEqual(safety.send(due("execution.cycle", 1e12)), []);
        assert.equal(safety.value(), state);
      }
    },
  },
  {
    name: "the end of a FAIL is announced under its code, with what was said",
    run: (machine) => {
      const [announced] = inState(machine, "FAIL").send(cleared(10));
      assert.deepEqual(announced, {
        type: "safety.announce",
        from: "FAIL",
        to: "NORMAL",
        code: "FS070",
        reason: "cleared: agrees",
      });
    },
  },
  {
    name: "a release names the operator and the reason",
    run: (machine) => {
      const [announced] = inState(machine, "LOCKDOWN").send(release(10));
      assert.deepEqual(announced, {
        type: "safety.announce",
        from: "LOCKDOWN",
        to: "NORMAL",
        code: "FS122",
        reason: "released: kim: looked",
      });
    },
  },
  {
    name: "a broker that comes back in time costs a WARNING, one that stays away is a fail-safe",
    run: (machine) => {
      for (const state of ["NORMAL", "WARNING"] as const) {
        const back = inState(machine, state);
        assert.ok(
          back
            .send(disconnected(10))
            .some((effect) => effect.type === "timer.set" && effect.id === brokerTimer && effect.at === 30_010),
        );
        assert.deepEqual(back.send(connected(20)), [{ type: "timer.clear", id: brokerTimer }]);
        back.send(due(brokerTimer, 30_010));
        assert.equal(back.value(), "WARNING");
        const away = inState(machine, state);
        away.send(disconnected(10));
        assert.deepEqual(away.send(due(brokerTimer, 30_009)), [{ type: "timer.set", id: brokerTimer, at: 30_010 }]);
        assert.equal(away.value(), "WARNING");
        const effects = away.send(due(brokerTimer, 30_010));
        assert.equal(away.value(), "FAIL");
        assert.deepEqual(typesOf(effects), ["safety.announce", "timer.clear", "timer.clear", "alert.critical"]);
        assert.deepEqual(
          [contextOf(away).cause?.code, contextOf(away).quietUntil, contextOf(away).brokerDueAt],
          ["FS040", null, null],
        );
      }
    },
  },
  {
    name: "a FAIL over a lost broker ends when the broker is connected again",
    run: (machine) => {
      const safety = begin(machine);
      safety.send(disconnected(0));
      safety.send(due(brokerTimer, 30_000));
      safety.send(disconnected(31_000));
      assert.equal(safety.value(), "FAIL");
      const effects = safety.send(connected(40_000));
      assert.equal(safety.value(), "NORMAL");
      assert.ok(effects.some((effect) => effect.type === "timer.clear" && effect.id === brokerTimer));
      assert.ok(effects.some((effect) => effect.type === "safety.announce" && effect.to === "NORMAL" && effect.code === "FS040"));
      assert.equal(contextOf(safety).brokerDueAt, null);
    },
  },
  {
    name: "only the first of several failed attempts to reconnect starts the grace period",
    run: (machine) => {
      const safety = begin(machine);
      safety.send(disconnected(0));
      assert.ok(!safety.send(disconnected(20_000)).some((effect) => effect.type === "timer.set" && effect.id === brokerTimer));
      safety.send(due(brokerTimer, 30_000));
      assert.equal(safety.value(), "FAIL");
    },
  },
  {
    name: "the grace period outlives WARNING and runs in FAIL and LOCKDOWN too",
    run: (machine) => {
      const calm = begin(machine);
      calm.send(disconnected(0));
      // Longer than the quiet period is possible by configuration: the deadline stands on its own.
      calm.send(due(quietTimer, 600_000));
      assert.equal(calm.value(), "NORMAL");
      assert.deepEqual(calm.send(due(brokerTimer, 29_999)), [{ type: "timer.set", id: brokerTimer, at: 30_000 }]);
      assert.deepEqual(typesOf(calm.send(due(brokerTimer, 600_001))), ["safety.announce", "timer.clear", "alert.critical"]);
      assert.equal(calm.value(), "FAIL");
      assert.equal(contextOf(calm).brokerDueAt, null);

      const again = begin(machine);
      again.send(disconnected(0));
      again.send(due(quietTimer, 600_000));
      assert.deepEqual(again.send(connected(600_001)), [{ type: "timer.clear", id: brokerTimer }]);
      again.send(due(brokerTimer, 600_002));
      assert.equal(again.value(), "NORMAL");

      const failed = inState(machine, "FAIL");
      failed.send(disconnected(0));
      assert.deepEqual(failed.send(due(brokerTimer, 1)), [{ type: "timer.set", id: brokerTimer, at: 30_000 }]);
      assert.deepEqual(typesOf(failed.send(due(brokerTimer, 30_000))), ["safety.announce", "timer.clear", "alert.critical"]);
      assert.equal(failed.value(), "LOCKDOWN");
      assert.equal(contextOf(failed).brokerDueAt, null);
      const recovered = inState(machine, "FAIL");
      recovered.send(disconnected(0));
      recovered.send(connected(1));
      recovered.send(due(brokerTimer, 30_000));
      assert.equal(recovered.value(), "FAIL");

      const locked = inState(machine, "LOCKDOWN");
      locked.send(disconnected(0));
      assert.deepEqual(locked.send(due(brokerTimer, 1)), [{ type: "timer.set", id: brokerTimer, at: 30_000 }]);
      assert.deepEqual(typesOf(locked.send(due(brokerTimer, 30_000))), ["timer.clear", "alert.critical"]);
      assert.equal(contextOf(locked).brokerDueAt, null);
      locked.send(disconnected(40_000));
      assert.deepEqual(locked.send(connected(50_000)), [{ type: "timer.clear", id: brokerTimer }]);
      assert.equal(contextOf(locked).brokerDueAt, null);
    },
  },
  {
    name: "every cause alerts a person: critical for what stops trading, warning for the rest",
    run: (machine) => {
      for (const state of states) {
        for (const [fact, type, code] of [
          [anomaly(10), "alert.warning", "AN060"],
          [guardrail(10), "alert.warning", "GR020"],
          [disconnected(10), "alert.warning", "AN051"],
          [failsafe(10), "alert.critical", "FS070"],
          [emergency(10), "alert.critical", "FS120"],
          [killSwitch(10), "alert.critical", "FS121"],
          [lockdown(10), "alert.critical", "FS122"],
        ] as const) {
          const safety = inState(machine, state);
          const alerts = safety.send(fact).filter((effect) => effect.type.startsWith("alert."));
          assert.deepEqual(
            alerts.map((alert) => [alert.type, "code" in alert ? alert.code : ""]),
            [[type, code]],
          );
          assert.ok(contextOf(safety).alerted.includes(code));
        }
      }
    },
  },
  {
    name: "nobody releases LOCKDOWN while the kill switch is on, whatever else led there; once it is off a named person does (S2, S3)",
    run: (machine) => {
      for (const state of states) {
        const safety = inState(machine, state);
        safety.send(killSwitch(10));
        assert.deepEqual(contextOf(safety).killSwitch, { reason: "switch", at: 10 });
        safety.send({ ...killSwitch(20), reason: "again" } as SafetyEvent);
        assert.deepEqual(contextOf(safety).killSwitch, { reason: "switch", at: 10 });
        safety.restart();
        assert.deepEqual(safety.send(release(30)), []);
        assert.equal(safety.value(), "LOCKDOWN");
        assert.deepEqual(safety.send(switchOff(40)), []);
        assert.equal(contextOf(safety).killSwitch, null);
        assert.equal(safety.value(), "LOCKDOWN");
        safety.send(release(50));
        assert.equal(safety.value(), "NORMAL");
      }
    },
  },
  {
    name: "an emergency stop needs no kill switch and is released without one; its operator stands before the reason",
    run: (machine) => {
      const safety = begin(machine);
      const [announced] = safety.send({ ...emergency(1), operator: "lee" } as SafetyEvent);
      assert.deepEqual(announced, {
        type: "safety.announce",
        from: "NORMAL",
        to: "LOCKDOWN",
        code: "FS120",
        reason: "lee: stop",
      });
      assert.equal(contextOf(safety).killSwitch, null);
      safety.send(release(2));
      assert.equal(safety.value(), "NORMAL");
    },
  },
  {
    name: "back in NORMAL every alert of the trouble is resolved, once each",
    run: (machine) => {
      const safety = inState(machine, "WARNING");
      safety.send(anomaly(1));
      safety.send(failsafe(2));
      safety.send(guardrail(3));
      const resolved = safety.send(cleared(4)).filter(({ type }) => type === "alert.resolved");
      assert.deepEqual(
        resolved.map((effect) => "code" in effect && effect.code),
        ["AN060", "FS070", "GR020"],
      );
    },
  },
  {
    name: "an alert of a trouble that lasts is left to who found it: told once, and not called over because it was quiet (S3)",
    run: (machine) => {
      for (const code of ["AN010", "AN070", "AN071", "AN080", "AN081", "AN091"]) {
        const safety = begin(machine);
        assert.deepEqual(typesOf(safety.send(anomaly(0, code))), ["safety.announce", "timer.set"]);
        assert.deepEqual(typesOf(safety.send(anomaly(1, code))), ["timer.set"]);
        assert.deepEqual(typesOf(safety.send(due(quietTimer, 600_001))), ["safety.announce", "timer.clear"]);
        assert.equal(safety.value(), "NORMAL");
        for (const state of ["FAIL", "LOCKDOWN"] as const) assert.deepEqual(inState(machine, state).send(anomaly(1, code)), []);
      }
    },
  },
  {
    name: "a code outside the registry still trips, is told as such, and only its own name clears it",
    run: (machine) => {
      const safety = begin(machine);
      assert.deepEqual(safety.send(failsafe(1, "FS777")).at(-1), {
        type: "alert.critical",
        code: "FS199",
        text: "FS777: drift",
      });
      safety.send(cleared(2, "FS199"));
      assert.equal(safety.value(), "FAIL");
      safety.send(cleared(3, "FS777"));
      assert.equal(safety.value(), "NORMAL");
      assert.deepEqual(safety.send(anomaly(4, "XX1")).at(-1), { type: "alert.warning", code: "AN199", text: "XX1: silent" });
    },
  },
  {
    name: "every registered code leads where its letters say, and its text is the reason (S7)",
    run: (machine) => {
      for (const { code, kind, severity } of describedCodes()) {
        const safety = begin(machine);
        const type = kind === "failsafe" ? "failsafe.tripped" : kind === "guardrail" ? "guardrail.tripped" : "anomaly.raised";
        const effects = safety.send({ type, at: 1, code, reason: "why" } as SafetyEvent);
        assert.equal(safety.value(), kind === "failsafe" ? "FAIL" : "WARNING");
        if (alertedByReporter(code)) assert.ok(typesOf(effects).every((type) => !type.startsWith("alert.")));
        else assert.deepEqual(effects.at(-1), { type: `alert.${severity}`, code, text: "why" });
      }
    },
  },
  {
    name: "keeps time and cause of what it is in",
    run: (machine) => {
      const safety = inState(machine, "WARNING");
      safety.send(failsafe(7));
      assert.deepEqual(contextOf(safety).cause, { code: "FS070", reason: "drift", at: 7 });
      assert.equal(contextOf(safety).since, 7);
      // What comes on top does not hide why trading stopped.
      safety.send(anomaly(8));
      assert.equal(contextOf(safety).cause?.code, "FS070");
    },
  },
  {
    name: "an operator's lockdown without a name is still a lockdown",
    run: (machine) => {
      const [announced] = begin(machine).send({ type: "operator.lockdown.requested", at: 1, reason: "news" });
      assert.deepEqual(announced, { type: "safety.announce", from: "NORMAL", to: "LOCKDOWN", code: "FS122", reason: "news" });
      const [named] = begin(machine).send(lockdown(1));
      assert.equal(named?.type === "safety.announce" && named.reason, "kim: news");
    },
  },
  {
    name: "agrees with S2 and S3 written as a table, on ten thousand random facts with restarts (S2)",
    run: (machine) => {
      const random = createRandom(20260213);
      let at = 0;
      const safety = begin(machine);
      let state: SafetyState = "NORMAL";
      let cause = "";
      let quietUntil = 0;
      let isSwitchOn = false;
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const codes = ["FS070", "FS075", "FS042"];
      for (let step = 0; step < 10_000; step += 1) {
        at += Math.floor(random() * 400_000);
        const what = pick(["warn", "fail", "clear", "lock", "release", "switch off", "quiet", "restart"] as const);
        const code = pick(codes);
        if (what === "warn") {
          safety.send(anomaly(at));
          if (state === "NORMAL" || state === "WARNING") {
            state = "WARNING";
            quietUntil = at + policy.quietPeriodMs;
          }
        } else if (what === "fail") {
          safety.send(failsafe(at, code));
          if (state === "FAIL") state = "LOCKDOWN";
          else if (state !== "LOCKDOWN") {
            state = "FAIL";
            cause = code;
          }
        } else if (what === "clear") {
          safety.send(cleared(at, code));
          if (state === "FAIL" && code === cause) state = "NORMAL";
        } else if (what === "lock" && random() < 0.2) {
          const fact = pick(lockdownFacts)(at);
          safety.send(fact);
          isSwitchOn ||= fact.type === "kill.switch.tripped";
          state = "LOCKDOWN";
        } else if (what === "release") {
          safety.send(release(at));
          if (state === "LOCKDOWN" && !isSwitchOn) state = "NORMAL";
        } else if (what === "switch off") {
          safety.send(switchOff(at));
          isSwitchOn = false;
        } else if (what === "quiet") {
          safety.send(due(quietTimer, at));
          if (state === "WARNING" && at >= quietUntil) state = "NORMAL";
        } else safety.restart();
        assert.equal(safety.value(), state, `step ${step}`);
      }
    },
  },
];

export const safetyScenarios: readonly Scenario<Machine>[] = [...transitions, ...others];
