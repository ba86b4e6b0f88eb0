/**
 * The life of one order, from the wish to its end (seed 001 §2.2, spec O1–O4; FIX 4.4 order state changes).
 *
 * Every arrow says: this fact may lead there. Which one it takes is arithmetic on quantities (order.rules.ts); a fact that
 * leads nowhere from here is refused with a reason, and the order stays what it is. No state is final for xstate, because
 * a venue may still report a fill, a bust or a correction after the end.
 */
import { emit, enqueueActions, setup } from "xstate";
import { effectsOf, type OrderEffect } from "./order.effects.ts";
import {
  judge,
  type OrderFact,
  type OrderInput,
  type OrderLimits,
  type OrderRecord,
  type OrderStatus,
  openRecord,
  refusalCodes,
  statusOf,
} from "./order.rules.ts";

export type { OrderEffect } from "./order.effects.ts";
export type { OrderFact, OrderInput, OrderRecord, OrderStatus } from "./order.rules.ts";

/** Arrows to the named states; the first whose status the quantities imply is taken. */
const to = (...statuses: readonly OrderStatus[]) =>
  statuses.map((status) => ({
    guard: { type: "leadsTo" as const, params: { status } },
    target: status,
    actions: "take" as const,
  }));

const fills = (...statuses: readonly OrderStatus[]) => ({
  "order.partially.filled": to(...statuses),
  "order.filled": to(...statuses),
});
/** Answers to requests that no longer matter. */
const mootAnswers = (status: OrderStatus) => ({ "order.cancel.rejected": to(status), "order.replace.rejected": to(status) });
const ends = (...also: readonly OrderStatus[]) => ({
  "order.rejected": to("rejected", ...also),
  "order.canceled": to("canceled", ...also),
  "order.expired": to("expired", ...also),
});
/** An ended order learns of more ends and changes; one that only a former id ended goes on under the newer. */
const ended = (status: OrderStatus) => ({
  "order.rejected": to(status),
  "order.canceled": to(status),
  "order.expired": to(status),
  "order.replaced": to(status, "accepted", "partiallyFilled", "filled"),
});
/** What comes late for an order that ended before it was filled: reports of its life, and fills, which still count. */
const lateReports = (status: "canceled" | "rejected" | "expired") => ({
  "order.submitted": to(status),
  "order.submit.unknown": to(status),
  "order.accepted": to(status),
  ...fills(status, "filled"),
  ...ended(status),
  // What is taken back makes room for a fill that waits.
  "order.fill.busted": to(status, "filled"),
  "order.fill.corrected": to(status, "filled"),
  ...mootAnswers(status),
  "order.reconciled": to(status, "accepted", "partiallyFilled", "filled"),
});

const defaultLimits: OrderLimits = { unknownDeadlineMs: 120_000, pendingDeadlineMs: 30_000 };

