import { type OrderOutcome, orderOutcomes } from "#machines/facts/orders.ts";
import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions, required, UsageError } from "./command.ts";

const isOutcome = (text: string): text is OrderOutcome => (orderOutcomes as readonly string[]).includes(text);

export const resolve: Command = {
  name: "resolve",
  summary: "say what became of an order whose outcome is unknown",
  help: `qts resolve: a person has looked at the venue and says what became of an order. QTS never guesses that by itself.

Usage: qts resolve ORDER_ID --outcome WHAT --operator NAME --reason TEXT [--venue-order ID] [--home DIR] [--json]

  --outcome absent   the venue never had it: the order is denied. Be sure: it is not looked for any more
  --outcome bound    it is the venue's order --venue-order; reports and reconciliation say the rest
  --outcome canceled what was left of it no longer works at the venue
  --operator NAME    who takes it upon themselves; kept in the journal
  --reason TEXT      what was seen at the venue
${askOptionsHelp}
Exit codes: 0 resolved, 1 it did not answer within 15 seconds and may still do it, 2 usage, 3 not running, 4 refused (no such
order, or its outcome is known), 130 or 143 not waited for.
`,
  run: async (args, io) => {
    const own = { outcome: { type: "string" }, operator: { type: "string" }, reason: { type: "string" } } as const;
    const options = { ...askOptions, ...own, "venue-order": { type: "string" } } as const;
    const { values, positionals } = readOptions("resolve", args, options, ["ORDER_ID"]);
    const outcome = required("resolve", "outcome", values.outcome);
    if (!isOutcome(outcome)) throw new UsageError(`--outcome is "${outcome}" and must be one of ${orderOutcomes.join(", ")}.`);
    const operator = required("resolve", "operator", values.operator);
    const reason = required("resolve", "reason", values.reason);
    const brokerOrderId = outcome === "bound" ? required("resolve", "venue-order", values["venue-order"]) : undefined;
    const command = { type: "operator.command", command: "resolve", orderId: positionals[0] as string, outcome } as const;
    return ask({ ...command, operator, reason, ...(brokerOrderId === undefined ? {} : { brokerOrderId }) }, values, io);
  },
};
