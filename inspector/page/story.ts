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

/** Orders that live, those first that a person must care for, then those whose answer is due first. */
export const urgentFirst = (orders: readonly OrderLine[]): OrderLine[] => {
  const rank = ({ isOverdue, status, pending }: OrderLine): number =>
    isOverdue || status === "unknown" ? 0 : pending === null ? 2 : 1;
  const due = ({ deadlineAt }: OrderLine): number => deadlineAt ?? Number.POSITIVE_INFINITY;
  return orders
    .filter(({ isLive }) => isLive)
    .toSorted((a, b) => rank(a) - rank(b) || (due(a) === due(b) ? a.intendedAt - b.intendedAt : due(a) - due(b)));
};

/** @param now epoch ms of the market */
export const liveText = (order: OrderLine, now: number): string => {
  const { status, side, ordered, symbol, filled, pending, intendedAt, deadlineAt, isOverdue } = order;
  const parts = [words.order.live(status, side, ordered, symbol, filled), words.order.age(duration(now - intendedAt))];
  if (pending !== null) parts.push(words.order.pending(pending));
  if (isOverdue) parts.push(words.order.overdue);
  else if (deadlineAt !== null) parts.push(words.order.answerDue(duration(deadlineAt - now)));
  return `${parts.join(", ")}.`;
};
