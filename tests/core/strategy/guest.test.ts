import { describe, expect, it } from "vitest";
import { faultText, listFrom, whyNoStrategy } from "#core/strategy/guest.ts";

const evaluate = (): readonly [] => [];

describe("what a strategy's module gives", () => {
  it.each([
    { made: undefined, says: "createStrategy returned nothing, and must return a strategy" },
    { made: null, says: "createStrategy returned null" },
    { made: "dip", says: "createStrategy returned a string" },
    {
      made: Promise.resolve({ name: "dip", evaluate }),
      says: "createStrategy returned a promise, and must return the strategy itself",
    },
    { made: { evaluate }, says: "has no name" },
    { made: { name: " ", evaluate }, says: "has no name" },
    { made: { name: "dip" }, says: "has no function evaluate" },
    { made: { name: "dip", evaluate, onTrade: 7 }, says: "has an onTrade that is a number and no function" },
  ])("is refused when it is no strategy: $says", ({ made, says }) => expect(whyNoStrategy(made)).toContain(says));

  it("is taken when it is one, with or without onTrade", () => {
    expect(whyNoStrategy({ name: "dip", evaluate })).toBeUndefined();
    expect(whyNoStrategy({ name: "dip", evaluate, onTrade: evaluate })).toBeUndefined();
  });

  it.each([
    { returned: undefined, says: "evaluate of dip returned nothing, and must return a list of proposals" },
    { returned: {}, says: "returned an object" },
    { returned: "buy", says: "returned a string" },
    { returned: Promise.resolve([]), says: "returned a promise" },
  ])("is no list of proposals: $says", ({ returned, says }) => expect(() => listFrom("dip", returned as never)).toThrow(says));

  it("throws anything: it becomes one line of bounded length with its place, where it has one", () => {
    expect(faultText(new TypeError("no\nprice"))).toMatch(/^TypeError: no price \(guest\.test\.ts:\d+:\d+\)$/);
    expect(faultText("plain")).toBe("plain");
    expect(faultText(undefined)).toBe("undefined");
    expect(faultText("x".repeat(10_000))).toHaveLength(301);
    const cruel = {
      toString: () => {
        throw new Error("even this");
      },
    };
    expect(faultText(cruel)).toBe("something that cannot even be shown");
    expect(
      faultText(Object.assign(new Error("x"), { stack: "Error: x\n    at resolve (node:internal/modules/resolve:241:11)" })),
    ).toBe("Error: x");
  });
});
