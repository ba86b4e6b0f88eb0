/** Who is told of which fact, and in which order, follows from what the machines take. */
import { describe, expect, it } from "vitest";
import { actorNames, actors, type DeafToTimers, type Misrouted, type Unread } from "#core/actors.ts";
import { createKinds } from "#core/event/kinds.ts";
import { routeOf } from "#core/event/routes.ts";
import type { TimerSet } from "#machines/effects.ts";
import { type EventOf, type FactType, factTypes } from "#machines/facts/catalog.ts";
import { type CatalogRow, factTable } from "#machines/facts/fact.ts";
import type { FeedEvent } from "#machines/feed.machine.ts";

describe("a route", () => {
  it("has exactly the actors that take the fact", () => {
    for (const type of factTypes)
      expect([...routeOf(type)].sort(), type).toEqual(
        actorNames.filter((name) => (actors[name].takes as readonly FactType[]).includes(type)).sort(),
      );
  });

  // Journals of earlier homes were written under this order.
  // A younger actor may stand anywhere.
  it.each<[FactType, readonly string[]]>([
    ["broker.disconnected", ["orders", "safety", "session"]],
    ["safety.changed", ["operating", "execution"]],
    ["component.failed", ["supervisor", "ops"]],
    [
      "session.started",
      ["supervisor", "orders", "reconciliation", "execution", "feed", "archive", "session", "ops", "maintenance", "scheduler"],
    ],
  ])("keeps its order where several actors take one fact: %s (E1)", (type, order) => {
    expect(routeOf(type).filter((name) => order.includes(name))).toEqual(order);
  });

  it("leads nowhere where nobody listens", () => {
    expect(routeOf("reconciliation.completed")).toEqual(["orders", "reconciliation", "session"]);
    expect(routeOf("broker.connected")).toEqual(["safety", "reconciliation"]);
    expect(routeOf("component.started")).toEqual([]);
    expect(routeOf("market.trade.ticked")).toEqual([]);
  });

  it("is looked up once: every dispatcher shares the list", () => {
    for (const { type, route } of createKinds().values()) expect(route).toBe(routeOf(type));
  });
});

/** Compiles only for `never`. */
const isNothing = <T extends never>(): T[] => [];

describe("what does not compile", () => {
  it("an event with a field that the catalogue calls differently (E1)", () => {
    const heard: FeedEvent = { type: "feed.heard", at: 1, feed: "sample", silentMs: 3, marketOpen: true };
    // @ts-expect-error the catalogue says silentMs
    const renamed: FeedEvent = { type: "feed.heard", at: 1, feed: "sample", quietMs: 3, marketOpen: true };
    // @ts-expect-error a number, says the catalogue
    const retyped: FeedEvent = { type: "feed.heard", at: 1, feed: "sample", silentMs: "3", marketOpen: true };
    // @ts-expect-error no such field
    const read = (event: EventOf<readonly ["feed.heard"]>) => event.quietMs;
    // @ts-expect-error no such fact
    const unknown: FactType = "feed.went.stail";
    expect([heard, renamed, retyped, read(heard), unknown]).toHaveLength(5);
  });

  it("a machine that asks for deadlines and does not take them, or takes them and asks for none (E1)", () => {
    isNothing<DeafToTimers<TimerSet | { type: "feed.stop" }, "feed.heard" | "timer.due">>();
    isNothing<DeafToTimers<{ type: "feed.stop" }, "feed.heard">>();
    // @ts-expect-error deaf to its own deadlines
    isNothing<DeafToTimers<TimerSet, "feed.heard">>();
    // @ts-expect-error troubled with the deadlines of others
    isNothing<DeafToTimers<{ type: "feed.stop" }, "feed.heard" | "timer.due">>();
  });

  it("an actor beside the list of another", () => {
    isNothing<Misrouted<"feed.heard", "feed.heard">>();
    // @ts-expect-error it would never hear of it
    isNothing<Misrouted<"feed.heard" | "timer.due", "feed.heard">>();
    // @ts-expect-error it would be sent what it does not take
    isNothing<Misrouted<"feed.heard", "feed.heard" | "archive.opened">>();
  });

  it("a fact that nobody reads, and one that is promised to somebody else than the machine that takes it (E1)", () => {
    const row = { priority: "P0", journaled: true, payload: {}, says: "The moon rose." } as const;
    const rows = factTable({ "moon.rose": row, "moon.set": { ...row, readBy: "people" } });
    type Rows = typeof rows;
    isNothing<Unread<Rows, "moon.rose">>();
    // @ts-expect-error moon.rose
    isNothing<Unread<Rows, never>>();
    // @ts-expect-error moon.set
    isNothing<Unread<Rows, "moon.rose" | "moon.set">>();
    // @ts-expect-error the sun is no reader
    const wrong: CatalogRow = { ...row, readBy: "the sun" };
    expect(wrong.says).toBe("The moon rose.");
  });
});
