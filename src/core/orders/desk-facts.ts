/** What the order desk takes: what its orders take, an intent, the end of a reconciliation, and the beginning of a process. */
import type { ActorEvent, EventOf, FactType } from "#machines/facts/catalog.ts";
import { orderTakes } from "#machines/order.rules.ts";

export const deskTakes = [
  "session.started",
  "order.intended",
  ...orderTakes,
  "reconciliation.completed",
  "reconciliation.failed",
] as const satisfies readonly FactType[];

export type DeskEvent = EventOf<typeof deskTakes>;

const taken: ReadonlySet<FactType> = new Set(deskTakes);
export const isDeskEvent = (event: ActorEvent): event is DeskEvent => taken.has(event.type);
