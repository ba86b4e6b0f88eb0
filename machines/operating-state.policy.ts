/**
 * The operating state's policy: the configuration's `operating` section with its reading spelled out.
 *
 * Seed 004 §6.2 can be read in more than one way. Each difference is a key of its own, and `reading` sets them together:
 * "safety-first" resolves every ambiguity towards less risk, "literal" takes the seed word by word (spec S11).
 */
import type { OperatingState } from "./facts/safety.ts";

export { type OperatingState, operatingStates } from "./facts/safety.ts";

/** Less is safer. */
const risk: { readonly [S in OperatingState]: number } = { AGGRESSIVE: 2, BALANCED: 1, DEFENSIVE: 0 };
export const lowerRisk = (a: OperatingState, b: OperatingState): OperatingState => (risk[a] <= risk[b] ? a : b);
export const raisesRisk = (from: OperatingState, to: OperatingState): boolean => risk[to] > risk[from];

export type Reading = "safety-first" | "literal";

export interface ReadingDetails {
  /** Minimum stay also delays de-risking moves. */
  readonly holdDelaysDerisking: boolean;
  /** The cooldown also delays de-risking moves. */
  readonly cooldownDelaysDerisking: boolean;
  /** A market circuit breaker waits for confirmation like any other clause. */
  readonly circuitBreakerNeedsConfirmation: boolean;
  /** What demotes BALANCED also demotes AGGRESSIVE. */
  readonly aggressiveHeedsDefensiveRule: boolean;
  /** In AGGRESSIVE the confirmation of BALANCED → DEFENSIVE already runs. */
  readonly confirmsOneStateAhead: boolean;
  /** No promotion while safety is not NORMAL or the target's own demotion rule is true. */
  readonly promotionsAreGuarded: boolean;
  /** Release from LOCKDOWN goes to BALANCED even from DEFENSIVE. */
  readonly releaseAlwaysToBalanced: boolean;
  /** Time in LOCKDOWN counts as held. */
  readonly lockdownCountsAsHeld: boolean;
}

const readings: { readonly [R in Reading]: ReadingDetails } = {
  "safety-first": {
    holdDelaysDerisking: false,
    cooldownDelaysDerisking: false,
    circuitBreakerNeedsConfirmation: false,
    aggressiveHeedsDefensiveRule: true,
    confirmsOneStateAhead: true,
    promotionsAreGuarded: true,
    releaseAlwaysToBalanced: false,
    lockdownCountsAsHeld: false,
  },
  literal: {
    holdDelaysDerisking: true,
    cooldownDelaysDerisking: true,
    circuitBreakerNeedsConfirmation: true,
    aggressiveHeedsDefensiveRule: false,
    confirmsOneStateAhead: false,
    promotionsAreGuarded: false,
    releaseAlwaysToBalanced: true,
    lockdownCountsAsHeld: true,
  },
};

export interface StateProperties {
  readonly scalpShare: readonly [number, number];
  readonly swingShare: readonly [number, number];
  readonly portfolioShare: readonly [number, number];
  readonly riskMultiplier: number;
  readonly entrySignalMin: number;
  readonly positionsMax: number;
  readonly dailyTradesMax: number;
  readonly rebalancing: boolean;
  readonly newEntry: boolean;
  readonly scalp: boolean;
  readonly swing: boolean;
}

/** The keys of the configuration's `operating` section that the machine needs; days and hours as written there. */
export interface OperatingInput {
  readonly reading: Reading;
  /** Single keys that differ from the reading. */
  readonly readingDetails?: { readonly [K in keyof ReadingDetails]?: ReadingDetails[K] | undefined };
  readonly initial: OperatingState;
  /** Time between evaluations. */
  readonly evaluationEveryMs: number;
  readonly states: { readonly [S in OperatingState]: StateProperties };
  readonly rules: {
    readonly aggressiveToBalanced: {
      readonly drawdownAbove: number;
      readonly vixAbove: number;
      readonly consecutiveScalpLossesAbove: number;
      readonly dailyLossAbove: number;
    };
    readonly balancedToDefensive: { readonly drawdownAbove: number; readonly vixAbove: number };
    readonly defensiveToBalanced: {
      readonly drawdownBelow: number;
      readonly vixBelow: number;
      readonly profitableDaysMin: number;
      readonly heldDaysMin: number;
    };
    readonly balancedToAggressive: {
      readonly vixBelow: number;
      readonly growthAbove: number;
      readonly winRateAbove: number;
      readonly heldDaysMin: number;
    };
  };
  readonly minimumStayDays: { readonly [S in OperatingState]: number };
  readonly cooldownHours: number;
  readonly confirmation: { readonly cycles: number; readonly hours: number };
  readonly overrideDaysMax: number;
  readonly staleAfterMs: { readonly vix: number; readonly drawdown: number; readonly account: number };
  /** No promotion while an input of the target's own demotion rule is unknown (spec S13). */
  readonly promotionNeedsEveryInput: boolean;
  /** Used when the metrics carry no target of their own; null: then the target is unknown. */
  readonly targetCagr: number | null;
}

/** Plain data, kept in the machine's context. */
export interface OperatingPolicy extends Omit<OperatingInput, "readingDetails"> {
  readonly details: ReadingDetails;
}

export const policyOf = (input: OperatingInput): OperatingPolicy => {
  const { readingDetails = {}, ...rest } = input;
  const given = Object.fromEntries(Object.entries(readingDetails).filter(([, value]) => value !== undefined));
  return { ...rest, details: { ...readings[input.reading], ...given } };
};
