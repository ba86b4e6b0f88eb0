/**
 * What is traded, and the scale its integers have.
 *
 * Prices and money are integers in the instrument's minor unit (`10 ** -priceScale` of the currency): KRW has scale 0,
 * the US sample ticks of 1e-4 USD have scale 4. Quantities are integer lots of `lotSize` shares. No float touches money.
 */
export interface Instrument {
  readonly symbol: string;
  /** Exchange calendar and rules that apply, for example "KRX" or "NYSE". */
  readonly market: string;
  readonly currency: string;
  readonly priceScale: number;
  /** Smallest price step in minor units; markets with a tick table (KRX) look the step up by price instead. */
  readonly tickSize: number;
  readonly lotSize: number;
  /**
   * Digits after the point of what one lot is, 8 for 1e-8 of a coin; 0 when absent. Money is then in units of
   * `10 ** -(priceScale + quantityScale)` of the currency, so that price times lots is exact.
   */
  readonly quantityScale?: number | undefined;
}

/** Digits after the point of one unit of money. */
export const moneyScaleOf = ({ priceScale, quantityScale = 0 }: Pick<Instrument, "priceScale" | "quantityScale">): number =>
  priceScale + quantityScale;

export { type OrderType, orderTypes, type Side, sides } from "#machines/facts/orders.ts";
