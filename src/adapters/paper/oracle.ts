/**
 * What the ledger says happened, computed from the file alone and not by the exchange: the figures that a test, or a
 * person after a crash, holds QTS against.
 */
import { readFileSync } from "node:fs";
import type { OrderType, Side } from "#core/instrument.ts";
import { type LedgerRecord, readRecords } from "./ledger-record.ts";

export interface LedgerOrder {
  readonly orderId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly orderType: OrderType;
  /** Of the last replacement, where there was one. */
  readonly quantity: number;
  readonly limitPriceMinor: number | undefined;
  readonly status: "open" | "filled" | "canceled" | "rejected" | "expired";
  readonly filledQuantity: number;
}

export interface LedgerFill {
  readonly fillId: string;
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly priceMinor: number;
  readonly feeMinor: number;
  readonly taxMinor: number;
  readonly at: number;
}

export interface LedgerSummary {
  readonly records: readonly LedgerRecord[];
  readonly orders: readonly LedgerOrder[];
  readonly fills: readonly LedgerFill[];
  /** Lots by symbol, opening positions included; symbols at zero are left out. */
  readonly positions: Readonly<Record<string, number>>;
  readonly cashMinor: number;
  /** Order ids that were sent again, once for each time. */
  readonly duplicateSubmits: readonly string[];
  readonly ended: boolean;
  readonly tornBytes: number;
  /** A sentence when the file is damaged before its tail; the rest then counts up to the damage. */
  readonly damage: string | undefined;
}

/**
 * Sums up a ledger.
 *
 * @param lotSizeOf shares per lot by symbol; 1 where it does not say
 */
export const summarize = (
  records: readonly LedgerRecord[],
  lotSizeOf: Readonly<Record<string, number>> = {},
): Omit<LedgerSummary, "tornBytes" | "damage"> => {
  const orders = new Map<string, { -readonly [K in keyof LedgerOrder]: LedgerOrder[K] }>();
  const fills: LedgerFill[] = [];
  const positions: Record<string, number> = {};
  const duplicateSubmits: string[] = [];
  let cashMinor = 0;
  let ended = false;
  const end = (orderId: string, status: LedgerOrder["status"]): void => {
    const order = orders.get(orderId);
    if (order !== undefined) order.status = status;
  };
  for (const record of records) {
    switch (record.type) {
      case "opened":
        cashMinor = record.cashMinor;
        Object.assign(positions, record.positions);
        break;
      case "accepted":
      case "refused": {
        const { orderId, brokerOrderId, symbol, side, orderType, quantity, limitPriceMinor } = record;
        const status = record.type === "accepted" ? "open" : "rejected";
        orders.set(orderId, {
          orderId,
          brokerOrderId,
          symbol,
          side,
          orderType,
          quantity,
          limitPriceMinor,
          status,
          filledQuantity: 0,
        });
        break;
      }
      case "duplicated":
        duplicateSubmits.push(record.orderId);
        break;
      case "filled": {
        const { fillId, orderId, symbol, side, quantity, priceMinor, feeMinor, taxMinor, at } = record;
        fills.push({ fillId, orderId, symbol, side, quantity, priceMinor, feeMinor, taxMinor, at });
        const sign = side === "buy" ? 1 : -1;
        positions[symbol] = (positions[symbol] ?? 0) + sign * quantity;
        cashMinor -= sign * priceMinor * quantity * (lotSizeOf[symbol] ?? 1) + feeMinor + taxMinor;
        const order = orders.get(orderId);
        if (order !== undefined) {
          order.filledQuantity += quantity;
          if (order.filledQuantity === order.quantity) order.status = "filled";
        }
        break;
      }
      case "replaced": {
        const order = orders.get(record.orderId);
        if (order !== undefined) {
          order.quantity = record.quantity;
          order.limitPriceMinor = record.limitPriceMinor;
        }
        break;
      }
      case "rejected":
      case "canceled":
      case "expired":
        end(record.orderId, record.type);
        break;
      case "ended":
        ended = true;
        break;
      case "based":
      case "cancelRefused":
      case "replaceRefused":
        break;
      default:
        record satisfies never;
    }
  }
  for (const [symbol, quantity] of Object.entries(positions)) if (quantity === 0) delete positions[symbol];
  return { records, orders: [...orders.values()], fills, positions, cashMinor, duplicateSubmits, ended };
};

/** Reads a ledger file as it is, also while the exchange is writing it or after it was killed. Changes nothing. */
export const readLedger = (path: string, lotSizeOf: Readonly<Record<string, number>> = {}): LedgerSummary => {
  const { records, tornBytes, damage } = readRecords(readFileSync(path));
  const sentence = damage === undefined ? undefined : `line ${damage.line} ${damage.reason}`;
  return { ...summarize(records, lotSizeOf), tornBytes, damage: sentence };
};
