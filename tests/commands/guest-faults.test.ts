/** A strategy's faults outside of its calls are told apart from ours, and both with their place. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createGuestFaults, type GuestFaults } from "#commands/guest-faults.ts";

const root = join(import.meta.dirname, "../..");
const file = "/home/kim/dip.ts";
const thrown = (...frames: readonly string[]): Error =>
  Object.assign(new Error("late"), { stack: ["Error: late", ...frames.map((frame) => `    at ${frame}`)].join("\n") });
/** As Node makes it of what is no error. */
const rejection = Object.assign(thrown("triggerUncaughtException (node:internal/process/promises:1:2)"), {
  message: 'This error originated … The promise rejected with the reason "plain".',
  code: "ERR_UNHANDLED_REJECTION",
});
const withGuest = (): GuestFaults => {
  const guests = createGuestFaults();
  guests.welcome(file);
  return guests;
};

describe("whose fault it is", () => {
  it.each([
    {
      from: "a timer of the strategy",
      error: thrown(`Timeout._onTimeout (file://${file}:12:7)`, "listOnTimeout (node:internal/timers:1:2)"),
      place: `${file}:12:7`,
    },
    { from: "a file that it imports", error: thrown("/home/kim/lib/prices.js:3:1"), place: "/home/kim/lib/prices.js:3:1" },
    {
      from: "our code, called by the strategy's",
      error: thrown(`position (file://${root}/src/core/view.ts:1:2)`, `later (${file}:5:6)`),
      place: `${file}:5:6`,
    },
  ])("$from: the strategy's, with the place", ({ error, place }) => {
    expect(withGuest().sentenceOf(error, "threw outside of its calls")).toBe(
      `the strategy ${file} threw outside of its calls: Error: late (${place})`,
    );
  });

  it.each([
    {
      what: "a rejection with what is no error",
      error: rejection,
      says: ": plain",
    },
    { what: "a thrown text", error: "plain", says: ": plain" },
    { what: "a thrown null", error: null, says: ": null" },
  ])("$what: the strategy's, for QTS throws errors", ({ error, says }) => {
    expect(withGuest().sentenceOf(error, "threw")).toBe(`the strategy ${file} threw${says}`);
  });

  it.each([
    { what: "our own code", error: thrown(`tick (file://${root}/src/market/pipeline.ts:1:2)`) },
    { what: "a machine", error: thrown(`${root}/machines/order.machine.ts:1:2`) },
    { what: "a library of ours", error: thrown(`${root}/node_modules/ws/lib/sender.js:1:2`) },
    { what: "Node itself", error: thrown("TCPConnectWrap.afterConnect (node:net:1:2)") },
  ])("$what: ours", ({ error }) => expect(withGuest().sentenceOf(error, "threw")).toBeUndefined());

  it("is ours while there is no guest", () => {
    expect(createGuestFaults().sentenceOf(thrown(`${file}:1:2`), "threw")).toBeUndefined();
    expect(createGuestFaults().sentenceOf("plain", "threw")).toBeUndefined();
  });

  it("is told to the newest listener until that listens no more, and whoever tells knows whether anybody has heard", () => {
    const guests = withGuest();
    const heard: string[] = [];
    expect(guests.tell("early")).toBe(false);
    const deafenOld = guests.onFault((sentence) => heard.push(`old ${sentence}`));
    const deafen = guests.onFault((sentence) => heard.push(sentence));
    deafenOld();
    expect(guests.tell("late")).toBe(true);
    deafen();
    expect(guests.tell("too late")).toBe(false);
    expect(heard).toEqual(["late"]);
  });
});
