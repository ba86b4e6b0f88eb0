/** Quiet hours: by the zone's own clocks, over midnight, and where the clocks are moved. */
import { describe, expect, it, test } from "vitest";
import { quietHoursOf } from "#ops/automation/quiet-hours.ts";

const seoul = { timeZone: "Asia/Seoul" };
const endOf = (times: { from: string | null; to: string | null; timeZone: string }, at: string): string | null => {
  const endsAt = quietHoursOf(times).endsAt(Date.parse(at));
  return endsAt === undefined ? null : new Date(endsAt).toISOString();
};

describe("quiet hours", () => {
  test.each([
    ["21:59:59", "2026-12-01T12:59:59.999Z", null],
    ["22:00, when they begin", "2026-12-01T13:00:00Z", "2026-12-01T22:00:00.000Z"],
    ["midnight", "2026-12-01T15:00:00Z", "2026-12-01T22:00:00.000Z"],
    ["06:59:59", "2026-12-01T21:59:59.999Z", "2026-12-01T22:00:00.000Z"],
    ["07:00, when they are over", "2026-12-01T22:00:00Z", null],
  ])("from 22:00 to 07:00 in Seoul: at %s (M13)", (_name, at, end) => {
    expect(endOf({ from: "22:00", to: "07:00", ...seoul }, at)).toBe(end);
  });

  test.each([
    ["12:59", "2026-12-01T03:59:00Z", null],
    ["13:00", "2026-12-01T04:00:00Z", "2026-12-01T05:30:00.000Z"],
    ["14:30", "2026-12-01T05:30:00Z", null],
  ])("within a day, from 13:00 to 14:30: at %s", (_name, at, end) => {
    expect(endOf({ from: "13:00", to: "14:30", ...seoul }, at)).toBe(end);
  });

  it("to midnight end with the day", () => {
    expect(endOf({ from: "22:00", to: "00:00", ...seoul }, "2026-12-01T14:00:00Z")).toBe("2026-12-01T15:00:00.000Z");
  });

  it("end when the clocks are put forward over their end, and do not last a day longer", () => {
    // New York, 2026-03-08: after 01:59:59 comes 03:00.
    expect(endOf({ from: "22:00", to: "02:30", timeZone: "America/New_York" }, "2026-03-08T06:30:00Z")).toBe(
      "2026-03-08T07:00:00.000Z",
    );
  });

  it("always end later than now, and within a day, also in the hour that comes twice", () => {
    const quiet = quietHoursOf({ from: "22:00", to: "01:30", timeZone: "America/New_York" });
    for (let at = Date.UTC(2026, 9, 31); at < Date.UTC(2026, 10, 3); at += 60_000) {
      const endsAt = quiet.endsAt(at);
      if (endsAt === undefined) continue;
      expect(endsAt).toBeGreaterThan(at);
      expect(endsAt - at).toBeLessThan(86_400_000);
    }
  });

  it("that nobody has set never come", () => {
    expect(endOf({ from: null, to: null, ...seoul }, "2026-12-01T15:00:00Z")).toBeNull();
  });
});
