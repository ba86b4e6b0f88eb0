/** Gates that ask what state the house is in: safety, reconciliation, the operating state, and what is still undecided. */
import { allowed, denied, type RiskGate, type Wish } from "./risk-gate.ts";

/** An entry opens or enlarges a position. Long only: that is every buy; a sell can only reduce. */
export const isEntry = ({ side }: Pick<Wish, "side">): boolean => side === "buy";

/** In FAIL and LOCKDOWN no order leaves the process (spec S5); cancels do not go through the gates. */
export const safetyGate: RiskGate = {
  name: "safety",
  beforeRoute: (_wish, { view }) => {
    const safety = view.safety();
    return safety === "NORMAL" || safety === "WARNING" ? allowed : denied(`SAFETY_${safety}`, `safety is ${safety}`);
  },
};

export const tradingGate = (switches: { readonly tradingEnabled: boolean; readonly killSwitchTripped: boolean }): RiskGate => ({
  name: "trading",
  beforeRoute: (_wish, { desk }) => {
    if (switches.killSwitchTripped) return denied("KILL_SWITCH", "the kill switch is tripped in the configuration");
    if (!switches.tradingEnabled) return denied("TRADING_DISABLED", "trading.enabled is false");
    const { open, why } = desk.trading();
    return open ? allowed : denied("NOT_RECONCILED", why);
  },
});

/** While an earlier submit of the same symbol and side is undecided, a match by content would be ambiguous (spec O5). */
export const undecidedGate: RiskGate = {
  name: "undecided",
  beforeRoute: ({ orderId, symbol, side, isChange }, { desk }) => {
    if (isChange) return allowed;
    const [earliest] = desk.undecided(symbol, side);
    return earliest === undefined || earliest === orderId
      ? allowed
      : denied("SUBMIT_UNDECIDED", `${earliest}, also to ${side} ${symbol}, has no outcome yet`);
  },
};

/** The limits of the operating state (spec S19). They hold for entries: an exit is never refused for them. */
export const operatingGate: RiskGate = {
  name: "operating",
  beforeIntent: (wish, { view, desk, pendingApprovals }) => {
    if (!isEntry(wish)) return allowed;
    const { newEntry, entrySignalMin, positionsMax, dailyTradesMax } = view.operating();
    if (!newEntry) return denied("NEW_ENTRY_CLOSED", "the operating state allows no new entries");
    // A person's order carries no signal; a strategy without one has not said how sure it is.
    if (wish.strategy !== "operator" && (wish.signal === null || wish.signal < entrySignalMin))
      return denied("SIGNAL_TOO_WEAK", `the signal is ${wish.signal ?? "missing"} and ${entrySignalMin} is needed`);

    const symbols = new Set<string>();
    for (const { symbol, quantity } of desk.positions()) if (quantity !== 0) symbols.add(symbol);
    for (const symbol of desk.openSymbols())
      if (symbol !== wish.symbol && desk.openInterest(symbol).buyLots > 0) symbols.add(symbol);
    if (!symbols.has(wish.symbol) && symbols.size >= positionsMax)
      return denied("POSITIONS_MAX", `${symbols.size} positions are held or being opened; ${positionsMax} are allowed`);

    const entriesPending = pendingApprovals().filter(isEntry).length;
    const entries = desk.today(view.now()).entries + entriesPending;
    if (entries >= dailyTradesMax) return denied("DAILY_TRADES_MAX", `${entries} entries today; ${dailyTradesMax} are allowed`);
    return allowed;
  },
};
