/** The codes in two languages. */
import { expect, it } from "vitest";
import { safetyCodesKo } from "#machines/safety.codes.ko.ts";
import { safetyCodes } from "#machines/safety.codes.ts";

it("says every code in English and in Korean, none twice (M13)", () => {
  expect(Object.keys(safetyCodesKo)).toEqual(Object.keys(safetyCodes));
  for (const sentence of Object.values(safetyCodesKo)) expect(sentence).toMatch(/^[^\n]*[가-힣][^\n]*[.)]$/);
  expect(new Set(Object.values(safetyCodesKo)).size).toBe(Object.keys(safetyCodes).length);
});
