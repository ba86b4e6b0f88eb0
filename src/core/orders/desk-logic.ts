/** The order desk as the actor `orders`: xstate sends facts, the desk keeps its own state, effects leave by `emit`. */
import type { ActorLogic, ActorSystem, ActorSystemInfo, Snapshot } from "xstate";
import type { OrderEffect } from "#machines/order.effects.ts";
import type { DeskEvent } from "./desk-facts.ts";
import { type DeskInput, OrderDesk, type PersistedDesk } from "./order-desk.ts";

export type DeskSnapshot = Snapshot<undefined> & {
  /** For people: whether the broker has been reconciled. */
  readonly value: "open" | "closed";
  readonly desk: OrderDesk;
};
export type DeskLogic = ActorLogic<DeskSnapshot, DeskEvent, undefined, ActorSystem<ActorSystemInfo>, OrderEffect>;

const snapshotOf = (desk: OrderDesk): DeskSnapshot => ({
  status: "active",
  output: undefined,
  error: undefined,
  value: desk.trading().open ? "open" : "closed",
  desk,
});

/**
 * @param input also used after a restore, because xstate gives no input to a restored actor
 * @returns logic whose snapshot holds one desk that is changed in place: 100,000 orders cannot be copied per fact
 */
export const createDeskLogic = (input: DeskInput): DeskLogic => ({
  getInitialSnapshot: () => snapshotOf(new OrderDesk(input)),
  transition: (snapshot, event, { emit }) => {
    const { desk } = snapshot;
    desk.handle(event, emit);
    const isOpen = desk.trading().open;
    return isOpen === (snapshot.value === "open") ? snapshot : snapshotOf(desk);
  },
  getPersistedSnapshot: ({ desk }) =>
    ({ status: "active", output: undefined, error: undefined, desk: desk.persist() }) as unknown as Snapshot<unknown>,
  restoreSnapshot: (persisted) => snapshotOf(new OrderDesk(input, (persisted as unknown as { desk: PersistedDesk }).desk)),
});
