/** What a person, a bad metric, a clock or a restart does to the operating state (spec S13, S15, S16, S18). */
import assert from "node:assert/strict";
import { createRandom } from "#core/random.ts";
import { lowerRisk, type OperatingState } from "#machines/operating-state.policy.ts";
import { measuredAt, neutral, type PlainMetrics, sunny } from "../core/state/posture-series.ts";
import type { Scenario } from "./drive.ts";
import {
  announcementsOf,
  at,
  beginPosture,
  days,
  type Effects,
  historyOf,
  type OperatingMachine,
  type Posture,
  reportsOf,
  rulesOf,
  timersOf,
  typesOf,
} from "./operating-state.drive.ts";

type Rules = readonly Scenario<OperatingMachine>[];

const pinned = (machine: OperatingMachine, initial: OperatingState, state: OperatingState, hours = 72): Posture => {
  const posture = beginPosture(machine, { initial });
  posture.measure(at(0), neutral);
  posture.pin(at(1), state, at(1 + hours));
  assert.equal(posture.state(), state);
  return posture;
};

const overrides: Rules = [
  {
    name: "a person pins a state: at once, with a persisted deadline, announced and recorded with their name",
    run: (machine) => {
      const posture = beginPosture(machine);
      posture.measure(at(0), neutral);
      const effects = posture.pin(at(1), "DEFENSIVE", at(73));
      assert.equal(posture.state(), "DEFENSIVE");
      assert.equal(posture.ruleState(), "BALANCED");
      assert.deepEqual(effects, [
        { type: "timer.set", id: "operating.override", at: at(73) },
        {
          type: "operating.history.append",
          entry: {
            at: at(1),
            from: "BALANCED",
            to: "DEFENSIVE",
            rule: "OVERRIDE",
            clauses: [],
            metrics: neutral,
            operator: "kim",
            reason: "news",
            pinned: null,
          },
        },
        { type: "operating.announce", from: "BALANCED", to: "DEFENSIVE", rule: "OVERRIDE", reason: "news" },
      ]);
      assert.deepEqual(posture.context().override, {
        state: "DEFENSIVE",
        reason: "news",
        operator: "kim",
        setAt: at(1),
        expiresAt: at(73),
      });
      assert.deepEqual(posture.context().effective, { state: "DEFENSIVE", since: at(1), rule: "OVERRIDE", reason: "news" });
    },
  },
  {
    name: "seven days are the most, to the millisecond; longer is refused and not shortened (S15)",
    run: (machine) => {
      for (const [ms, allowed] of [
        [0, true],
        [1, false],
      ] as const) {
        const posture = beginPosture(machine);
        const effects = posture.pin(at(0), "DEFENSIVE", days(7, ms));
        assert.equal(posture.context().override !== null, allowed);
        assert.deepEqual(rulesOf(effects), [allowed ? "OVERRIDE" : "OVERRIDE_REFUSED"]);
        if (!allowed) assert.match(historyOf(effects)[0]?.reason ?? "", /at most 7 days/);
      }
    },
  },
  {
    name: "needs a name, a reason, a state and a future; what is refused is recorded and changes nothing",
    run: (machine) => {
      type Who = { readonly operator?: string; readonly reason?: string; readonly state?: OperatingState };
      const refusals: readonly (readonly [Who, number, RegExp])[] = [
        [{ operator: " " }, at(10), /operator's name/],
        [{ reason: "" }, at(10), /needs a reason/],
        [{}, at(1), /expired already/],
        [{ state: "BOLD" as OperatingState }, at(10), /one of AGGRESSIVE/],
      ];
      for (const [who, expiresAt, sentence] of refusals) {
        const posture = beginPosture(machine);
        posture.measure(at(0), neutral);
        const effects = posture.pin(at(1), "DEFENSIVE", expiresAt, who);
        assert.deepEqual(typesOf(effects), ["operating.history.append"]);
        const [entry] = historyOf(effects);
        assert.match(entry?.reason ?? "", sentence);
        assert.deepEqual([entry?.from, entry?.to, entry?.rule], ["BALANCED", "BALANCED", "OVERRIDE_REFUSED"]);
        assert.equal(entry?.operator, who.operator ?? "kim");
        assert.equal(posture.state(), "BALANCED");
      }
    },
  },
  {
    name: "one that raises risk is refused while safety is not NORMAL; one that lowers it is not",
    run: (machine) => {
      for (const state of ["WARNING", "FAIL", "LOCKDOWN", "UNKNOWN"] as const) {
        const posture = beginPosture(machine);
        posture.measure(at(0), neutral);
        posture.safety(at(1), state);
        assert.deepEqual(rulesOf(posture.pin(at(2), "AGGRESSIVE", at(10))), ["OVERRIDE_REFUSED"]);
        assert.deepEqual(rulesOf(posture.pin(at(3), "DEFENSIVE", at(10))), ["OVERRIDE"]);
      }
      const released = beginPosture(machine);
      released.safety(at(0), "LOCKDOWN");
      released.safety(at(1), "NORMAL");
      assert.match(historyOf(released.pin(at(2), "AGGRESSIVE", at(10)))[0]?.reason ?? "", /LOCKDOWN has just ended/);
      released.measure(at(3), neutral);
      assert.deepEqual(rulesOf(released.pin(at(4), "AGGRESSIVE", at(10))), ["OVERRIDE"]);
    },
  },
  {
    name: "expires at its deadline, not a millisecond before; a timer that comes early is asked for again",
    run: (machine) => {
      const posture = pinned(machine, "BALANCED", "AGGRESSIVE");
      assert.deepEqual(timersOf(posture.due(at(73, -1))), [`set ${at(73)}`]);
      assert.equal(posture.state(), "AGGRESSIVE");
      assert.deepEqual(posture.due(at(73), "other"), []);
      const effects = posture.due(at(73));
      assert.equal(posture.state(), "BALANCED");
      assert.deepEqual(typesOf(effects), ["timer.clear", "operating.history.append", "operating.announce"]);
      assert.deepEqual(announcementsOf(effects), ["AGGRESSIVE>BALANCED OVERRIDE_EXPIRED"]);
      const [entry] = historyOf(effects);
      assert.deepEqual(
        [entry?.from, entry?.to, entry?.rule, entry?.reason, entry?.operator],
        ["AGGRESSIVE", "BALANCED", "OVERRIDE_EXPIRED", "override_expired", null],
      );
      assert.equal(posture.context().override, null);
      assert.deepEqual(posture.due(at(74)), []);
    },
  },
  {
    name: "at its end the lower of pinned and rule state stays: for every pair (S15)",
    run: (machine) => {
      const order = ["DEFENSIVE", "BALANCED", "AGGRESSIVE"] as const;
      for (const [ruleRank, initial] of order.entries()) {
        for (const [pinRank, state] of order.entries()) {
          for (const end of ["due", "unpin", "measure"] as const) {
            const posture = pinned(machine, initial, state);
            const kept = order[Math.min(ruleRank, pinRank)];
            const effects =
              end === "due" ? posture.due(at(73)) : end === "unpin" ? posture.unpin(at(73)) : posture.measure(at(73), neutral);
            assert.equal(posture.state(), kept);
            assert.equal(posture.ruleState(), kept);
            assert.deepEqual(rulesOf(effects), ["OVERRIDE_EXPIRED"]);
            assert.equal(historyOf(effects)[0]?.from, state);
            assert.equal(historyOf(effects)[0]?.to, kept);
            assert.equal(historyOf(effects)[0]?.at, at(73));
            assert.deepEqual(timersOf(effects), ["clear"]);
            // The hold clock restarts only where the rule state really moved.
            assert.equal(posture.context().enteredAt, kept === initial ? at(0) : at(73));
            posture.restart();
            assert.equal(posture.state(), kept);
          }
        }
      }
    },
  },
  {
    name: "can be cleared early, by a named person; promotions then go the normal way",
    run: (machine) => {
      const posture = pinned(machine, "BALANCED", "DEFENSIVE");
      const effects = posture.unpin(at(5));
      const [entry] = historyOf(effects);
      assert.deepEqual([entry?.operator, entry?.reason], ["lee", "override_cleared: over"]);
      assert.equal(posture.state(), "DEFENSIVE");
      posture.measure(at(6), sunny);
      posture.measure(at(5 + 120, -1), sunny);
      assert.equal(posture.state(), "DEFENSIVE");
      posture.measure(at(5 + 120), sunny);
      assert.equal(posture.state(), "BALANCED");
    },
  },
  {
    name: "clearing without an override does nothing",
    run: (machine) => {
      assert.deepEqual(beginPosture(machine).unpin(at(1)), []);
    },
  },
  {
    name: "rules go on in the background: confirmations run, the rule state moves, the state in force does not",
    run: (machine) => {
      const posture = pinned(machine, "BALANCED", "AGGRESSIVE");
      const storm = { ...neutral, vix: 35 };
      for (const hour of [2, 3]) posture.measure(at(hour), storm);
      const effects = posture.measure(at(4), storm);
      assert.deepEqual([posture.ruleState(), posture.state()], ["DEFENSIVE", "AGGRESSIVE"]);
      assert.deepEqual(announcementsOf(effects), []);
      assert.deepEqual([historyOf(effects)[0]?.rule, historyOf(effects)[0]?.pinned], ["B_TO_D", "AGGRESSIVE"]);
      posture.due(at(73));
      assert.equal(posture.state(), "DEFENSIVE");
    },
  },
  {
    name: "while safety is not NORMAL the lower of pinned and rule state is in force, and the pin again afterwards",
    run: (machine) => {
      for (const state of ["WARNING", "LOCKDOWN", "UNKNOWN"] as const) {
        const posture = pinned(machine, "BALANCED", "AGGRESSIVE");
        assert.deepEqual(announcementsOf(posture.safety(at(2), state)), ["AGGRESSIVE>BALANCED OVERRIDE"]);
        assert.equal(posture.state(), "BALANCED");
        assert.match(posture.context().effective.reason, new RegExp(`safety is ${state}`));
        if (state === "LOCKDOWN") continue;
        posture.safety(at(3), "NORMAL");
        assert.equal(posture.state(), "AGGRESSIVE");
      }
      const low = pinned(machine, "BALANCED", "DEFENSIVE");
      assert.deepEqual(low.safety(at(2), "WARNING"), []);
      assert.equal(low.state(), "DEFENSIVE");
    },
  },
  {
    name: "while a circuit breaker holds the lower of pinned and rule state is in force",
    run: (machine) => {
      const posture = pinned(machine, "DEFENSIVE", "BALANCED");
      const halted = posture.measure(at(2), { ...neutral, circuitBreaker: true });
      assert.deepEqual(announcementsOf(halted), ["BALANCED>DEFENSIVE OVERRIDE"]);
      assert.match(posture.context().effective.reason, /circuit breaker/);
      posture.measure(at(3), neutral);
      assert.equal(posture.state(), "BALANCED");
    },
  },
  {
    name: "FAIL ends the override, whatever was pinned: nothing comes back at its deadline",
    run: (machine) => {
      for (const initial of ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const) {
        for (const state of ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const) {
          const posture = pinned(machine, initial, state);
          const effects = posture.safety(at(2), "FAIL");
          assert.deepEqual([posture.state(), posture.ruleState(), posture.context().override], ["DEFENSIVE", "DEFENSIVE", null]);
          assert.deepEqual(timersOf(effects), ["clear"]);
          assert.deepEqual(rulesOf(effects), ["SAFETY_FAIL"]);
          const [entry] = historyOf(effects);
          assert.equal(entry?.from, initial === "DEFENSIVE" ? state : initial);
          assert.equal(posture.context().enteredAt, initial === "DEFENSIVE" && state === "DEFENSIVE" ? at(0) : at(2));
          posture.safety(at(3), "NORMAL");
          assert.deepEqual(posture.due(at(73)), []);
          assert.equal(posture.state(), "DEFENSIVE");
        }
      }
    },
  },
  {
    name: "LOCKDOWN ends a pinned AGGRESSIVE at its resume and leaves a lower pin",
    run: (machine) => {
      for (const [initial, state, expected, ruleState] of [
        ["BALANCED", "AGGRESSIVE", "BALANCED", "BALANCED"],
        ["AGGRESSIVE", "AGGRESSIVE", "BALANCED", "BALANCED"],
        ["DEFENSIVE", "AGGRESSIVE", "DEFENSIVE", "DEFENSIVE"],
        ["AGGRESSIVE", "BALANCED", "BALANCED", "BALANCED"],
        ["BALANCED", "DEFENSIVE", "DEFENSIVE", "BALANCED"],
      ] as const) {
        const posture = pinned(machine, initial, state);
        posture.safety(at(2), "LOCKDOWN");
        posture.safety(at(3), "NORMAL");
        // Until the first evaluation the pin stays limited, so that the release itself raises nothing.
        assert.equal(posture.state(), lowerRisk(lowerRisk(state, initial), "BALANCED"));
        const effects = posture.measure(at(4), neutral);
        assert.deepEqual([posture.state(), posture.ruleState()], [expected, ruleState], `${initial} ${state}`);
        assert.equal(posture.context().override === null, state === "AGGRESSIVE");
        assert.ok(!announcementsOf(effects).some((text) => text.includes(">AGGRESSIVE")), announcementsOf(effects).join());
        if (state === "AGGRESSIVE") {
          const [entry] = historyOf(effects).filter(({ rule }) => rule === "OVERRIDE_EXPIRED");
          assert.equal(entry?.reason, "lockdown_release_conservative");
        }
      }
    },
  },
  {
    name: "a deadline that passed while the process was down ends the override at the next fact (S15)",
    run: (machine) => {
      const posture = pinned(machine, "DEFENSIVE", "AGGRESSIVE");
      posture.restart();
      assert.equal(posture.state(), "AGGRESSIVE");
      const effects = posture.measure(at(500), neutral);
      assert.deepEqual(rulesOf(effects), ["OVERRIDE_EXPIRED"]);
      assert.equal(posture.state(), "DEFENSIVE");
    },
  },
  {
    name: "an expired override and a resume in one evaluation: both are settled, then the rules",
    run: (machine) => {
      for (const [reading, expected, rules] of [
        ["safety-first", "DEFENSIVE", ["OVERRIDE_EXPIRED"]],
        ["literal", "BALANCED", ["OVERRIDE_EXPIRED", "LOCKDOWN_RESUME"]],
      ] as const) {
        const posture = beginPosture(machine, { initial: "AGGRESSIVE", reading });
        posture.pin(at(0), "DEFENSIVE", at(5));
        posture.safety(at(1), "LOCKDOWN");
        posture.safety(at(2), "NORMAL");
        assert.deepEqual(rulesOf(posture.measure(at(5), neutral)), rules);
        assert.deepEqual([posture.state(), posture.ruleState()], [expected, expected]);
        assert.equal(posture.context().enteredAt, at(5));
      }
    },
  },
  {
    name: "a new override replaces the one before it",
    run: (machine) => {
      const posture = pinned(machine, "BALANCED", "DEFENSIVE");
      const effects = posture.pin(at(2), "AGGRESSIVE", at(20));
      assert.deepEqual(announcementsOf(effects), ["DEFENSIVE>AGGRESSIVE OVERRIDE"]);
      assert.equal(historyOf(effects)[0]?.pinned, "DEFENSIVE");
      posture.due(at(20));
      assert.equal(posture.state(), "BALANCED");
    },
  },
  {
    name: "an override is a transition: the cooldown counts from it, from what limits it, and from its end",
    run: (machine) => {
      const limited = pinned(machine, "BALANCED", "AGGRESSIVE");
      limited.safety(at(2), "WARNING");
      assert.equal(limited.context().lastMoveAt, at(2));
      const ended = pinned(machine, "BALANCED", "AGGRESSIVE");
      ended.measure(at(80), neutral);
      assert.equal(ended.context().lastMoveAt, at(80));
      const posture = pinned(machine, "BALANCED", "DEFENSIVE");
      assert.equal(posture.context().lastMoveAt, at(1));
      const up = pinned(machine, "BALANCED", "AGGRESSIVE");
      up.unpin(at(9));
      assert.equal(up.context().lastMoveAt, at(9));
    },
  },
];

const inputs: Rules = [
  {
    name: "missing and stale inputs are reported when that begins, by name, and not at every evaluation (S13)",
    run: (machine) => {
      const posture = beginPosture(machine);
      const { vix: _, growth: __, ...rest } = neutral;
      assert.deepEqual(reportsOf(posture.measure(at(0), rest)), ["anomaly AN011 vix is missing, growth is missing"]);
      assert.deepEqual(reportsOf(posture.measure(at(1), rest)), []);
      assert.deepEqual(reportsOf(posture.measure(at(2), neutral)), []);
      assert.deepEqual(reportsOf(posture.measure(at(3), rest)), ["anomaly AN011 vix is missing, growth is missing"]);
      assert.deepEqual(posture.context().absent, ["vix", "growth"]);
    },
  },
  {
    name: "a metric that cannot exist yet is not missing: it alarms nobody, promotes nobody, and what waits is kept with its reason (S13)",
    run: (machine) => {
      const posture = beginPosture(machine);
      const { cagr: _, winRate: __, ...young } = sunny;
      const evaluate = (time: number, metrics: PlainMetrics, notYet: object) =>
        posture.send({ type: "operating.metrics.measured", at: time, metrics: { ...measuredAt(metrics, time), notYet } });
      for (const day of [0, 1, 20]) assert.deepEqual(evaluate(days(day), young, { cagr: "too young", winRate: "no trade" }), []);
      assert.equal(posture.ruleState(), "BALANCED");
      assert.deepEqual(posture.context().absent, []);
      assert.deepEqual(posture.context().metrics.cagr, { status: "notYet", value: null, at: null, why: "too young" });
      // Without a reason it is missing, and that begins now; a value outweighs a reason.
      assert.deepEqual(reportsOf(evaluate(days(21), young, { winRate: "no trade" })), ["anomaly AN011 cagr is missing"]);
      assert.deepEqual(evaluate(days(22), sunny, { cagr: "too young" }), []);
      assert.equal(posture.context().readings.cagr, 0.2);
      // What comes from outside is there or missing.
      const { vix: ___, targetCagr: ____, ...blind } = sunny;
      const strict = beginPosture(machine, { targetCagr: null });
      const told = { type: "operating.metrics.measured", at: at(0) } as const;
      const metrics = { ...measuredAt(blind, at(0)), notYet: { vix: "soon", targetCagr: "soon" } };
      assert.deepEqual(reportsOf(strict.send({ ...told, metrics })), ["anomaly AN011 vix is missing, targetCagr is missing"]);
    },
  },
  {
    name: "each metric is as old as its own time: an hour for the drawdown, a trading day for the VIX, to the millisecond (S13)",
    run: (machine) => {
      for (const [name, limitMs] of [
        ["drawdown", 3_600_000],
        ["dailyLoss", 3_600_000],
        ["circuitBreaker", 3_600_000],
        ["vix", 86_400_000],
        ["winRate", 86_400_000],
        ["consecutiveScalpLosses", 86_400_000],
      ] as const) {
        for (const [ms, stale] of [
          [0, false],
          [1, true],
        ] as const) {
          const posture = beginPosture(machine);
          const time = days(10);
          const metrics = { ...measuredAt(neutral, time), [name]: { value: neutral[name], at: time - limitMs - ms } };
          const effects = posture.send({ type: "operating.metrics.measured", at: time, metrics });
          assert.equal(posture.context().absent.includes(name), stale, name);
          assert.equal(posture.context().readings[name] === null, stale);
          if (stale) assert.deepEqual(reportsOf(effects), [`anomaly AN011 ${name} is stale`]);
          assert.equal(posture.context().metrics[name].at, time - limitMs - ms);
        }
      }
    },
  },
  {
    name: "Friday's VIX is one trading day old on Monday: a weekend does not age it",
    run: (machine) => {
      // 2024-01-05 was a Friday; the US market closed at 21:00 UTC.
      const friday = Date.UTC(2024, 0, 5, 21);
      for (const [time, stale] of [
        [Date.UTC(2024, 0, 6, 12), false],
        [Date.UTC(2024, 0, 8, 20, 59), false],
        [Date.UTC(2024, 0, 8, 21), false],
        [Date.UTC(2024, 0, 8, 21, 0, 0, 1), true],
      ] as const) {
        const posture = beginPosture(machine);
        posture.send({
          type: "operating.metrics.measured",
          at: time,
          metrics: { ...measuredAt(neutral, time), vix: { value: 22, at: friday } },
        });
        assert.equal(posture.context().absent.includes("vix"), stale, new Date(time).toISOString());
      }
    },
  },
  {
    name: "what is said of rests counts for the weekend, and a holiday ages nothing either (S13)",
    run: (machine) => {
      const hour = 3_600_000;
      const time = days(10);
      for (const [ageHours, restHours, stale] of [
        [48, 24, false],
        [49, 24, true],
        [100, 76, false],
        [25, 0, true],
      ] as const) {
        const posture = beginPosture(machine);
        const aged = { vix: { value: 22, at: time - ageHours * hour }, winRate: { value: 0.5, at: time - ageHours * hour } };
        const rest = { daysMs: restHours * hour };
        posture.send({
          type: "operating.metrics.measured",
          at: time,
          metrics: { ...measuredAt(neutral, time), ...aged, rests: { account: { ...rest, closedMs: 0 }, vix: rest } },
        });
        const expected = stale ? ["vix", "winRate"] : [];
        assert.deepEqual(posture.context().absent, expected, `${ageHours} h, ${restHours} of them rest`);
      }
    },
  },
  {
    name: "a drawdown that cannot be newer while its market is closed alarms nobody and promotes nothing, until the market has been open for its hour (S13)",
    run: (machine) => {
      const hour = 3_600_000;
      const close = days(10);
      const posture = beginPosture(machine);
      const evaluate = (afterMs: number, closed: number) => {
        const marked = { drawdown: { value: 0.01, at: close }, dailyLoss: { value: 0, at: close } };
        return posture.send({
          type: "operating.metrics.measured",
          at: close + afterMs,
          metrics: {
            ...measuredAt(neutral, close + afterMs),
            ...marked,
            rests: { account: { daysMs: 0, closedMs: closed }, vix: { daysMs: 0 } },
          },
        });
      };
      assert.deepEqual(reportsOf(evaluate(hour, hour)), []);
      assert.equal(posture.context().metrics.drawdown.status, "fresh");
      assert.equal(posture.context().readings.drawdown, 0.01);
      assert.deepEqual(reportsOf(evaluate(hour + 1, hour + 1)), []);
      assert.deepEqual(reportsOf(evaluate(17 * hour, 17 * hour)), []);
      assert.deepEqual(reportsOf(evaluate(18 * hour, 17 * hour)), []);
      assert.equal(posture.context().metrics.drawdown.status, "resting");
      assert.equal(posture.context().readings.drawdown, null);
      assert.deepEqual(posture.context().absent, []);
      assert.deepEqual(reportsOf(evaluate(18 * hour + 1, 17 * hour)), ["anomaly AN011 drawdown is stale, dailyLoss is stale"]);
    },
  },
  {
    name: "an impossible value is refused with the field's name, counts as missing, and the others still decide (S13)",
    run: (machine) => {
      for (const [name, value, sentence] of [
        ["drawdown", 5, /^anomaly AN012 drawdown is above 1: fractions, not percent; write 0.05 for 5 %$/],
        ["drawdown", -0.01, /^anomaly AN012 drawdown must not be below 0$/],
        ["vix", Number.NaN, /^anomaly AN012 vix must be a finite number$/],
        ["vix", Number.POSITIVE_INFINITY, /^anomaly AN012 vix must be a finite number$/],
        ["vix", 0, /^anomaly AN012 vix must be at least 1/],
        ["winRate", 60, /^anomaly AN012 winRate is above 1/],
        ["consecutiveScalpLosses", 1.5, /^anomaly AN012 consecutiveScalpLosses must be a whole number/],
        ["circuitBreaker", "yes", /^anomaly AN012 circuitBreaker must be true or false$/],
        ["cagr", "0.2", /^anomaly AN012 cagr must be a finite number$/],
      ] as const) {
        const posture = beginPosture(machine);
        for (const hour of [0, 1, 2]) {
          const metrics = {
            ...measuredAt({ ...neutral, dailyLoss: 0, vix: 35, drawdown: 0.2 }, at(hour)),
            [name]: { value, at: at(hour) },
          };
          const reports = reportsOf(posture.send({ type: "operating.metrics.measured", at: at(hour), metrics }));
          // Told when it begins: an endless WARNING would de-risk by itself.
          assert.equal(reports.length, hour === 0 ? 2 : 0);
          if (hour > 0) continue;
          assert.match(reports[0] ?? "", sentence);
          assert.equal(reports[1], `anomaly AN011 ${name} is refused`);
        }
        assert.equal(posture.ruleState(), "DEFENSIVE", name);
        assert.equal(posture.context().readings[name], null);
      }
    },
  },
  {
    name: "a metric from the future, older than the one before it, without a time or without a name is refused (S13)",
    run: (machine) => {
      const cases = [
        [{ vix: { value: 22, at: at(10, 2001) } }, /vix was measured in the future/],
        [{ vix: { value: 22, at: at(1) } }, /vix is older than the one before it/],
        [{ vix: { value: 22 } }, /vix needs its own time/],
        [{ vix: { value: 22, at: 1.5 } }, /vix needs its own time/],
        [{ vixx: { value: 22, at: at(10) } }, /vixx is not a metric/],
      ] as const;
      for (const [metrics, sentence] of cases) {
        const posture = beginPosture(machine);
        posture.measure(at(9), neutral);
        const reports = reportsOf(posture.send({ type: "operating.metrics.measured", at: at(10), metrics }));
        assert.match(reports[0] ?? "", sentence);
        assert.equal(posture.context().readings.vix, null);
      }
      const tolerant = beginPosture(machine);
      tolerant.send({ type: "operating.metrics.measured", at: at(10), metrics: { vix: { value: 22, at: at(10, 2000) } } });
      assert.equal(tolerant.context().readings.vix, 22);
    },
  },
  {
    name: "a body that is no object is an evaluation in which everything is missing",
    run: (machine) => {
      for (const metrics of [null, 7, "x"]) {
        const posture = beginPosture(machine, { targetCagr: null });
        posture.send({ type: "operating.metrics.measured", at: at(0), metrics });
        assert.equal(posture.context().absent.length, 10);
      }
    },
  },
];

const clocks: Rules = [
  {
    name: "an evaluation before the previous one is refused with its distance and counts for nothing",
    run: (machine) => {
      const storm = { ...neutral, vix: 35 };
      const posture = beginPosture(machine);
      posture.measure(at(0), storm);
      posture.measure(at(1), storm);
      assert.deepEqual(reportsOf(posture.measure(at(1, -1), neutral)), [
        "anomaly AN012 at is 1 ms before the previous evaluation",
      ]);
      posture.measure(at(2), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "a clock that steps back confirms nothing: two hours begin again from the step (S18)",
    run: (machine) => {
      const storm = { ...neutral, vix: 35 };
      const posture = beginPosture(machine);
      posture.measure(at(100), storm);
      posture.measure(at(101), storm);
      posture.measure(at(50), storm);
      for (const hours of [50.5, 51, 51.5]) posture.measure(at(hours), storm);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(52), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "a clock that was a year ahead does not freeze the posture for a year (S18)",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      posture.measure(days(365), neutral);
      posture.safety(days(365, 1), "FAIL");
      posture.safety(days(365, 2), "NORMAL");
      posture.measure(days(365, 3), sunny);
      // The step back: refused once, then everything counts on from here.
      assert.equal(reportsOf(posture.measure(days(1), sunny)).length, 1);
      assert.equal(posture.context().seenAt, days(1));
      assert.equal(posture.context().effective.since, days(1));
      posture.measure(days(1, 1), sunny);
      posture.measure(days(6, -1), sunny);
      assert.equal(posture.ruleState(), "DEFENSIVE");
      posture.measure(days(6), sunny);
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
  {
    name: "a clock that steps back shortens no override and lets none outlive its length",
    run: (machine) => {
      const ahead = beginPosture(machine);
      ahead.measure(days(365), neutral);
      ahead.pin(days(365), "AGGRESSIVE", days(368));
      assert.deepEqual(timersOf(ahead.measure(days(1), neutral)), [`set ${days(4)}`]);
      ahead.due(days(4));
      assert.equal(ahead.state(), "BALANCED");
      const small = pinned(machine, "BALANCED", "AGGRESSIVE");
      small.measure(at(50), neutral);
      assert.deepEqual(timersOf(small.safety(at(20), "NORMAL")), []);
      assert.equal(small.context().override?.expiresAt, at(73));
      for (const send of [
        (posture: Posture) => posture.safety(days(1), "NORMAL"),
        (posture: Posture) => posture.safety(days(1), "WARNING"),
      ]) {
        const posture = beginPosture(machine);
        posture.measure(days(365), neutral);
        posture.pin(days(365), "DEFENSIVE", days(368));
        assert.deepEqual(timersOf(send(posture)), [`set ${days(4)}`]);
      }
    },
  },
  {
    name: "whatever fact brings a step back, in any state: every time that lies in the future then is moved to it (S18)",
    run: (machine) => {
      const back = days(1);
      const facts: readonly (readonly [string, (posture: Posture) => Effects])[] = [
        ["a refused evaluation", (posture) => posture.measure(back, neutral)],
        ["safety", (posture) => posture.safety(back, "WARNING")],
        ["FAIL", (posture) => posture.safety(back, "FAIL")],
        ["an override", (posture) => posture.pin(back, "DEFENSIVE", days(3))],
        ["a cleared override", (posture) => posture.unpin(back)],
      ];
      for (const initial of ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const) {
        for (const [what, send] of facts) {
          const posture = beginPosture(machine, { initial });
          posture.measure(days(400), sunny);
          posture.pin(days(400), "BALANCED", days(403));
          posture.measure(days(401), sunny);
          const effects = send(posture);
          const { seenAt, enteredAt, lastMoveAt, evaluatedAt, effective, override, confirmations, metrics } = posture.context();
          const times = [seenAt, enteredAt, evaluatedAt, effective.since, override?.setAt ?? back, lastMoveAt ?? back];
          assert.deepEqual([what, ...times], [what, back, back, back, back, back, back]);
          for (const confirmation of Object.values(confirmations)) assert.equal(confirmation.since, back);
          for (const metric of Object.values(metrics)) assert.equal(metric.at, back);
          const ends = what === "FAIL" || what === "a cleared override";
          assert.deepEqual(timersOf(effects), ends ? ["clear"] : [`set ${days(what === "an override" ? 3 : 4)}`]);
          // From here on it is an evaluation like any other.
          assert.deepEqual(reportsOf(posture.measure(days(1, 1), sunny)), []);
        }
      }
    },
  },
  {
    name: "an evaluation that is not the newest fact, but newer than the last evaluation, is accepted after the step",
    run: (machine) => {
      const posture = beginPosture(machine);
      posture.measure(days(0), neutral);
      posture.pin(days(400), "DEFENSIVE", days(403));
      assert.deepEqual(timersOf(posture.measure(days(2), neutral)), [`set ${days(5)}`]);
      assert.equal(posture.context().evaluatedAt, days(2));
    },
  },
  {
    name: "the first fact of any kind starts the hold clock, and every fact is the newest one seen",
    run: (machine) => {
      const facts: readonly ((posture: Posture) => Effects)[] = [
        (posture) => posture.measure(at(5), neutral),
        (posture) => posture.safety(at(5), "WARNING"),
        (posture) => posture.safety(at(5), "FAIL"),
        (posture) => posture.pin(at(5), "BALANCED", at(9)),
        (posture) => posture.unpin(at(5)),
      ];
      for (const send of facts) {
        const posture = beginPosture(machine);
        send(posture);
        assert.deepEqual([posture.context().enteredAt, posture.context().seenAt], [at(5), at(5)]);
      }
    },
  },
  {
    name: "in every state: refuses what is out of order, refuses an override, asks for an early timer again",
    run: (machine) => {
      for (const initial of ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const) {
        const posture = beginPosture(machine, { initial });
        posture.measure(at(10), neutral);
        assert.equal(reportsOf(posture.measure(at(9), neutral)).length, 1);
        assert.deepEqual(rulesOf(posture.pin(at(11), "DEFENSIVE", at(10))), ["OVERRIDE_REFUSED"]);
        assert.equal(posture.context().override, null);
        posture.pin(at(12), initial, at(20));
        assert.deepEqual(timersOf(posture.due(at(19))), [`set ${at(20)}`]);
        assert.notEqual(posture.context().override, null);
        assert.deepEqual(rulesOf(posture.due(at(20))), ["OVERRIDE_EXPIRED"]);
      }
    },
  },
  {
    name: "facts that are a moment out of order are no clock step",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "DEFENSIVE" });
      posture.measure(at(10), sunny);
      posture.safety(at(10, -2000), "NORMAL");
      assert.deepEqual([posture.context().enteredAt, posture.context().seenAt], [at(10), at(10)]);
      posture.safety(at(10, -2001), "NORMAL");
      assert.deepEqual([posture.context().enteredAt, posture.context().seenAt], [at(10, -2001), at(10, -2001)]);
    },
  },
  {
    name: "a restart at any point changes nothing: two actors, one of them killed at random, say the same (S16)",
    run: (machine) => {
      const random = createRandom(18);
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const steady = beginPosture(machine);
      const killed = beginPosture(machine);
      let time = at(0);
      for (let step = 0; step < 1500; step += 1) {
        time += pick([0, 1, 60_000, 3_600_000, 86_400_000, -500, -7_200_000]);
        const metrics = pick([neutral, sunny, sunny, { ...neutral, vix: 35 }, { ...sunny, circuitBreaker: true }, {}]);
        const state = pick(["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const);
        const safety = pick(["NORMAL", "NORMAL", "NORMAL", "WARNING", "FAIL", "LOCKDOWN"] as const);
        const length = pick([3_600_000, 86_400_000, 7 * 86_400_000, 8 * 86_400_000]);
        const what = pick(["measure", "measure", "measure", "measure", "safety", "pin", "unpin", "due"] as const);
        const act = (posture: Posture) => {
          if (what === "measure") return posture.measure(time, metrics);
          if (what === "safety") return posture.safety(time, safety);
          if (what === "pin") return posture.pin(time, state, time + length);
          return what === "unpin" ? posture.unpin(time) : posture.due(time);
        };
        assert.deepEqual(act(killed), act(steady), `step ${step}: ${what}`);
        if (random() < 0.2) killed.restart();
        assert.deepEqual(killed.context(), steady.context());
        const { override, effective, safety: now } = killed.context();
        assert.ok(override === null || override.expiresAt - override.setAt <= 7 * 86_400_000);
        assert.ok(now !== "FAIL" || effective.state === "DEFENSIVE");
      }
    },
  },
];

export const personScenarios: Rules = [...overrides, ...inputs, ...clocks];
