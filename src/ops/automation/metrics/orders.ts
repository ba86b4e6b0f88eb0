/** Orders, positions and profit of the session. */
import type { Subject } from "./subject.ts";

const orderStatuses = ["filled", "canceled", "rejected", "denied", "expired", "unknown", "open"] as const;

export const registerOrders: Subject = ({ counter, gauge, passingGauge }) => {
  const orders = gauge("orders", "Orders of the session by where they ended; `open` has not ended.", ["status"]);
  const ordersTotal = gauge("orders_session", "Orders of the session.");
  const position = passingGauge("position_lots", "Position in lots; negative is short.", ["symbol"]);
  const pnl = gauge("pnl_minor_units", "Realized and unrealized profit less fees, in the account currency's minor unit.");
  const refusals = counter("order_facts_refused", "Facts about orders that the desk refused, by code.", ["code"]);

  return (status) => {
    for (const orderStatus of orderStatuses) orders.set({ status: orderStatus }, status.orders[orderStatus]);
    ordersTotal.set(status.orders.total);
    for (const [symbol, lots] of Object.entries(status.positions)) position.set({ symbol }, lots);
    pnl.set(status.pnlMinor);
    for (const [code, count] of Object.entries(status.orderRefusals)) refusals.inc({ code }, count);
  };
};
