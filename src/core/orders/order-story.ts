/**
 * The whole story of one order, from the journal: each fact that concerned it, and what it made of the order.
 *
 * The facts go through a desk of their own, so the story is what the machine did, not what a second reading thinks of it.
 */
import { averagePriceOf, leavesOf, type OrderRecord, type OrderStatus, pendingOf, statusOf } from "#machines/order.rules.ts";
import { type ActorEvent, type Fact, isFactType, rowOf } from "../event/catalog.ts";
import type { JournalRecord } from "../ports.ts";
import { isDeskEvent } from "./desk-facts.ts";
import { OrderDesk } from "./order-desk.ts";

export interface StoryStep {
  /** Of the journal record. */
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  /** What happened, for people. */
  readonly sentence: string;
  readonly status: OrderStatus;
  readonly cumulative: number;
  readonly leaves: number;
  /** Minor units, with a fraction; null before the first fill. */
  readonly averagePrice: number | null;
  readonly pending: "cancel" | "replace" | null;
  readonly refused: string | null;
}

export interface OrderStory {
  readonly orderId: string;
  /** Where it stands, in one sentence. */
  readonly sentence: string;
  readonly order: OrderRecord | null;
  readonly steps: readonly StoryStep[];
}

/** The fact in words; payload fields that a person asks for, in the order they ask. */
const sentenceOf = (event: ActorEvent): string => {
  const { says } = rowOf(event.type);
  const { type: _type, at: _at, orderId: _orderId, ...details } = event as ActorEvent & { readonly orderId?: string };
  const shown = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  return shown.length === 0 ? says : `${says} (${shown.join(", ")})`;
};

const standing = (order: OrderRecord): string => {
  const { orderId, side, ordered, symbol, cumulative, endCode, endReason, owner } = order;
  const filled =
    cumulative === 0
      ? "nothing filled"
      : `${cumulative} filled at ${averagePriceOf(order)?.toFixed(2).replace(/\.00$/, "") ?? "a price not reported yet"} minor units`;
  const why = [endCode, endReason].filter((part) => part !== null).join(": ");
  const who = owner === "operator" ? "; an operator must resolve it" : "";
  return `${orderId}, ${side} ${ordered} ${symbol}, is ${statusOf(order)}: ${filled}${why === "" ? "" : ` (${why})`}${who}.`;
};

/** Facts about the house that may concern an order whose submit was on its way. */
const houseFacts: ReadonlySet<string> = new Set(["broker.disconnected", "reconciliation.started", "timer.due"]);

/**
 * @param records the journal in order, whole or at least from the order's intent on; other orders' facts may be among them
 * @returns the story; without steps when the journal does not know the order
 */
export const orderStory = (orderId: string, records: Iterable<JournalRecord>): OrderStory => {
  const desk = new OrderDesk({
    limits: { unknownDeadlineMs: 0, pendingDeadlineMs: 0 },
    instruments: [],
    finishedKept: 1,
    approvalsKept: 1,
  });
  const steps: StoryStep[] = [];
  for (const { seq, type, body } of records) {
    if (!isFactType(type)) continue;
    const fact = JSON.parse(body) as Fact;
    const event = { type, at: fact.at, ...(fact.payload as object) } as ActorEvent;
    if (!isDeskEvent(event)) continue;
    const isOurs = "orderId" in event ? event.orderId === orderId : houseFacts.has(type);
    if (!isOurs) continue;
    const before = desk.order(orderId);
    const [outcome] = desk.handle(event, () => {});
    const order = outcome?.order;
    if (order === undefined || outcome === undefined) continue;
    // A reconciliation or a lost connection is part of the story only when it changed the order.
    if (!("orderId" in event) && before !== undefined && statusOf(before) === statusOf(order) && before.owner === order.owner)
      continue;
    steps.push({
      seq,
      at: event.at,
      type,
      sentence: sentenceOf(event),
      status: statusOf(order),
      cumulative: order.cumulative,
      leaves: leavesOf(order),
      averagePrice: averagePriceOf(order),
      pending: pendingOf(order),
      refused: outcome.refusal?.reason ?? null,
    });
  }
  const order = desk.order(orderId);
  return {
    orderId,
    sentence: order === undefined ? `The journal knows no order ${orderId}.` : standing(order),
    order: order ?? null,
    steps,
  };
};

/** The story as lines of text. */
export const storyText = ({ sentence, steps }: OrderStory): string =>
  [
    sentence,
    ...steps.map(({ seq, at, sentence: what, status, cumulative, leaves, pending, refused }) => {
      const outcome = refused === null ? `${status}, ${cumulative} filled, ${leaves} left` : `refused: ${refused}`;
      return `${String(seq).padStart(8)}  ${new Date(at).toISOString()}  ${what} → ${outcome}${pending === null ? "" : `, ${pending} pending`}`;
    }),
  ].join("\n");
