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
}

export { type OrderType, orderTypes, type Side, sides } from "#machines/facts/orders.ts";
