/** When rules move the state: boundaries, durations, readings, safety (spec S10–S14). */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { OperatingInput, OperatingState, ReadingDetails } from "#machines/operating-state.policy.ts";
import { oracleMoves } from "../core/state/posture-oracle.ts";
import { neutral, type PlainMetrics, postureSeries, sunny } from "../core/state/posture-series.ts";
import type { Scenario } from "./drive.ts";
import {
  announcementsOf,
  at,
  beginPosture,
  days,
  historyOf,
  type OperatingMachine,
  operatingDefaults,
  type Posture,
  rulesOf,
} from "./operating-state.drive.ts";

type Rules = readonly Scenario<OperatingMachine>[];

/** Three hourly evaluations: what de-risking needs. */
const afterThreeHours = (machine: OperatingMachine, initial: OperatingState, metrics: PlainMetrics): string => {
  const posture = beginPosture(machine, { initial });
  for (const hour of [0, 1, 2]) posture.measure(at(hour), metrics);
  return posture.ruleState();
};
/** Two evaluations, so far apart that every promotion has been held long enough. */
const afterTwentyDays = (machine: OperatingMachine, initial: OperatingState, metrics: PlainMetrics): string => {
  const posture = beginPosture(machine, { initial });
  for (const day of [0, 20]) posture.measure(days(day), metrics);
  return posture.ruleState();
};

/** [metric, below, at, above] and which of the three satisfies the clause. */
type Boundary = readonly [keyof PlainMetrics, readonly [number, number, number], readonly [boolean, boolean, boolean]];
const above = [false, false, true] as const;
const below = [true, false, false] as const;
const atLeast = [false, true, true] as const;

const derisking: readonly (readonly [OperatingState, OperatingState, readonly Boundary[]])[] = [
  [
    "AGGRESSIVE",
    "BALANCED",
    [
      ["drawdown", [0.0499, 0.05, 0.05001], above],
      ["vix", [24.99, 25, 25.01], above],
      ["consecutiveScalpLosses", [4, 5, 6], above],
      ["dailyLoss", [0.0199, 0.02, 0.02001], above],
    ],
  ],
  [
    "BALANCED",
    "DEFENSIVE",
    [
      ["drawdown", [0.0999, 0.1, 0.10001], above],
      ["vix", [29.99, 30, 30.01], above],
    ],
  ],
];
const rerisking: readonly (readonly [OperatingState, OperatingState, readonly Boundary[]])[] = [
  [
    "DEFENSIVE",
    "BALANCED",
    [
      ["drawdown", [0.0499, 0.05, 0.05001], below],
      ["vix", [19.99, 20, 20.01], below],
      ["profitableDays", [2, 3, 4], atLeast],
    ],
  ],
  [
    "BALANCED",
    "AGGRESSIVE",
    [
      ["cagr", [0.1499, 0.15, 0.1501], above],
      ["vix", [14.99, 15, 15.01], below],
      ["growth", [0.0999, 0.1, 0.1001], above],
      ["winRate", [0.5999, 0.6, 0.6001], above],
    ],
  ],
];
const words = ["just below", "exactly at", "just above"] as const;

const boundaries: Rules = [
  ...derisking.flatMap(([from, to, table]) =>
    table.flatMap(([metric, values, moves]) =>
      values.map((value, index) => ({
        name: `${from} with ${metric} ${words[index]} the limit (${value}) ${moves[index] ? `goes to ${to}` : "stays"}`,
        run: (machine: OperatingMachine) => {
          const quiet: PlainMetrics = { ...neutral, drawdown: 0.02 };
          assert.equal(afterThreeHours(machine, from, { ...quiet, [metric]: value }), moves[index] ? to : from);
        },
      })),
    ),
  ),
  ...rerisking.flatMap(([from, to, table]) =>
    table.flatMap(([metric, values, moves]) =>
      values.map((value, index) => ({
        name: `${from} with ${metric} ${words[index]} the limit (${value}) ${moves[index] ? `may go to ${to}` : "stays"}`,
        run: (machine: OperatingMachine) => {
          assert.equal(afterTwentyDays(machine, from, { ...sunny, [metric]: value }), moves[index] ? to : from);
        },
      })),
    ),
  ),
  ...rerisking.flatMap(([from, , table]) =>
    table.map(([metric]) => ({
      name: `${from} stays when ${metric} is unknown: missing is not calm (S13)`,
      run: (machine: OperatingMachine) => {
        const { [metric]: _, ...rest } = sunny;
        assert.equal(afterTwentyDays(machine, from, rest), from);
      },
    })),
  ),
  {
    name: "an unknown target promotes nobody",
    run: (machine) => {
      const { targetCagr: _, ...rest } = sunny;
      const posture = beginPosture(machine, { targetCagr: null });
      for (const day of [0, 20]) posture.measure(days(day), rest);
      assert.equal(posture.ruleState(), "BALANCED");
      const configured = beginPosture(machine, { targetCagr: 0.19 });
      for (const day of [0, 20]) configured.measure(days(day), rest);
      assert.equal(configured.ruleState(), "AGGRESSIVE");
    },
  },
  {
    name: "unknown inputs demote nobody by themselves",
    run: (machine) => {
      for (const initial of ["AGGRESSIVE", "BALANCED"] as const) assert.equal(afterThreeHours(machine, initial, {}), initial);
    },
  },
];

