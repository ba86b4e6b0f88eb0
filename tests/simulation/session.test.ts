import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { SimulatedClock } from "#adapters/memory/clock.ts";
import { createPaperBroker } from "#adapters/paper/broker.ts";
import { readLedger } from "#adapters/paper/oracle.ts";
import { parseConfig } from "#config/config.ts";
import { createRandom } from "#core/random.ts";
import { createStrategy } from "#core/strategy/moving-average-cross.ts";
import type { RawTick } from "#market/ports.ts";
import { createWorld, morning } from "../world.ts";

const minute = 60_000;
const minutes = 150;

/** Two and a half hours of a market that swings often enough for the sample strategy, a trade every ten seconds. */
const swings = (seed: number): readonly RawTick[] => {
  const random = createRandom(seed);
  return Array.from({ length: minutes * 6 }, (_, index) => ({
    symbol: "SPY",
    exchangeAt: morning + (index + 1) * 10_000,
    sequence: index + 1,
    priceMinor: 1_680_000 + 100 * Math.round(60 * Math.sin(index / 25) + 100 * random()),
    quantity: 2000,
  }));
};

const live = async (seed: number, killsAt: readonly number[]) => {
  const folder = mkdtempSync(join(tmpdir(), "qts-world-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const ledgerPath = join(folder, "venue.jsonl");
  const defaults = parseConfig();
  if (!defaults.ok) throw new Error("the default configuration is broken");
  const { broker, instruments } = defaults.config;
  const venue = async (clock: SimulatedClock) => {
    const opened = await createPaperBroker({ config: broker.paper, instruments, hours: "all", clock, seed, ledgerPath });
    if (!opened.ok) throw new Error(opened.error.reason);
    const paper = opened.value;
    onTestFinished(() => paper.close());
    return {
      broker: paper,
      onTrade: ({ symbol, priceMinor, quantity, exchangeAt, sequence }: RawTick) =>
        paper.onTrade({ symbol, priceMinor, quantity, at: exchangeAt, sequence }),
      endOfDay: () => paper.endOfSession(),
    };
  };
  const world = await createWorld({ ticks: swings(seed), strategy: createStrategy({ instruments, seed }), seed, venue });
  for (let at = 1; at <= minutes; at += 1) {
    await world.advance(minute);
    if (killsAt.includes(at)) await world.restart();
  }
  await world.endFeed();
  return { ...(await world.root().finished), ledger: readLedger(ledgerPath) };
};

it.each([
  { name: "undisturbed", killsAt: [] },
  { name: "killed three times", killsAt: [31, 32, 77] },
])(
  "a session on the paper exchange, $name: every order ends, positions are the sum of the venue's fills",
  async ({ killsAt }) => {
    const { report, failure, ledger } = await live(7, killsAt);
    expect(failure).toBeUndefined();
    expect(report.recovered).toBe(killsAt.length > 0);
    expect(report.orders.filled).toBeGreaterThan(2);
    expect(report.orders).toMatchObject({ open: 0, unknown: 0 });
    expect(ledger.duplicateSubmits).toEqual([]);
    const lots = ledger.fills.reduce((sum, { side, quantity }) => sum + (side === "buy" ? quantity : -quantity), 0);
    expect(report.positions.SPY ?? 0).toBe(lots);
    expect(report.safety).toBe("NORMAL");
  },
);

it("the same seed gives the same session, to the last unit of money", async () => {
  const [one, other] = [await live(11, []), await live(11, [])];
  expect(other.report).toEqual(one.report);
  expect((await live(12, [])).report.pnlMinor).not.toBe(one.report.pnlMinor);
});
