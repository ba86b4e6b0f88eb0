/** The operating state: its limits, the rules that move it, and how they are read. */
import { z } from "zod";
import { operatingStates } from "#machines/facts/safety.ts";
import { count, days, hours, periodMs, positive, reserved, share, shareRange } from "../values.ts";

const operatingState = z.enum(operatingStates);
const stateProperties = z
  .strictObject({
    scalpShare: reserved("capital", shareRange),
    swingShare: reserved("capital", shareRange),
    portfolioShare: reserved("capital", shareRange),
    riskMultiplier: z.number().positive(),
    entrySignalMin: share,
    positionsMax: count,
    dailyTradesMax: count,
    rebalancing: reserved("capital", z.boolean()),
    newEntry: z.boolean(),
    scalp: reserved("scalp", z.boolean()),
    swing: reserved("pipeline", z.boolean()),
  })
  .refine(({ scalpShare, swingShare, portfolioShare }) => {
    const low = scalpShare[0] + swingShare[0] + portfolioShare[0];
    const high = scalpShare[1] + swingShare[1] + portfolioShare[1];
    return low <= 1 + 1e-9 && high >= 1 - 1e-9;
  }, "the three shares must be able to sum to 1");

export const operating = z.strictObject({
  reading: z.enum(["safety-first", "literal"]),
  readingDetails: z.strictObject({
    holdDelaysDerisking: z.boolean().optional(),
    cooldownDelaysDerisking: z.boolean().optional(),
    circuitBreakerNeedsConfirmation: z.boolean().optional(),
    aggressiveHeedsDefensiveRule: z.boolean().optional(),
    confirmsOneStateAhead: z.boolean().optional(),
    promotionsAreGuarded: z.boolean().optional(),
    releaseAlwaysToBalanced: z.boolean().optional(),
    lockdownCountsAsHeld: z.boolean().optional(),
  }),
  initial: operatingState,
  evaluationEveryMs: periodMs,
  states: z.strictObject({ AGGRESSIVE: stateProperties, BALANCED: stateProperties, DEFENSIVE: stateProperties }),
  rules: z.strictObject({
    aggressiveToBalanced: z.strictObject({
      drawdownAbove: share,
      vixAbove: z.number().positive(),
      consecutiveScalpLossesAbove: count,
      dailyLossAbove: share,
    }),
    balancedToDefensive: z.strictObject({ drawdownAbove: share, vixAbove: z.number().positive() }),
    defensiveToBalanced: z.strictObject({
      drawdownBelow: share,
      vixBelow: z.number().positive(),
      profitableDaysMin: days,
      heldDaysMin: days,
    }),
    balancedToAggressive: z.strictObject({
      vixBelow: z.number().positive(),
      growthAbove: z.number(),
      winRateAbove: share,
      heldDaysMin: days,
    }),
  }),
  minimumStayDays: z.strictObject({ AGGRESSIVE: days, BALANCED: days, DEFENSIVE: days }),
  cooldownHours: hours,
  confirmation: z.strictObject({ cycles: positive, hours: hours }),
  overrideDaysMax: days.min(1),
  staleAfterMs: z.strictObject({ vix: periodMs, drawdown: periodMs, account: periodMs }),
  promotionNeedsEveryInput: z.boolean(),
  highWaterDays: days.min(1),
  targetCagr: z.number(),
});
