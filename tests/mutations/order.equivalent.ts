/**
 * Guards of the order's chart whose loss cannot be seen. Only the last arrow of a list is here: without its guard it also
 * takes the facts that no arrow before it took, and of those there are none but refused ones.
 */
import type { OrderStatus } from "#machines/order.rules.ts";

type Arrows = { readonly [S in OrderStatus]?: readonly string[] };

/** Leads to the state it starts from: a refused fact is recorded and told there exactly as the action `refuse` does it. */
const ownState: Arrows = {
  denied: ["order.reconciled[0]", "order.cancel.rejected[0]", "order.replace.rejected[0]"],
  unknown: [
    "order.submit.unknown[0]",
    "order.cancel.requested[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "timer.due[0]",
  ],
  submitted: ["order.submit.unknown[0]"],
  accepted: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.accepted[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.rejected[1]",
    "order.canceled[1]",
    "order.expired[1]",
    "order.fill.busted[0]",
  ],
  partiallyFilled: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.accepted[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.rejected[1]",
    "order.canceled[1]",
    "order.expired[1]",
  ],
  pendingCancel: [
    "order.submitted[0]",
    "order.submit.unknown[1]",
    "order.accepted[0]",
    "order.partially.filled[0]",
    "order.filled[0]",
    "order.fill.busted[0]",
    "order.fill.corrected[0]",
    "order.replaced[0]",
    "order.replace.rejected[0]",
    "timer.due[0]",
    "order.rejected[2]",
    "order.canceled[2]",
    "order.expired[2]",
  ],
  pendingReplace: [
    "order.submitted[0]",
    "order.submit.unknown[1]",
    "order.accepted[0]",
    "order.partially.filled[0]",
    "order.filled[0]",
    "order.fill.busted[0]",
    "order.fill.corrected[0]",
    "order.cancel.rejected[0]",
    "order.replace.requested[0]",
    "order.replaced[3]",
    "order.replace.rejected[5]",
    "timer.due[0]",
    "order.rejected[2]",
    "order.canceled[2]",
    "order.expired[2]",
  ],
  filled: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.accepted[0]",
    "order.partially.filled[0]",
    "order.filled[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.rejected[0]",
    "order.canceled[0]",
    "order.expired[0]",
  ],
  canceled: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.accepted[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.rejected[0]",
    "order.canceled[0]",
    "order.expired[0]",
  ],
  rejected: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.accepted[0]",
    "order.rejected[0]",
    "order.canceled[0]",
    "order.expired[0]",
  ],
  expired: [
    "order.submitted[0]",
    "order.submit.unknown[0]",
    "order.accepted[0]",
    "order.cancel.rejected[0]",
    "order.replace.rejected[0]",
    "order.rejected[0]",
    "order.canceled[0]",
    "order.expired[0]",
  ],
};

/** The rules never refuse this fact in this state: every record that an order of two lots can reach was tried. */
const neverRefused: Arrows = {
  initialized: ["order.denied[0] denied", "order.cancel.requested[0] canceled"],
  submitting: [
    "order.submitted[0] submitted",
    "order.submit.unknown[0] unknown",
    "order.accepted[0] accepted",
    "order.rejected[0] rejected",
    "order.denied[0] denied",
    "order.cancel.requested[0] pendingCancel",
    "broker.disconnected[0] unknown",
    "order.fill.busted[0] accepted",
  ],
  unknown: [
    "order.fill.busted[2] pendingReplace",
    "order.submitted[2] pendingReplace",
    "order.accepted[2] pendingReplace",
    "order.rejected[0] rejected",
    "order.denied[0] denied",
  ],
  submitted: ["order.cancel.requested[0] pendingCancel", "order.fill.busted[0] accepted"],
  partiallyFilled: ["order.cancel.requested[0] pendingCancel"],
};

const listed = (arrows: Arrows, reason: string): { readonly [mutant: string]: string } =>
  Object.fromEntries(
    Object.entries(arrows).flatMap(([state, places]) =>
      places.map((text) => {
        const [place, target = state] = text.split(" ");
        return [`order.${state} ${place}: without its guard leadsTo(${target})`, reason];
      }),
    ),
  );

export const orderEquivalents: { readonly [mutant: string]: string } = {
  ...listed(ownState, "the arrow leads to its own state, where it does with a refused fact what the action refuse does"),
  ...listed(neverRefused, "the rules never refuse this fact in this state"),
};
