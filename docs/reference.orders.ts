/** The order reference from the chart that runs: its states, and a table of every answer. */
import { orderMachine } from "#machines/order.machine.ts";
import { type OrderStatus, orderStatuses, refusalCodes, terminalStatuses } from "#machines/order.rules.ts";

interface Arrow {
  readonly from: OrderStatus;
  readonly fact: string;
  readonly to: OrderStatus;
}

const arrows: readonly Arrow[] = orderStatuses.flatMap((from) =>
  [...(orderMachine.root.states[from]?.transitions ?? [])].flatMap(([fact, transitions]) =>
    transitions.flatMap(({ target = [] }) => target.map((node) => ({ from, fact: String(fact), to: node.key as OrderStatus }))),
  ),
);

/** Surprising answers, by "state fact". */
const notes: Readonly<Record<string, string>> = {
  "initialized order.cancel.requested": "Nothing has left the process, so it simply ends.",
  "denied order.reconciled": "The venue confirms that it does not know the order.",
  "submitting order.partially.filled": "A fill may be faster than the answer to the submit.",
  "submitting order.canceled": "The first word of the venue may be the last.",
  "submitting order.cancel.requested": "The cancel is sent as soon as the venue's id is known.",
  "submitting broker.disconnected": "The order may have arrived: unknown, never rejected.",
  "unknown order.denied": "Only for an order that provably never left this process.",
  "unknown order.reconciled": "`absent` from a venue that can be asked for our id: denied with SUBMIT_NEVER_ARRIVED.",
  "unknown order.cancel.requested": "Remembered; sent when the order is found.",
  "unknown timer.due": "The deadline: from now on an operator owns it.",
  "accepted order.submitted": "The answer may come after the venue's own report; it brings the id.",
  "partiallyFilled order.accepted": "A late first acknowledgement never moves an order back.",
  "partiallyFilled order.replaced": "Reduced to what is filled: filled (FIX 4.4 C.3).",
  "pendingCancel order.filled": "Pending cancel outranks filled until the cancel is answered (FIX 4.4 B.1.c).",
  "pendingCancel order.canceled": "When everything was filled before, the confirmation cancels nothing: filled.",
  "pendingCancel order.cancel.rejected": "Back to the state that the quantities imply.",
  "pendingReplace order.replaced": "Never below what is filled; further changes may still be pending (FIX 4.4 D.2).",
  "pendingReplace order.reconciled": "Still working long after the request: the request had no effect.",
  "filled order.fill.busted": "The venue took a fill back, so something is open again.",
  "filled order.replace.requested": "Only to more than is filled (FIX 4.4 C.1.c).",
  "canceled order.filled":
    "The venue is right: the fill counts, and an alert tells of it; filled when nothing is left (FIX 4.4 J.1.b).",
  "canceled order.fill.busted": "It stays canceled, with less filled.",
  "expired order.filled": "As after a cancel.",
};

const states = (): string =>
  [
    "| state | meaning |",
    "|---|---|",
    ...orderStatuses.map((status) => {
      const isEnd = (terminalStatuses as readonly string[]).includes(status);
      return `| \`${status}\`${isEnd ? " (end)" : ""} | ${orderMachine.root.states[status]?.description ?? ""} |`;
    }),
  ].join("\n");

const table = (): string => {
  const rows = orderStatuses.flatMap((from) => {
    const own = arrows.filter((arrow) => arrow.from === from);
    return [...new Set(own.map(({ fact }) => fact))].map((fact) => {
      const targets = own.filter((arrow) => arrow.fact === fact).map(({ to }) => `\`${to}\``);
      return `| \`${from}\` | \`${fact}\` | ${targets.join(", ")} | ${notes[`${from} ${fact}`] ?? ""} |`;
    });
  });
  return ["| state | fact | leads to | |", "|---|---|---|---|", ...rows].join("\n");
};

const refusals = (): string =>
  ["| code | reason |", "|---|---|", ...Object.entries(refusalCodes).map(([code, reason]) => `| \`${code}\` | ${reason} |`)].join(
    "\n",
  );

/** Markdown by section name, for docs/generate.ts. */
export const orderSections = (): { readonly [name: string]: string } => ({
  "orders.states": states(),
  "orders.table": table(),
  "orders.refusals": refusals(),
});
