/**
 * Cash and positions of the one account at the venue, and what open orders hold of them.
 *
 * Long only: a sell holds the lots it could take, a buy the cash. Both follow from accepted orders and fills alone.
 */
import type { Side } from "#core/instrument.ts";
import { chargeMinor } from "./market-rules.ts";

/** What one order holds; the exchange keeps it with the order. */
export interface Claim {
  readonly symbol: string;
  readonly side: Side;
  readonly reservePriceMinor: number;
  readonly leavesQuantity: number;
}

export interface FillCost {
  readonly feeMinor: number;
  readonly taxMinor: number;
}

export interface AccountOptions {
  readonly feeRate: number;
  readonly sellTaxRate: number;
  readonly lotSizeOf: (symbol: string) => number;
}

export class Account {
  readonly #options: AccountOptions;
  readonly #lots = new Map<string, number>();
  readonly #heldLots = new Map<string, number>();
  #heldCashMinor = 0;
  cashMinor = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  open(cashMinor: number, positions: Readonly<Record<string, number>>): void {
    this.cashMinor = cashMinor;
    for (const [symbol, quantity] of Object.entries(positions)) this.#lots.set(symbol, quantity);
  }

  get freeCashMinor(): number {
    return this.cashMinor - this.#heldCashMinor;
  }

  freeLots(symbol: string): number {
    return (this.#lots.get(symbol) ?? 0) - (this.#heldLots.get(symbol) ?? 0);
  }

  positions(): { readonly symbol: string; readonly quantity: number }[] {
    return [...this.#lots].filter(([, quantity]) => quantity !== 0).map(([symbol, quantity]) => ({ symbol, quantity }));
  }

  amountMinor(symbol: string, priceMinor: number, quantity: number): number {
    return priceMinor * quantity * this.#options.lotSizeOf(symbol);
  }

  /** The fee and, for a sell, the tax of one fill, each rounded half up. */
  costOf(symbol: string, side: Side, priceMinor: number, quantity: number): FillCost {
    const amount = this.amountMinor(symbol, priceMinor, quantity);
    return {
      feeMinor: chargeMinor(amount, this.#options.feeRate),
      taxMinor: side === "sell" ? chargeMinor(amount, this.#options.sellTaxRate) : 0,
    };
  }

  /**
   * The most cash that a buy can cost. One minor unit a lot on top of the fee: filled lot by lot, each fill's fee may
   * be rounded up.
   */
  cashFor({ symbol, side, reservePriceMinor, leavesQuantity }: Claim): number {
    if (side === "sell" || leavesQuantity === 0) return 0;
    const amount = this.amountMinor(symbol, reservePriceMinor, leavesQuantity);
    return amount + chargeMinor(amount, this.#options.feeRate) + leavesQuantity;
  }

  hold(claim: Claim): void {
    this.#claim(claim, 1);
  }

  release(claim: Claim): void {
    this.#claim(claim, -1);
  }

  #claim(claim: Claim, sign: 1 | -1): void {
    this.#heldCashMinor += sign * this.cashFor(claim);
    if (claim.side === "sell")
      this.#heldLots.set(claim.symbol, (this.#heldLots.get(claim.symbol) ?? 0) + sign * claim.leavesQuantity);
  }

  settle(fill: { symbol: string; side: Side; priceMinor: number; quantity: number } & FillCost): void {
    const sign = fill.side === "buy" ? 1 : -1;
    this.#lots.set(fill.symbol, (this.#lots.get(fill.symbol) ?? 0) + sign * fill.quantity);
    this.cashMinor -= sign * this.amountMinor(fill.symbol, fill.priceMinor, fill.quantity) + fill.feeMinor + fill.taxMinor;
  }
}
