/**
 * The verdict over a home after everything that was done to it: what the journal says against what the venue's ledger says.
 *
 * Every order is rebuilt from the journal's first fact to its last, so nothing that a snapshot or a report claims is taken
 * on trust; the newest snapshot is one more witness.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { homePaths } from "#adapters/host/home.ts";
import { sessionsOf } from "#adapters/host/journal/sessions.ts";
import { openStore, unpack } from "#adapters/host/journal/store.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { parseConfig } from "#config/config.ts";
import type { ActorEvent, Fact } from "#core/event/catalog.ts";
import { isDeskEvent } from "#core/orders/desk-facts.ts";
import { OrderDesk, type PersistedDesk } from "#core/orders/order-desk.ts";
import { isTerminal, type OrderRecord, statusOf } from "#machines/order.rules.ts";

export interface HomeVerdict {
  /** One sentence for each thing that must not be; empty when all is well. */
  readonly violations: readonly string[];
  readonly orders: number;
  readonly atVenue: number;
  readonly fills: number;
  /** Orders that wait for a person, visibly. */
  readonly unknown: readonly string[];
}

interface Witness {
  readonly facts: readonly Fact[];
  readonly snapshot: { readonly seq: number; readonly desk: PersistedDesk } | undefined;
}

const witnessOf = (home: string): Witness => {
  const facts: Fact[] = [];
  const [session] = sessionsOf(homePaths(home));
  if (session === undefined) throw new Error(`${home} has no journal`);
  const store = openStore(session.file, { readOnly: true });
  try {
    for (let seq = 0; seq < store.lastSeq; ) {
      const chunk = store.chunk(seq, store.lastSeq);
      if (!chunk.ok) throw new Error(JSON.stringify(chunk.error));
      for (const { body } of unpack(seq, chunk.value)) facts.push(JSON.parse(body) as Fact);
      seq += chunk.value.at.length;
    }
    const loaded = store.loadSnapshot();
    const saved = loaded.ok ? loaded.value.snapshot : undefined;
    if (saved === undefined) return { facts, snapshot: undefined };
    const { actors } = JSON.parse(saved.body) as { actors: { children: { orders: { snapshot: { desk: PersistedDesk } } } } };
    return { facts, snapshot: { seq: saved.seq, desk: actors.children.orders.snapshot.desk } };
  } finally {
    store.abandon();
  }
};

/** Where our record of an order and the venue's differ. */
const difference = (
  order: OrderRecord,
  listed: ReturnType<typeof readLedger>["orders"][number] | undefined,
): string | undefined => {
  const status = statusOf(order);
  const name = `${order.orderId} is ${status}`;
  if (!isTerminal(status)) {
    if (status !== "unknown") return `${name}: neither ended nor unknown`;
    if (order.deadlineAt === null && order.owner !== "operator") return `${name} and has neither a deadline nor a person`;
  }
  if (listed === undefined) {
    const neverSent = status === "denied" || (status === "canceled" && order.evidence === "none") || status === "unknown";
    return neverSent ? undefined : `${name} and the venue never saw it`;
  }
  if (status === "denied") return `${name} (${order.endCode}) and the venue has it: ${listed.status}`;
  if (order.cumulative !== listed.filledQuantity || order.unattributed !== 0)
    return `${name} with ${order.cumulative} filled (${order.unattributed} without a fill), the venue filled ${listed.filledQuantity}`;
  if (isTerminal(status) && status !== listed.status) return `${name} and at the venue ${listed.status}`;
  return undefined;
};

/** @param configFile the configuration that the session ran with */
export const judge = ({ home, ledger, configFile }: { home: string; ledger: string; configFile: string }): HomeVerdict => {
  const parsed = parseConfig(readFileSync(configFile, "utf8"));
  if (!parsed.ok) throw new Error(`${configFile} is not a configuration`);
  const { broker, instruments } = parsed.config;
  const venue = readLedger(ledger, Object.fromEntries(instruments.map(({ symbol, lotSize }) => [symbol, lotSize])));
  const { facts, snapshot } = witnessOf(home);
  const limits = { unknownDeadlineMs: broker.unknownDeadlineMs, pendingDeadlineMs: broker.pendingDeadlineMs };
  const input = { instruments, limits, approvalsKept: 10_000 };
  const desk = new OrderDesk({ ...input, finishedKept: Number.MAX_SAFE_INTEGER });
  // The second desk forgets as the running one does, so that it must come to the same snapshot.
  const twin = new OrderDesk({ ...input, finishedKept: broker.finishedOrdersKept });
  const intended = new Set<string>();
  const approved = new Set<string>();
  const violations: string[] = [];

  let seq = 0;
  for (const { type, at, payload } of facts) {
    seq += 1;
    const event = { type, at, ...(payload as object) } as ActorEvent;
    if (isDeskEvent(event)) desk.handle(event, () => undefined);
    if (isDeskEvent(event) && seq <= (snapshot?.seq ?? 0)) twin.handle(event, () => undefined);
    if (type === "order.intended") {
      const { orderId } = payload as { orderId: string };
      if (intended.has(orderId)) violations.push(`${orderId} was intended twice`);
      intended.add(orderId);
    }
    if (type === "order.approved") approved.add((payload as { orderId: string }).orderId);
  }
  // As values: a desk that was restored may name the fields of an order in another sequence.
  if (snapshot !== undefined && !isDeepStrictEqual(JSON.parse(JSON.stringify(twin.persist())), snapshot.desk))
    violations.push(`the snapshot at record ${snapshot.seq} is not what the facts before it lead to`);

  if (venue.damage !== undefined) violations.push(`the ledger is damaged: ${venue.damage}`);
  for (const orderId of venue.duplicateSubmits) violations.push(`${orderId} was sent to the venue twice`);
  const listed = new Map(venue.orders.map((order) => [order.orderId, order]));
  if (listed.size !== venue.orders.length) violations.push("the ledger has an order id twice");
  for (const orderId of listed.keys())
    if (!intended.has(orderId) || !approved.has(orderId))
      violations.push(`${orderId} is at the venue without a durable approval`);

  const unknown: string[] = [];
  for (const order of [...desk.liveOrders(), ...desk.finishedOrders()]) {
    const problem = difference(order, listed.get(order.orderId));
    if (problem !== undefined) violations.push(problem);
    if (statusOf(order) === "unknown") unknown.push(order.orderId);
  }
  if (desk.total() !== intended.size) violations.push(`${intended.size} orders were intended, the desk counts ${desk.total()}`);

  const held = Object.fromEntries(
    [...desk.positions()].flatMap(({ symbol, quantity }) => (quantity === 0 ? [] : [[symbol, quantity]])),
  );
  for (const symbol of new Set([...Object.keys(held), ...Object.keys(venue.positions)]))
    if (held[symbol] !== venue.positions[symbol])
      violations.push(`${symbol}: ${held[symbol] ?? 0} lots by our fills, ${venue.positions[symbol] ?? 0} by the venue's`);
  const cash = broker.paper.cashMinor + desk.totals().cashMinor;
  if (cash !== venue.cashMinor) violations.push(`cash is ${cash} by our fills and ${venue.cashMinor} at the venue`);
  return { violations, orders: intended.size, atVenue: listed.size, fills: venue.fills.length, unknown };
};
