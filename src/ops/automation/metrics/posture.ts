/** May the house trade: safety, operating state, and whether orders may leave. */
import { operatingStates, safetyStates } from "#machines/facts/safety.ts";
import { type Subject, setState } from "./subject.ts";

export const registerPosture: Subject = ({ gauge }) => {
  const safety = gauge("safety_state", "1 for the current safety state, 0 for the others.", ["state"]);
  const operating = gauge("operating_state", "1 for the current operating state, 0 for the others.", ["state"]);
  const trading = gauge("trading_open", "1 while new orders may leave: reconciled, safety allows, not stopping.");

  return (status) => {
    setState(safety, safetyStates, status.safety);
    setState(operating, operatingStates, status.operating);
    trading.set(status.trading.open ? 1 : 0);
  };
};
