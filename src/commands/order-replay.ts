/**
 * `qts order replay`: a file of order facts through the real order desk and its machines, one printed line per fact (spec O15).
 *
 * It is how a person explains an order, and how any venue's event log can be tried against the machine. Nothing is sent:
 * what the orders ask for is not performed.
 */
import { type ActorEvent, isFactType, rowOf } from "#core/event/catalog.ts";
import { isInexact, payloadProblem, tooLarge } from "#core/event/payload.ts";
import { isDeskEvent } from "#core/orders/desk-facts.ts";
import { type FactOutcome, OrderDesk } from "#core/orders/order-desk.ts";
import { err, ok, type Result } from "#core/result.ts";
import { parseTimestamp } from "#core/timestamp.ts";
import { averagePriceOf, leavesOf, pendingOf, statusOf } from "#machines/order.rules.ts";
import type { Command } from "./command.ts";
import { factsExitCodesHelp, factsReplay } from "./replay-command.ts";

/** What is printed after one line, for one order. */
export interface ReplayRow {
  readonly line: number;
  readonly at: number;
  readonly type: string;
  /** Null for a fact that concerns no order. */
  readonly order: string | null;
  /** Null when the order is not known. */
  readonly status: string | null;
  readonly ordered: number | null;
  readonly cumulative: number | null;
  readonly leaves: number | null;
  /** Minor units, with a fraction; null before the first fill. */
  readonly averagePrice: number | null;
  readonly pending: "cancel" | "replace" | null;
  /** Why the fact was refused; null when it was not. */
  readonly refused: string | null;
  readonly refusalCode: string | null;
}

/** Fields of a fact that are not its payload, in lines that keep both side by side. */
const envelope: ReadonlySet<string> = new Set([
  "type",
  "at",
  "id",
  "seq",
  "priority",
  "source",
  "correlationId",
  "requiresAck",
  "processingMsMax",
]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads one line: a fact with its payload inside, or with the payload's fields beside `type` and `at`.
 *
 * @returns the event, or one sentence that says what is wrong
 */
export const parseLine = (text: string): Result<ActorEvent, string> => {
  let raw: unknown;
  const written = new Map<string, string>();
  try {
    raw = JSON.parse(text, (name, value: unknown, context?: { readonly source?: string }) => {
      if (typeof value === "number" && context?.source !== undefined) written.set(name, context.source);
      return value;
    });
  } catch {
    return err("the line is not JSON");
  }
  if (!isObject(raw)) return err("the line is not a JSON object");
  const { type, payload } = raw;
  if (typeof type !== "string") return err("type is missing");
  if (!isFactType(type)) return err(`${type} is not a fact of the catalogue (docs/reference/events.md)`);
  const at = typeof raw.at === "string" ? parseTimestamp(raw.at) : raw.at;
  if (typeof at === "number" && isInexact(at)) return err(`at is ${written.get("at") ?? at}, ${tooLarge}`);
  if (!Number.isSafeInteger(at) || (at as number) < 0) {
    const given = raw.at === undefined ? "missing" : JSON.stringify(raw.at);
    return err(`at is ${given} and must be epoch milliseconds from 0 on, or a time like 2013-10-07T14:30:00Z`);
  }
  const schema = rowOf(type).payload;
  const isField = (name: string): boolean => !envelope.has(name) || Object.hasOwn(schema, name);
  const fields = isObject(payload) ? payload : Object.fromEntries(Object.entries(raw).filter(([name]) => isField(name)));
  const problem = payloadProblem(schema, fields, written);
  if (problem !== undefined) return err(`${type}: ${problem}`);
  return ok({ type, at, ...fields } as ActorEvent);
};

const rowFor = (line: number, event: ActorEvent, { orderId, order, refusal }: FactOutcome): ReplayRow => ({
  line,
  at: event.at,
  type: event.type,
  order: orderId,
  status: order === undefined ? null : statusOf(order),
  ordered: order?.ordered ?? null,
  cumulative: order?.cumulative ?? null,
  leaves: order === undefined ? null : leavesOf(order),
  averagePrice: order === undefined ? null : averagePriceOf(order),
  pending: order === undefined ? null : pendingOf(order),
  refused: refusal?.reason ?? null,
  refusalCode: refusal?.code ?? null,
});

/** A desk that forgets nothing of one file. */
export const createReplay = (): ((line: number, event: ActorEvent) => readonly ReplayRow[]) => {
  const desk = new OrderDesk({
    limits: { unknownDeadlineMs: 120_000, pendingDeadlineMs: 30_000 },
    instruments: [],
    finishedKept: Number.POSITIVE_INFINITY,
    approvalsKept: 1,
  });
  return (line, event) => (isDeskEvent(event) ? desk.handle(event, () => {}) : []).map((outcome) => rowFor(line, event, outcome));
};

const shown = (row: ReplayRow): string => {
  const average = row.averagePrice === null ? "-" : String(Math.round(row.averagePrice * 10_000) / 10_000);
  const columns = [
    String(row.line).padStart(5),
    row.type.padEnd(24),
    (row.order ?? "-").padEnd(12),
    (row.status ?? "not known").padEnd(15),
    `cumulative ${row.cumulative ?? "-"}`.padEnd(18),
    `leaves ${row.leaves ?? "-"}`.padEnd(14),
    `average ${average}`.padEnd(20),
    `pending ${row.pending ?? "-"}`.padEnd(15),
    row.refused === null ? "" : `refused ${row.refusalCode}: ${row.refused}`,
  ];
  return columns.join(" ").trimEnd();
};

export const command: Command = factsReplay({
  name: "order replay",
  summary: "what becomes of each order, for a file of order facts",
  help: `qts order replay: feeds a file of order facts to the real order machine.

Usage: qts order replay FACTS.jsonl [--json]

Reads one fact per line, with the names and fields of docs/reference/events.md, either whole
  {"type":"order.accepted","at":1700000000000,"payload":{"orderId":"o1"}}
or flat
  {"type":"order.accepted","at":1700000000000,"orderId":"o1"}
and prints after each line: order, status, cumulative and leaves quantity, average price (minor units), pending
request, and the reason when the fact was refused. A time is epoch milliseconds, or ISO-8601 text such as
2013-10-07T14:30:00Z; without an offset it is UTC. An order begins with order.intended. Blank lines are skipped; facts
that concern no order print nothing. The states are explained in docs/reference/orders.md.

Options:
  --json    one JSON object per line: line, at, type, order, status, ordered, cumulative, leaves, averagePrice,
            pending, refused, refusalCode

${factsExitCodesHelp}`,
  file: "FACTS.jsonl",
  parse: parseLine,
  begin: createReplay,
  shown,
});
