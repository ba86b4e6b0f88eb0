import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { orderSeriesFor } from "#commands/session-broker.ts";
import { parseConfig } from "#config/config.ts";

const configOf = (adapter: "paper" | "exchange") => {
  const parsed = parseConfig({ broker: { adapter } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
};

describe("the series of a run's order ids", () => {
  const setUp = () => {
    const folder = mkdtempSync(join(tmpdir(), "qts-series-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const about = { ledgerPath: join(folder, "session-0001.jsonl"), epoch: 7, startedAt: Date.UTC(2026, 0) };
    return about;
  };

  it("is the epoch at a venue that begins with this session, so that the same seed gives the same run", () => {
    expect(orderSeriesFor(configOf("paper"), setUp())).toBe("7");
  });

  it("is new for every run at a venue that has a ledger already, or one of its own (O5, O14)", () => {
    const about = setUp();
    const series = () => [orderSeriesFor(configOf("exchange"), about)];
    writeFileSync(about.ledgerPath, "");
    for (const taken of [series(), [orderSeriesFor(configOf("paper"), about)]]) {
      expect(taken[0]).toMatch(/^[a-z0-9]{12}$/);
      expect(taken).not.toEqual(series());
    }
  });
});
