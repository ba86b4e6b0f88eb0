import { expect, it } from "vitest";
import { PressureGauge } from "#core/event/backpressure.ts";

const gauge = (): PressureGauge => new PressureGauge({ warning: 50, critical: 80, calm: 40 });

it("reports one crossing however often the depth swings around the mark (E6)", () => {
  const read = gauge();
  const levels = [49, 50, 49, 51, 48, 50, 79, 80, 79, 81, 60, 80].map((depth) => read.read(depth));
  expect(levels.filter((level) => level !== undefined)).toEqual(["warning", "critical"]);
});

it("stays critical until the lane is calm, and then reports the next crossing again", () => {
  const read = gauge();
  expect(read.read(100)).toBe("critical");
  expect(read.read(41)).toBeUndefined();
  expect(read.level).toBe("critical");
  expect(read.read(40)).toBe("calm");
  expect(read.read(80)).toBe("critical");
});

it("goes from calm to critical at once when a burst jumps over the warning mark", () => {
  expect(gauge().read(95)).toBe("critical");
});

it("moves its marks live", () => {
  const read = gauge();
  read.read(50);
  read.marks = { warning: 500, critical: 800, calm: 400 };
  expect(read.read(50)).toBe("calm");
});
