import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unitsOf } from "#core/decimal.ts";

describe("decimal text", () => {
  it.each([
    ["127.0", 0, 127],
    ["90000000", 0, 90_000_000],
    ["0.00012345", 8, 12_345],
    ["46.48838371", 8, 4_648_838_371],
    ["1e-8", 8, 1],
    ["1.5E2", 0, 150],
    ["0.0", 0, 0],
    ["9007199254740991", 0, Number.MAX_SAFE_INTEGER],
  ])("%s at scale %i is %i units", (text, scale, units) => {
    expect(unitsOf(text, scale)).toEqual({ ok: true, value: units });
  });

  it.each([
    ["126.5", 0, "has more than 0 digits after the point"],
    ["0.000000001", 8, "has more than 8 digits after the point"],
    ["9007199254740992", 0, "is beyond 2^53 of its units and could not be kept exactly"],
    ["90071992.54740992", 8, "is beyond 2^53 of its units and could not be kept exactly"],
    ["-1", 0, "is not a decimal number"],
    ["", 0, "is not a decimal number"],
    ["1e999", 0, "has an exponent that no price has"],
  ])("%s at scale %i is refused: it %s", (text, scale, problem) => {
    expect(unitsOf(text, scale)).toEqual({ ok: false, error: problem });
  });

  it("comes back as it was written, to the last digit, where a float would not", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.integer({ min: 0, max: 15 }), (units, scale) => {
        const digits = `${units}`.padStart(scale + 1, "0");
        const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
        expect(unitsOf(text, scale)).toEqual({ ok: true, value: units });
      }),
    );
  });
});