/** @param limits how long an outcome may stay unknown and a request unanswered before a person is called */
export const createOrderMachine = (limits: OrderLimits = defaultLimits) => {
  // Guards and actions of one step ask for the same verdict; the machine stays pure, it only computes it once.
  let last: { readonly order: OrderRecord; readonly fact: OrderFact; readonly next: OrderRecord } | undefined;
  const next = (order: OrderRecord, fact: OrderFact): OrderRecord => {
    if (last?.order !== order || last.fact !== fact) last = { order, fact, next: judge(order, fact, limits) };
    return last.next;
  };
  /** The verdict for a fact that no arrow took. */
  const refused = (order: OrderRecord, fact: OrderFact): OrderRecord => {
    const verdict = next(order, fact);
    if (verdict.refusal !== null) return verdict;
    const reason = `${refusalCodes["no.transition"]} ${statusOf(order)} → ${statusOf(verdict)}`;
    return { ...order, refusal: { at: fact.at, fact: fact.type, code: "no.transition", reason } };
  };

  return setup({
    types: { context: {} as OrderRecord, input: {} as OrderInput, events: {} as OrderFact, emitted: {} as OrderEffect },
    guards: {
      leadsTo: ({ context, event }, { status }: { status: OrderStatus }) => {
        const verdict = next(context, event);
        return verdict.refusal === null && statusOf(verdict) === status;
      },
    },
    actions: {
      take: enqueueActions(({ context, event, enqueue }) => {
        const verdict = next(context, event);
        for (const effect of effectsOf(context, verdict)) enqueue.emit(effect);
        enqueue.assign(verdict);
      }),
      refuse: enqueueActions(({ context, event, enqueue }) => {
        const verdict = refused(context, event);
        for (const effect of effectsOf(context, verdict)) enqueue.emit(effect);
        enqueue.assign(verdict);
      }),
      askGates: emit(({ context }) => ({ type: "order.route" as const, orderId: context.orderId })),
      submit: emit(({ context }) => ({ type: "broker.submit" as const, orderId: context.orderId })),
    },
  }).createMachine({
    id: "order",
    context: ({ input }) => openRecord(input),
    initial: "initialized",
    // What no state below takes is refused: recorded with its reason, and told when it came from the venue.
    on: {
      "order.approved": { actions: "refuse" },
      "order.denied": { actions: "refuse" },
      "order.submitted": { actions: "refuse" },
      "order.submit.unknown": { actions: "refuse" },
      "order.accepted": { actions: "refuse" },
      "order.rejected": { actions: "refuse" },
      "order.partially.filled": { actions: "refuse" },
      "order.filled": { actions: "refuse" },
      "order.canceled": { actions: "refuse" },
      "order.expired": { actions: "refuse" },
      "order.cancel.requested": { actions: "refuse" },
      "order.cancel.rejected": { actions: "refuse" },
      "order.replace.requested": { actions: "refuse" },
      "order.replaced": { actions: "refuse" },
      "order.replace.rejected": { actions: "refuse" },
      "order.fill.busted": { actions: "refuse" },
      "order.fill.corrected": { actions: "refuse" },
      "order.reconciled": { actions: "refuse" },
      "order.resolved": { actions: "refuse" },
    },
    states: {
      initialized: {
        description: "Wanted, not yet judged by the risk gates; nothing has left the process.",
        entry: "askGates",
        on: {
          "order.approved": {
            guard: { type: "leadsTo", params: { status: "submitting" } },
            target: "submitting",
            actions: ["take", "submit"],
          },
          "order.denied": to("denied"),
          "order.cancel.requested": to("canceled"),
        },
      },
      denied: {
        description: "Refused by us, or proven never to have reached the venue. A fill reported now is refused and looked into.",
        on: {
          "order.reconciled": to("denied"),
          ...mootAnswers("denied"),
        },
      },
      submitting: {
        description: "Approved and on its way; the first word of the venue may be the answer or any report.",
        on: {
          "order.submitted": to("submitted"),
          "order.submit.unknown": to("unknown"),
          "order.accepted": to("accepted"),
          "order.denied": to("denied"),
          ...fills("partiallyFilled", "filled"),
          ...ends(),
          // What it speaks of is still to be reported.
          "order.fill.busted": to("accepted"),
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled"),
          "order.cancel.requested": to("pendingCancel"),
          "order.replace.requested": to("pendingReplace"),
          "order.replaced": to("accepted", "partiallyFilled", "filled"),
          "order.reconciled": to("accepted", "partiallyFilled", "filled", "canceled", "expired", "rejected", "denied"),
          "order.resolved": to("canceled"),
          "reconciliation.started": to("unknown"),
          "broker.disconnected": to("unknown"),
        },
      },
      unknown: {
        description: "The order may live. It is never sent again; it has a deadline, and after it an operator as owner.",
        on: {
          "order.submitted": to("submitted", "pendingCancel", "pendingReplace"),
          "order.submit.unknown": to("unknown"),
          "order.accepted": to("accepted", "pendingCancel", "pendingReplace"),
          "order.denied": to("denied"),
          ...fills("partiallyFilled", "filled", "pendingCancel", "pendingReplace"),
          ...ends(),
          "order.fill.busted": to("accepted", "pendingCancel", "pendingReplace"),
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled", "pendingCancel", "pendingReplace"),
          "order.cancel.requested": to("unknown"),
          "order.cancel.rejected": to("unknown"),
          "order.replaced": to("accepted", "partiallyFilled", "filled", "pendingCancel", "pendingReplace"),
          "order.replace.rejected": to("unknown"),
          "order.reconciled": to(
            "accepted",
            "partiallyFilled",
            "filled",
            "canceled",
            "expired",
            "rejected",
            "denied",
            "pendingCancel",
            "pendingReplace",
          ),
          "order.resolved": to("submitted", "denied", "canceled", "pendingCancel", "pendingReplace"),
          "timer.due": to("unknown"),
        },
      },
      submitted: {
        description: "The venue answered and gave its id.",
        on: {
          "order.accepted": to("accepted"),
          "order.submit.unknown": to("submitted"),
          ...fills("partiallyFilled", "filled"),
          ...ends(),
          "order.fill.busted": to("accepted"),
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled"),
          "order.cancel.requested": to("pendingCancel"),
          "order.replace.requested": to("pendingReplace"),
          "order.replaced": to("accepted", "partiallyFilled", "filled"),
          "order.reconciled": to("accepted", "partiallyFilled", "filled", "canceled", "expired", "rejected"),
          "order.resolved": to("canceled"),
        },
      },
      accepted: {
        description: "Works at the venue, nothing filled.",
        on: {
          "order.submitted": to("accepted"),
          "order.submit.unknown": to("accepted"),
          "order.accepted": to("accepted"),
          ...fills("accepted", "partiallyFilled", "filled"),
          // A venue may end the id that a change has left behind.
          ...ends("accepted"),
          "order.fill.busted": to("accepted"),
          // A fill that was taken back may come back as a correction.
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled"),
          ...mootAnswers("accepted"),
          "order.cancel.requested": to("pendingCancel"),
          "order.replace.requested": to("pendingReplace"),
          // A fill that had no room before counts once the order has grown.
          "order.replaced": to("accepted", "partiallyFilled", "filled"),
          "order.reconciled": to("accepted", "partiallyFilled", "filled", "canceled", "expired", "rejected"),
          "order.resolved": to("canceled"),
        },
      },
      partiallyFilled: {
        description: "Works at the venue, a part is filled.",
        on: {
          "order.submitted": to("partiallyFilled"),
          "order.submit.unknown": to("partiallyFilled"),
          "order.accepted": to("partiallyFilled"),
          ...fills("partiallyFilled", "filled"),
          ...ends("partiallyFilled"),
          // What is taken back makes room for a fill that waits.
          "order.fill.busted": to("accepted", "partiallyFilled", "filled"),
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled"),
          ...mootAnswers("partiallyFilled"),
          "order.cancel.requested": to("pendingCancel"),
          "order.replace.requested": to("pendingReplace"),
          "order.replaced": to("partiallyFilled", "filled"),
          "order.reconciled": to("partiallyFilled", "filled", "canceled", "expired", "rejected"),
          "order.resolved": to("canceled"),
        },
      },
      pendingCancel: {
        description:
          "A cancel is asked for and not answered. Fills go on counting; even when the last lot fills, the answer is awaited.",
        on: {
          "order.submitted": to("pendingCancel"),
          "order.submit.unknown": to("unknown", "pendingCancel"),
          "order.accepted": to("pendingCancel"),
          "order.denied": to("denied"),
          ...fills("pendingCancel"),
          ...ends("filled", "pendingCancel"),
          "order.fill.busted": to("pendingCancel"),
          "order.fill.corrected": to("pendingCancel"),
          "order.cancel.rejected": to("submitting", "submitted", "accepted", "partiallyFilled", "filled", "pendingReplace"),
          "order.replaced": to("pendingCancel"),
          "order.replace.rejected": to("pendingCancel"),
          "order.reconciled": to(
            "pendingCancel",
            "accepted",
            "partiallyFilled",
            "filled",
            "canceled",
            "expired",
            "rejected",
            "denied",
          ),
          "order.resolved": to("canceled"),
          "reconciliation.started": to("unknown"),
          "broker.disconnected": to("unknown"),
          "timer.due": to("pendingCancel"),
        },
      },
      pendingReplace: {
        description: "A change of quantity or price is asked for and not answered; further changes queue behind it.",
        on: {
          "order.submitted": to("pendingReplace"),
          "order.submit.unknown": to("unknown", "pendingReplace"),
          "order.accepted": to("pendingReplace"),
          "order.denied": to("denied"),
          ...fills("pendingReplace"),
          ...ends("filled", "pendingReplace"),
          "order.fill.busted": to("pendingReplace"),
          "order.fill.corrected": to("pendingReplace"),
          "order.cancel.requested": to("pendingCancel"),
          "order.cancel.rejected": to("pendingReplace"),
          "order.replace.requested": to("pendingReplace"),
          "order.replaced": to("accepted", "partiallyFilled", "filled", "pendingReplace"),
          "order.replace.rejected": to("submitting", "submitted", "accepted", "partiallyFilled", "filled", "pendingReplace"),
          "order.reconciled": to(
            "pendingReplace",
            "accepted",
            "partiallyFilled",
            "filled",
            "canceled",
            "expired",
            "rejected",
            "denied",
          ),
          "order.resolved": to("canceled"),
          "reconciliation.started": to("unknown"),
          "broker.disconnected": to("unknown"),
          "timer.due": to("pendingReplace"),
        },
      },
      filled: {
        description: "Everything ordered is filled. The venue may still take a fill back, correct it, or grow the order.",
        on: {
          "order.submitted": to("filled"),
          "order.submit.unknown": to("filled"),
          "order.accepted": to("filled"),
          ...fills("filled"),
          // What is left once a fill is taken back has ended with it.
          "order.rejected": to("filled"),
          "order.canceled": to("filled"),
          "order.expired": to("filled"),
          "order.fill.busted": to("accepted", "partiallyFilled", "filled", "canceled", "expired", "rejected"),
          "order.fill.corrected": to("accepted", "partiallyFilled", "filled", "canceled", "expired", "rejected"),
          "order.replace.requested": to("pendingReplace"),
          "order.replaced": to("partiallyFilled", "filled", "canceled", "expired", "rejected"),
          ...mootAnswers("filled"),
          "order.reconciled": to("partiallyFilled", "filled", "canceled", "expired", "rejected"),
        },
      },
      canceled: {
        description: "What was left is canceled. A fill reported late still counts: the venue is right.",
        on: lateReports("canceled"),
      },
      rejected: {
        description: "Refused by the venue, whole or what was left of it. A fill reported late still counts.",
        on: lateReports("rejected"),
      },
      expired: {
        description: "Ended with its session. A fill reported late still counts.",
        on: lateReports("expired"),
      },
    },
  });
};

/** The order machine with the default deadlines: what the drawings and the models are made of. */
export const orderMachine = createOrderMachine();
