/** What the page says of one order's life (spec I6), and of what comes next for a machine (I7). */
import type { ChangeLine, OrderLine } from "#core/runtime/inspection.ts";
import { clock, duration, minute } from "./format.ts";
import { words } from "./words.ts";

/** What the gates said of it: from its own facts, else from what became of it. */
export const verdictText = (own: readonly ChangeLine[], line: Pick<OrderLine, "status" | "end"> | undefined): string => {
  if (line?.status === "denied") return words.order.denied(line.end ?? "no reason was given");
  const approved = own.find(({ fact, refusal }) => fact === "order.approved" && refusal === null);
  if (approved !== undefined) return words.order.passed(`${clock(approved.at)} UTC`);
  return line === undefined || line.status === "initialized" ? words.order.notJudged : words.order.passedBefore;
};

/** @param now epoch ms of the market, like `at` */
export const dueText = (at: number, now: number): string =>
  at > now ? words.machine.dueIn(duration(at - now), minute(at)) : words.machine.due(minute(at));
