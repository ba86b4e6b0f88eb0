/** The gate of seed 001: allows everything, and therefore refuses to stand before real money. */
import { allowed, denied, type RiskGate } from "./risk-gate.ts";

export const noopRiskGate: RiskGate = {
  name: "noop",
  beforeRoute: (_wish, { broker }) =>
    broker.live ? denied("NOOP_GATE_LIVE", `the noop risk gate is not for ${broker.name}, which trades real money`) : allowed,
};
