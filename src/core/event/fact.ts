/** One fact that travels through the house (spec E2). */
import type { Priority } from "#machines/facts/fact.ts";

export { type Priority, priorities } from "#machines/facts/fact.ts";

/** A fact on its way. Frozen; `at` is epoch ms of the Clock port (market time in a replay). */
export interface FactRecord<Type extends string = string, Payload = unknown> {
  /** Unique and sortable by creation. */
  readonly id: string;
  readonly type: Type;
  readonly priority: Priority;
  readonly at: number;
  /** The part of the house, or the adapter, that reported it. */
  readonly source: string;
  readonly payload: Payload;
  /** The order, cycle or run it belongs to. */
  readonly correlationId?: string;
  readonly requiresAck?: boolean;
  readonly processingMsMax?: number;
}