const durations: Rules = [
  {
    name: "a rule is confirmed at the third hourly evaluation, not at the second (S12)",
    run: (machine) => {
      const posture = beginPosture(machine);
      const storm = { ...neutral, vix: 35 };
      assert.deepEqual(rulesOf([...posture.measure(at(0), storm), ...posture.measure(at(1), storm)]), []);
      assert.deepEqual(rulesOf(posture.measure(at(2), storm)), ["B_TO_D"]);
    },
  },
  {
    name: "two hours are two hours at a minute cycle: one millisecond short does not confirm, exactly two hours do (S12)",
    run: (machine) => {
      const posture = beginPosture(machine);
      const storm = { ...neutral, vix: 35 };
      for (let minute = 0; minute < 120; minute += 1) posture.measure(at(0, minute * 60_000), storm);
      posture.measure(at(2, -1), storm);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(2), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "one evaluation is never enough, and as many as configured are needed",
    run: (machine) => {
      const storm = { ...neutral, vix: 35 };
      const posture = beginPosture(machine, { confirmation: { cycles: 4, hours: 2 } });
      for (const hour of [0, 2, 4]) posture.measure(at(hour), storm);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(6), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "two evaluations at the same time count once (S12)",
    run: (machine) => {
      const storm = { ...neutral, vix: 35 };
      const posture = beginPosture(machine, { confirmation: { cycles: 2, hours: 0 } });
      posture.measure(at(0), storm);
      posture.measure(at(0), storm);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(0, 1), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "an evaluation in which the rule is false starts the confirmation over",
    run: (machine) => {
      const storm = { ...neutral, vix: 35 };
      const posture = beginPosture(machine);
      posture.measure(at(0), storm);
      posture.measure(at(1), neutral);
      posture.measure(at(2), storm);
      posture.measure(at(3), storm);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(4), storm);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "the rule must stay true, its clause may change; the clauses of the last evaluation are recorded (S12)",
    run: (machine) => {
      const posture = beginPosture(machine);
      posture.measure(at(0), { ...neutral, vix: 35 });
      posture.measure(at(1), { ...neutral, drawdown: 0.2 });
      const [entry] = historyOf(posture.measure(at(2), { ...neutral, drawdown: 0.2, vix: 31 }));
      assert.deepEqual(entry?.clauses, ["drawdown>0.1", "vix>30"]);
    },
  },
  {
    name: "a missing input resets like a false one",
    run: (machine) => {
      const posture = beginPosture(machine);
      posture.measure(at(0), { ...neutral, vix: 35 });
      posture.measure(at(1), {});
      posture.measure(at(2), { ...neutral, vix: 35 });
      posture.measure(at(3), { ...neutral, vix: 35 });
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
  ...(
    [
      ["DEFENSIVE", 5, "BALANCED"],
      ["BALANCED", 10, "AGGRESSIVE"],
    ] as const
  ).flatMap(([from, wanted, to]) =>
    (
      [
        ["one millisecond short of", -1, from],
        ["exactly", 0, to],
        ["over", 1, to],
      ] as const
    ).map(([word, ms, expected]) => ({
      name: `${from} held ${word} ${wanted} days: ${expected === from ? "stays" : `goes to ${to}`}`,
      run: (machine: OperatingMachine) => {
        const posture = beginPosture(machine, { initial: from });
        posture.measure(days(0), sunny);
        posture.measure(days(wanted, ms), sunny);
        assert.equal(posture.ruleState(), expected);
      },
    })),
  ),
  {
    name: "D→B needs the larger of its own days and the minimum stay, and B→A too",
    run: (machine) => {
      const stay = { AGGRESSIVE: 7, BALANCED: 12, DEFENSIVE: 8 };
      for (const [initial, wanted] of [
        ["DEFENSIVE", 8],
        ["BALANCED", 12],
      ] as const) {
        const posture = beginPosture(machine, { initial, minimumStayDays: stay });
        posture.measure(days(0), sunny);
        posture.measure(days(wanted, -1), sunny);
        assert.equal(posture.ruleState(), initial);
        const [entry] = historyOf(posture.measure(days(wanted), sunny));
        assert.equal(entry?.clauses.at(-1), `held_days>=${wanted}`);
      }
    },
  },
  {
    name: "held is asked at the moment of the move only: the confirmation runs while the state is too young",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "DEFENSIVE" });
      for (let hour = 0; hour < 5 * 24; hour += 1) posture.measure(at(hour), sunny);
      assert.equal(posture.ruleState(), "DEFENSIVE");
      posture.measure(days(5), sunny);
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
  {
    name: "the cooldown counts from the last transition, forced ones included, and ends inclusively",
    run: (machine) => {
      for (const [ms, expected] of [
        [-1, "DEFENSIVE"],
        [0, "BALANCED"],
      ] as const) {
        const posture = beginPosture(machine, { cooldownHours: 240 });
        posture.measure(at(0), neutral);
        posture.safety(at(1), "FAIL");
        posture.safety(at(2), "NORMAL");
        posture.measure(at(3), sunny);
        posture.measure(at(241, ms), sunny);
        assert.equal(posture.ruleState(), expected);
      }
    },
  },
  {
    name: "de-risking waits for no minimum stay and no cooldown",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      const crash = { ...neutral, drawdown: 0.3 };
      const moves = [0, 1, 2, 3].map((hour) => rulesOf(posture.measure(at(hour), crash)));
      assert.deepEqual(moves, [[], [], ["A_TO_B"], ["B_TO_D"]]);
    },
  },
  {
    name: "one step per evaluation, but the B→D confirmation has already run in AGGRESSIVE",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      posture.measure(at(0), { ...neutral, vix: 26 });
      posture.measure(at(1), { ...neutral, vix: 31 });
      posture.measure(at(2), { ...neutral, vix: 31 });
      assert.equal(posture.ruleState(), "BALANCED");
      // B→D has been true since 01:00 only.
      posture.measure(at(2, 1), { ...neutral, vix: 31 });
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(3), { ...neutral, vix: 31 });
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "whatever demotes BALANCED also demotes AGGRESSIVE, even where its own limit is higher",
    run: (machine) => {
      const { rules } = operatingDefaults;
      const given: Partial<OperatingInput> = {
        initial: "AGGRESSIVE",
        rules: { ...rules, aggressiveToBalanced: { ...rules.aggressiveToBalanced, vixAbove: 50 } },
      };
      const posture = beginPosture(machine, given);
      for (const hour of [0, 1]) posture.measure(at(hour), { ...neutral, vix: 35 });
      const [entry] = historyOf(posture.measure(at(2), { ...neutral, vix: 35 }));
      assert.deepEqual([entry?.rule, entry?.clauses], ["A_TO_B", ["vix>30"]]);
    },
  },
  {
    name: "no second step in a repeated evaluation, and none begins its confirmation there",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      const crash = { ...neutral, drawdown: 0.3 };
      for (const hour of [0, 1, 2, 2]) posture.measure(at(hour), crash);
      assert.equal(posture.ruleState(), "BALANCED");
      const up = beginPosture(machine, { initial: "DEFENSIVE" });
      for (const day of [0, 5, 5, 15]) up.measure(days(day), sunny);
      assert.equal(up.ruleState(), "BALANCED");
      up.measure(days(16), sunny);
      assert.equal(up.ruleState(), "AGGRESSIVE");
    },
  },
  {
    name: "facts between evaluations move nobody: only an evaluation follows a rule",
    run: (machine) => {
      // Confirmed, and the stay ends before the next evaluation.
      for (const [initial, stay] of [
        ["BALANCED", 10],
        ["DEFENSIVE", 5],
      ] as const) {
        const posture = beginPosture(machine, { initial });
        posture.measure(days(0), sunny);
        posture.measure(days(stay, -1), sunny);
        const later = days(stay + 1);
        for (const effects of [posture.due(later, "other"), posture.safety(later + 1, "NORMAL"), posture.unpin(later + 2)])
          assert.deepEqual(rulesOf(effects), []);
        // Nor does an evaluation that is refused.
        posture.measure(days(stay, -2), sunny);
        assert.equal(posture.ruleState(), initial);
      }
    },
  },
  {
    name: "B→A waits for the cooldown, and so does A→B where the reading says so",
    run: (machine) => {
      const posture = beginPosture(machine, { cooldownHours: 480, readingDetails: { cooldownDelaysDerisking: true } });
      posture.pin(days(0), "DEFENSIVE", days(1));
      posture.unpin(days(0, 1));
      assert.equal(posture.ruleState(), "DEFENSIVE");
      posture.measure(days(1), sunny);
      posture.measure(days(20, 1), sunny);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(days(31), sunny);
      posture.measure(days(40), sunny);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(days(40, 1), sunny);
      assert.equal(posture.ruleState(), "AGGRESSIVE");
      for (const ms of [3_600_001, 7_200_001, 10_800_001]) posture.measure(days(40, ms), { ...neutral, drawdown: 0.3 });
      assert.equal(posture.ruleState(), "AGGRESSIVE");
      posture.measure(days(60, 1), { ...neutral, drawdown: 0.3 });
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
];

const details = (given: Partial<ReadingDetails>): Partial<OperatingInput> => ({ readingDetails: given });

const readings: Rules = [
  {
    name: "circuit breaker: no confirmation, BALANCED goes at once and AGGRESSIVE one step each evaluation",
    run: (machine) => {
      const halted = { ...neutral, circuitBreaker: true };
      const balanced = beginPosture(machine);
      assert.deepEqual(historyOf(balanced.measure(at(0), halted))[0]?.clauses, ["circuit_breaker"]);
      const bold = beginPosture(machine, { initial: "AGGRESSIVE" });
      assert.deepEqual(rulesOf(bold.measure(at(0), halted)), ["A_TO_B"]);
      assert.deepEqual(rulesOf(bold.measure(at(0, 1), halted)), ["B_TO_D"]);
    },
  },
  {
    name: "circuitBreakerNeedsConfirmation: it waits like any clause",
    run: (machine) => {
      const posture = beginPosture(machine, details({ circuitBreakerNeedsConfirmation: true }));
      const moves = [0, 1, 2].map((hour) => rulesOf(posture.measure(at(hour), { ...neutral, circuitBreaker: true })));
      assert.deepEqual(moves, [[], [], ["B_TO_D"]]);
    },
  },
  {
    name: "safety WARNING needs confirmation and demotes AGGRESSIVE too",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      posture.safety(at(0), "WARNING");
      const moves = [0, 1, 2, 3].map((hour) => historyOf(posture.measure(at(hour), neutral)));
      assert.deepEqual(
        moves.flat().map(({ rule, clauses }) => [rule, clauses]),
        [
          ["A_TO_B", ["safety=WARNING"]],
          ["B_TO_D", ["safety=WARNING"]],
        ],
      );
      const brief = beginPosture(machine);
      brief.safety(at(0), "WARNING");
      brief.measure(at(0, 1), neutral);
      brief.safety(at(1), "NORMAL");
      for (const hour of [1, 2, 3]) brief.measure(at(hour), neutral);
      assert.equal(brief.ruleState(), "BALANCED");
    },
  },
  {
    name: "holdDelaysDerisking: AGGRESSIVE stays seven days, BALANCED five, to the millisecond",
    run: (machine) => {
      for (const [initial, wanted] of [
        ["AGGRESSIVE", 7],
        ["BALANCED", 5],
      ] as const) {
        const posture = beginPosture(machine, { initial, ...details({ holdDelaysDerisking: true }) });
        posture.measure(days(0), { ...neutral, drawdown: 0.3 });
        posture.measure(days(wanted, -1), { ...neutral, drawdown: 0.3 });
        assert.equal(posture.ruleState(), initial);
        posture.measure(days(wanted), { ...neutral, drawdown: 0.3 });
        assert.notEqual(posture.ruleState(), initial);
      }
    },
  },
  {
    name: "cooldownDelaysDerisking: a day passes between two steps down",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE", ...details({ cooldownDelaysDerisking: true }) });
      const crash = { ...neutral, drawdown: 0.3 };
      for (const hour of [0, 1, 2]) posture.measure(at(hour), crash);
      posture.measure(at(26, -1), crash);
      assert.equal(posture.ruleState(), "BALANCED");
      posture.measure(at(26), crash);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "aggressiveHeedsDefensiveRule off: AGGRESSIVE knows its own clauses only",
    run: (machine) => {
      for (const metrics of [{ ...neutral, circuitBreaker: true }, neutral]) {
        const posture = beginPosture(machine, { initial: "AGGRESSIVE", ...details({ aggressiveHeedsDefensiveRule: false }) });
        posture.safety(at(0), "WARNING");
        for (const hour of [0, 1, 2, 3]) posture.measure(at(hour), metrics);
        assert.equal(posture.ruleState(), "AGGRESSIVE");
      }
    },
  },
  {
    name: "confirmsOneStateAhead off: B→D starts from nothing in BALANCED",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE", ...details({ confirmsOneStateAhead: false }) });
      const moves = [0, 1, 2, 3, 4, 5].map((hour) => rulesOf(posture.measure(at(hour), { ...neutral, drawdown: 0.3 })));
      assert.deepEqual(moves, [[], [], ["A_TO_B"], [], [], ["B_TO_D"]]);
    },
  },
  {
    name: "promotionsAreGuarded: a guard is confirmed with its rule, so one good hour after a bad one promotes nobody (S12)",
    run: (machine) => {
      /** Sunny for longer than any stay, disturbed, and sunny again: two hours later, not before, the promotion comes. */
      const promotesAfterTwoHours = (initial: OperatingState, disturb: (posture: Posture) => void): void => {
        const to = initial === "DEFENSIVE" ? "BALANCED" : "AGGRESSIVE";
        const posture = beginPosture(machine, { initial });
        posture.measure(days(0), sunny);
        disturb(posture);
        for (const hour of [0, 1, 2]) {
          assert.equal(posture.ruleState(), initial);
          posture.measure(days(10, hour * 3_600_000 + 1), sunny);
        }
        assert.equal(posture.ruleState(), to);
        const unguarded = beginPosture(machine, { initial, ...details({ promotionsAreGuarded: false }) });
        unguarded.measure(days(0), sunny);
        disturb(unguarded);
        unguarded.measure(days(10, 1), sunny);
        assert.equal(unguarded.ruleState(), to);
      };
      for (const disturbance of [{ drawdown: 0.06 }, { consecutiveScalpLosses: 6 }, { dailyLoss: 0.03 }])
        promotesAfterTwoHours("BALANCED", (posture) => posture.measure(days(10, -1), { ...sunny, ...disturbance }));
      promotesAfterTwoHours("DEFENSIVE", (posture) => {
        posture.measure(days(5, -1), { ...sunny, circuitBreaker: true });
      });
      // It came and went between two evaluations: the machine was told all the same.
      for (const initial of ["BALANCED", "DEFENSIVE"] as const)
        for (const safety of ["WARNING", "UNKNOWN"] as const)
          promotesAfterTwoHours(initial, (posture) => {
            posture.safety(days(5, -3), safety);
            posture.restart();
            posture.safety(days(5, -2), "NORMAL");
          });
      promotesAfterTwoHours("BALANCED", (posture) => {
        posture.safety(days(10, -3), "WARNING");
        posture.measure(days(10, -2), sunny);
        posture.safety(days(10, -1), "NORMAL");
      });
    },
  },
  {
    name: "a WARNING between two evaluations ends no confirmation of a step down",
    run: (machine) => {
      const posture = beginPosture(machine);
      const crash = { ...neutral, drawdown: 0.3 };
      posture.measure(at(0), crash);
      posture.safety(at(1), "WARNING");
      posture.safety(at(1, 1), "NORMAL");
      posture.measure(at(2), crash);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "promotionNeedsEveryInput: an unknown input of the target's demotion rule holds a promotion back",
    run: (machine) => {
      for (const [initial, metric] of [
        ["BALANCED", "drawdown"],
        ["BALANCED", "consecutiveScalpLosses"],
        ["BALANCED", "circuitBreaker"],
        ["DEFENSIVE", "circuitBreaker"],
      ] as const) {
        const { [metric]: _, ...rest } = sunny;
        for (const [strict, moves] of [
          [true, false],
          [false, true],
        ] as const) {
          const posture = beginPosture(machine, { initial, promotionNeedsEveryInput: strict });
          for (const day of [0, 20]) posture.measure(days(day), rest);
          assert.equal(posture.ruleState() !== initial, moves);
        }
      }
    },
  },
  {
    name: "releaseAlwaysToBalanced: LOCKDOWN even lifts DEFENSIVE",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "DEFENSIVE", ...details({ releaseAlwaysToBalanced: true }) });
      posture.safety(at(0), "LOCKDOWN");
      posture.measure(at(1), neutral);
      posture.safety(at(2), "NORMAL");
      assert.deepEqual(rulesOf(posture.measure(at(3), neutral)), ["LOCKDOWN_RESUME"]);
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
  {
    name: "lockdownCountsAsHeld: otherwise the hold clock restarts at the first evaluation after LOCKDOWN",
    run: (machine) => {
      for (const [counts, day] of [
        [true, 6],
        [false, 11],
      ] as const) {
        const posture = beginPosture(machine, { initial: "DEFENSIVE", ...details({ lockdownCountsAsHeld: counts }) });
        posture.measure(days(0), sunny);
        posture.safety(days(1), "LOCKDOWN");
        posture.safety(days(6, -2), "NORMAL");
        posture.measure(days(6, -1), sunny);
        posture.measure(days(day, -2), sunny);
        assert.equal(posture.ruleState(), "DEFENSIVE");
        posture.measure(days(day, 2 * 3_600_000), sunny);
        assert.equal(posture.ruleState(), "BALANCED");
      }
    },
  },
  {
    name: "literal sets every key the other way, and a single key may differ from its reading (S11)",
    run: (machine) => {
      const one = beginPosture(machine).context().policy.details;
      const other = beginPosture(machine, { reading: "literal" }).context().policy.details;
      for (const key of Object.keys(one) as (keyof ReadingDetails)[]) assert.equal(one[key], !other[key], key);
      const mixed = beginPosture(machine, { reading: "literal", ...details({ promotionsAreGuarded: true }) });
      assert.deepEqual(mixed.context().policy.details, { ...other, promotionsAreGuarded: true });
    },
  },
  {
    name: "agrees with the words of the spec on two hundred random series, both readings, restarted at random",
    run: (machine) => {
      const series = fc.sample(fc.tuple(postureSeries, fc.constantFrom("A", "B", "D"), fc.nat()), { seed: 4, numRuns: 200 });
      const initials = { A: "AGGRESSIVE", B: "BALANCED", D: "DEFENSIVE" } as const;
      for (const [rows, initial, cut] of series) {
        const literal = cut % 2 === 0;
        const posture = beginPosture(machine, {
          reading: literal ? "literal" : "safety-first",
          initial: initials[initial],
          targetCagr: null,
        });
        const moves: unknown[] = [];
        rows.forEach((row, index) => {
          const effects = [
            ...(row.safety === posture.context().safety ? [] : posture.safety(row.at, row.safety)),
            ...posture.send({ type: "operating.metrics.measured", at: row.at, metrics: row.metrics }),
          ];
          for (const { at: time, from, to, rule } of historyOf(effects)) moves.push({ at: time, from, to, rule });
          if ((index + cut) % 5 === 0) posture.restart();
        });
        assert.deepEqual(moves, oracleMoves(rows, { literal, initial }));
      }
    },
  },
];

const safety: Rules = [
  {
    name: "FAIL forces DEFENSIVE at that fact, without hold, cooldown or confirmation, and is announced (S14)",
    run: (machine) => {
      for (const initial of ["AGGRESSIVE", "BALANCED"] as const) {
        const posture = beginPosture(machine, { initial });
        posture.measure(at(0), neutral);
        const effects = posture.safety(at(0, 1), "FAIL");
        assert.equal(posture.ruleState(), "DEFENSIVE");
        assert.deepEqual(announcementsOf(effects), [`${initial}>DEFENSIVE SAFETY_FAIL`]);
        const [entry] = historyOf(effects);
        assert.deepEqual(
          [entry?.at, entry?.from, entry?.to, entry?.rule, entry?.clauses, entry?.reason, entry?.metrics.vix],
          [at(0, 1), initial, "DEFENSIVE", "SAFETY_FAIL", ["safety=FAIL"], "safety_fail_force_defensive: now FAIL", 22],
        );
        assert.deepEqual([posture.context().enteredAt, posture.context().lastMoveAt], [at(0, 1), at(0, 1)]);
        assert.equal(posture.context().safety, "FAIL");
      }
    },
  },
  {
    name: "FAIL in DEFENSIVE is no transition: it does not restart the stay",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "DEFENSIVE" });
      posture.measure(days(0), sunny);
      assert.deepEqual(posture.safety(days(4), "FAIL"), []);
      posture.safety(days(4, 1), "NORMAL");
      for (const ms of [2, 3_600_002, 7_200_002]) posture.measure(days(5, ms), sunny);
      assert.equal(posture.ruleState(), "BALANCED");
    },
  },
  {
    name: "FAIL after LOCKDOWN restarts the stay in DEFENSIVE: no time in LOCKDOWN counts as held, unless the reading says so (S14)",
    run: (machine) => {
      for (const [counts, wanted] of [
        [false, 9],
        [true, 5],
      ] as const) {
        const posture = beginPosture(machine, { initial: "DEFENSIVE", ...details({ lockdownCountsAsHeld: counts }) });
        posture.measure(days(0), sunny);
        posture.safety(days(1), "LOCKDOWN");
        posture.restart();
        posture.safety(days(4), "FAIL");
        posture.safety(days(4, 1), "NORMAL");
        posture.measure(days(4, 2), sunny);
        // Released before an evaluation saw the FAIL, the resume restarts it once more.
        posture.measure(days(wanted, -1), sunny);
        assert.equal(posture.ruleState(), "DEFENSIVE");
        posture.measure(days(wanted, 2), sunny);
        assert.equal(posture.ruleState(), "BALANCED");
        const seen = beginPosture(machine, { initial: "DEFENSIVE", ...details({ lockdownCountsAsHeld: counts }) });
        seen.measure(days(0), sunny);
        seen.safety(days(1), "LOCKDOWN");
        seen.measure(days(2), sunny);
        seen.safety(days(4), "FAIL");
        seen.measure(days(4), sunny);
        assert.equal(seen.context().enteredAt, counts ? days(0) : days(4));
        seen.measure(days(4, 1), sunny);
        assert.equal(seen.context().enteredAt, counts ? days(0) : days(4));
      }
    },
  },
  {
    name: "FAIL and LOCKDOWN reset every confirmation and evaluate no rule (S14)",
    run: (machine) => {
      for (const state of ["FAIL", "LOCKDOWN"] as const) {
        const posture = beginPosture(machine, { initial: "DEFENSIVE" });
        posture.measure(days(0), sunny);
        posture.measure(days(6, -1), { ...sunny, vix: 21 });
        posture.measure(days(6), sunny);
        posture.safety(days(6, 1), state);
        assert.deepEqual(posture.context().confirmations, {});
        posture.measure(days(7), sunny);
        posture.measure(days(20), sunny);
        assert.deepEqual(posture.context().confirmations, {});
        assert.equal(posture.ruleState(), "DEFENSIVE");
        posture.safety(days(21), "NORMAL");
        posture.measure(days(21, 1), sunny);
        posture.measure(days(21, 2), sunny);
        assert.equal(posture.ruleState(), "DEFENSIVE");
      }
      const storm = beginPosture(machine, { initial: "AGGRESSIVE" });
      storm.safety(at(0), "LOCKDOWN");
      for (const hour of [0, 1, 2, 3]) storm.measure(at(hour), { ...neutral, drawdown: 0.5, circuitBreaker: true });
      assert.equal(storm.ruleState(), "AGGRESSIVE");
    },
  },
  {
    name: "LOCKDOWN keeps the state; its release takes AGGRESSIVE to BALANCED at the first evaluation, others stay (S14)",
    run: (machine) => {
      for (const [initial, expected] of [
        ["AGGRESSIVE", "BALANCED"],
        ["BALANCED", "BALANCED"],
        ["DEFENSIVE", "DEFENSIVE"],
      ] as const) {
        const posture = beginPosture(machine, { initial });
        posture.measure(at(0), neutral);
        assert.deepEqual(posture.safety(at(1), "LOCKDOWN"), []);
        posture.measure(at(2), neutral);
        assert.equal(posture.ruleState(), initial);
        const released = posture.safety(at(3), "NORMAL");
        // In force at once, so that nobody trades boldly between the release and the evaluation.
        assert.equal(posture.state(), expected);
        assert.deepEqual(announcementsOf(released), initial === expected ? [] : ["AGGRESSIVE>BALANCED LOCKDOWN_RESUME"]);
        const history = historyOf(posture.measure(at(4), neutral));
        assert.equal(posture.ruleState(), expected);
        assert.deepEqual(
          history.map(({ from, to, rule, clauses, reason }) => [from, to, rule, clauses, reason]),
          initial === expected
            ? []
            : [["AGGRESSIVE", "BALANCED", "LOCKDOWN_RESUME", ["safety=NORMAL"], "lockdown_release_conservative"]],
        );
        assert.equal(posture.context().enteredAt, at(4));
        assert.equal(posture.context().lockdown, false);
        posture.measure(at(5), neutral);
        assert.equal(posture.context().enteredAt, at(4));
      }
    },
  },
  {
    name: "rules are evaluated in the same step as the resume (S14)",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      posture.safety(at(0), "LOCKDOWN");
      posture.safety(at(1), "NORMAL");
      assert.deepEqual(rulesOf(posture.measure(at(2), { ...neutral, circuitBreaker: true })), ["LOCKDOWN_RESUME", "B_TO_D"]);
      const counting = beginPosture(machine, { initial: "AGGRESSIVE" });
      counting.safety(at(0), "LOCKDOWN");
      counting.safety(at(1), "WARNING");
      for (const hour of [2, 3]) counting.measure(at(hour), neutral);
      assert.deepEqual(rulesOf(counting.measure(at(4), neutral)), ["B_TO_D"]);
    },
  },
  {
    name: "FAIL after LOCKDOWN is DEFENSIVE, and no resume follows it",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE", reading: "literal" });
      posture.safety(at(0), "LOCKDOWN");
      posture.safety(at(1), "FAIL");
      posture.measure(at(2), neutral);
      posture.safety(at(3), "NORMAL");
      assert.deepEqual(rulesOf(posture.measure(at(4), neutral)), []);
      assert.equal(posture.ruleState(), "DEFENSIVE");
    },
  },
  {
    name: "a LOCKDOWN that came and went between two evaluations is still settled at the next one",
    run: (machine) => {
      const posture = beginPosture(machine, { initial: "AGGRESSIVE" });
      posture.measure(at(0), neutral);
      posture.safety(at(0, 1), "LOCKDOWN");
      posture.safety(at(0, 2), "NORMAL");
      posture.restart();
      assert.deepEqual(rulesOf(posture.measure(at(1), neutral)), ["LOCKDOWN_RESUME"]);
    },
  },
  {
    name: "a step is announced with its rule and clauses, and recorded with the metrics that decided (S16)",
    run: (machine) => {
      const posture = beginPosture(machine);
      for (const hour of [0, 1]) posture.measure(at(hour), { ...neutral, vix: 35 });
      const effects = posture.measure(at(2), { ...neutral, vix: 35 });
      assert.deepEqual(effects, [
        {
          type: "operating.history.append",
          entry: {
            at: at(2),
            from: "BALANCED",
            to: "DEFENSIVE",
            rule: "B_TO_D",
            clauses: ["vix>30"],
            metrics: { ...neutral, vix: 35 },
            operator: null,
            reason: "vix>30",
            pinned: null,
          },
        },
        { type: "operating.announce", from: "BALANCED", to: "DEFENSIVE", rule: "B_TO_D", reason: "vix>30" },
      ]);
      assert.deepEqual(posture.context().effective, { state: "DEFENSIVE", since: at(2), rule: "B_TO_D", reason: "vix>30" });
      assert.equal(posture.context().lastMoveAt, at(2));
    },
  },
  {
    name: "starts as configured, in force since the first fact",
    run: (machine) => {
      for (const initial of ["AGGRESSIVE", "BALANCED", "DEFENSIVE"] as const) {
        const posture = beginPosture(machine, { initial });
        assert.deepEqual([posture.ruleState(), posture.state(), posture.context().effective.since], [initial, initial, null]);
        posture.measure(at(5), neutral);
        assert.deepEqual([posture.context().enteredAt, posture.context().effective.since], [at(5), at(5)]);
        posture.measure(at(6), neutral);
        assert.deepEqual([posture.context().enteredAt, posture.context().effective.since], [at(5), at(5)]);
      }
    },
  },
];

export const ruleScenarios: Rules = [...boundaries, ...durations, ...readings, ...safety];
