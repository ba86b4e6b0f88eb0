import { expect, it } from "vitest";
import { createRandom } from "#core/random.ts";

const first = (seed: number, count: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, random);
};

it("gives the same sequence for the same seed and another one for another seed", () => {
  expect(first(42, 100)).toEqual(first(42, 100));
  expect(first(42, 5)).not.toEqual(first(43, 5));
});

it("gives numbers from 0 up to, not including, 1, spread evenly", () => {
  const numbers = first(1, 100_000);
  expect(Math.min(...numbers.slice(0, 10_000))).toBeGreaterThanOrEqual(0);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  const tenths = new Array<number>(10).fill(0);
  for (const number of numbers) tenths[Math.floor(number * 10)] = (tenths[Math.floor(number * 10)] ?? 0) + 1;
  for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});
