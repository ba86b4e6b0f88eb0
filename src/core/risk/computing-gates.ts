/** The gates of a session, cheapest first, from its configuration. */
import type { Config } from "#config/schema.ts";
import {
  consecutiveFailureGate,
  dailyLossGate,
  exposureGate,
  orderRateGate,
  orderValueGate,
  positionValueGate,
} from "./limit-gates.ts";
import { duplicateGate, longOnlyGate, priceCollarGate, shapeGate } from "./order-gates.ts";
import type { RiskGate } from "./risk-gate.ts";
import { operatingGate, safetyGate, tradingGate, undecidedGate } from "./state-gates.ts";

export const createComputingGates = ({
  risk,
  trading,
  killSwitch,
}: Pick<Config, "risk" | "trading" | "killSwitch">): readonly RiskGate[] => [
  safetyGate,
  tradingGate({ tradingEnabled: trading.enabled, killSwitchTripped: killSwitch.tripped }),
  shapeGate,
  operatingGate,
  duplicateGate(risk),
  undecidedGate,
  consecutiveFailureGate(risk),
  orderRateGate(risk),
  longOnlyGate,
  priceCollarGate(risk),
  dailyLossGate(risk),
  orderValueGate(risk),
  positionValueGate(risk),
  exposureGate(risk),
];
