/**
 * A strategy is a guest: whatever its code does wrong is told as its own fault, with the place, and costs the house nothing but
 * the strategy. Pure; the time-outs and the process are the business of parts/strategy.ts and the host.
 */
import type { Strategy } from "./strategy.ts";

const textLengthMax = 300;

/** `file.ts:12:7`, from the stack; Node's own frames say nothing to whoever wrote the file. */
const placeOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? /^ +at (?:.*\()?(?:file:\/\/)?\/(?:.*\/)?([^/\\\s()]+:\d+:\d+)\)?$/m.exec(error.stack ?? "")?.[1]
    : undefined;

/** One line of bounded length that says what was thrown and where, whatever it was. */
export const faultText = (error: unknown): string => {
  let text: string;
  try {
    text = String(error);
  } catch {
    text = "something that cannot even be shown";
  }
  const line = text.replace(/\p{Cc}+/gu, " ").trim();
  const place = placeOf(error);
  return `${line.length <= textLengthMax ? line : `${line.slice(0, textLengthMax)}…`}${place === undefined ? "" : ` (${place})`}`;
};

const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (isThenable(value)) return "a promise";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
};

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";

/** Why what `createStrategy` returned is no strategy, as the end of a sentence; undefined when it is one. */
export const whyNoStrategy = (made: unknown): string | undefined => {
  if (isThenable(made)) return "createStrategy returned a promise, and must return the strategy itself";
  if (typeof made !== "object" || made === null) return `createStrategy returned ${kindOf(made)}, and must return a strategy`;
  const { name, evaluate, onTrade } = made as { readonly [P in keyof Strategy]?: unknown };
  if (typeof name !== "string" || name.trim() === "") return "the strategy that createStrategy returned has no name";
  if (typeof evaluate !== "function") return "the strategy that createStrategy returned has no function evaluate";
  if (onTrade !== undefined && typeof onTrade !== "function")
    return `the strategy that createStrategy returned has an onTrade that is ${kindOf(onTrade)} and no function`;
  return undefined;
};

/** What `evaluate` returned, if it is a list. Throws the sentence otherwise. */
export const listFrom = <T>(name: string, returned: readonly T[]): readonly T[] => {
  if (Array.isArray(returned)) return returned;
  // Nobody waits for it, and its rejection is nobody's surprise.
  if (isThenable(returned)) void Promise.resolve(returned).catch(() => undefined);
  throw new GuestFault(`evaluate of ${name} returned ${kindOf(returned)}, and must return a list of proposals`);
};

/** Ours to say, so that its place in our code tells nothing. */
export class GuestFault extends Error {
  override readonly name = "Error";
  constructor(message: string) {
    super(message);
    this.stack = `Error: ${message}`;
  }
}
