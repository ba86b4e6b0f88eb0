import { describe, expect, it, test } from "vitest";
import { createTimeReader } from "#adapters/import/times.ts";

const iso = (text: string, zone?: string, date?: string): string => {
  const at = createTimeReader(zone)(text, date);
  return at.ok ? new Date(at.value).toISOString() : at.error;
};

test.each([
  ["1381132800", undefined, "2013-10-07T08:00:00.000Z"],
  ["1381132800.4649", undefined, "2013-10-07T08:00:00.464Z"],
  ["1381132800464", undefined, "2013-10-07T08:00:00.464Z"],
  ["1381132800464999", undefined, "2013-10-07T08:00:00.464Z"],
  ["1381132800464999999", undefined, "2013-10-07T08:00:00.464Z"],
  ["2013-10-07T08:00:00.464Z", undefined, "2013-10-07T08:00:00.464Z"],
  ["2013-10-07T17:00:00+09:00", undefined, "2013-10-07T08:00:00.000Z"],
  ["2013-10-07 17:00:00.5 +0900", undefined, "2013-10-07T08:00:00.500Z"],
  ["2013-10-07 17:00", "Asia/Seoul", "2013-10-07T08:00:00.000Z"],
  ["2013/10/07 170000", "Asia/Seoul", "2013-10-07T08:00:00.000Z"],
  ["201310071700", "Asia/Seoul", "2013-10-07T08:00:00.000Z"],
  ["20131007170001", "Asia/Seoul", "2013-10-07T08:00:01.000Z"],
])("reads %s in %s as %s", (text, zone, expected) => {
  expect(iso(text, zone)).toBe(expected);
});

test.each([
  ["093000", "20131007", "2013-10-07T13:30:00.000Z"],
  ["93000", "2013-10-07", "2013-10-07T13:30:00.000Z"],
  ["09:30:00.250", "2013/10/07", "2013-10-07T13:30:00.250Z"],
])("reads the clock %s on the day %s of a column of its own", (text, date, expected) => {
  expect(iso(text, "America/New_York", date)).toBe(expected);
});

describe("a time that is none is refused with a sentence", () => {
  it.each([
    ["2013-10-07 17:00:00", undefined, "nobody says where; give --time-zone"],
    ["2013-10-07", "Asia/Seoul", "is a date without a time"],
    ["2013-02-30 10:00", "Asia/Seoul", "is no time that a calendar has"],
    ["2013-10-07 25:00", "Asia/Seoul", "is no time that a calendar has"],
    ["12345", "Asia/Seoul", "is no time; write epoch"],
    ["", "Asia/Seoul", "is no time; write epoch"],
    ["NaN", "Asia/Seoul", "is no time; write epoch"],
    ["1e400", "Asia/Seoul", "is no time; write epoch"],
    ["-1381132800", "Asia/Seoul", "is no time; write epoch"],
    ["0000000000", "Asia/Seoul", "1970"],
  ])("%s in %s: %s", (text, zone, expected) => {
    expect(iso(text, zone)).toContain(expected);
  });

  it("an hour that the zone skipped, and one that it had twice, are named", () => {
    expect(iso("2024-03-10 02:30", "America/New_York")).toMatch(/did not exist: .* skipped 02:30 on 2024-03-10/);
    expect(iso("2024-11-03 01:30", "America/New_York")).toMatch(/came twice: .* set back over 01:30 on 2024-11-03/);
    expect(iso("2024-11-03T01:30:00-04:00", undefined)).toBe("2024-11-03T05:30:00.000Z");
    expect(iso("2024-11-03 03:00", "America/New_York")).toBe("2024-11-03T08:00:00.000Z");
  });
});
