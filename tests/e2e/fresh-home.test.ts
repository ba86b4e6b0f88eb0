/** A venue keeps its book whatever becomes of a home: emptied, copied, or restored from a backup. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readLedger } from "#adapters/paper/oracle.ts";
import { sessionReportSchema } from "#commands/session-report.ts";
import { emptyFolder, startQts } from "./qts.ts";

const strategy = join(import.meta.dirname, "four-orders.ts");

describe("an order id is never used twice at a venue, whatever became of the home (O5, O14)", () => {
  it("four orders from a home, twice, from a copy of it and from an empty one: all filled, each under an id of its own", async () => {
    const folder = emptyFolder();
    const exchange = startQts(["exchange", "--home", join(folder, "venue"), "--port", "0", "--json"]);
    onTestFinished(() => void exchange.child.kill("SIGKILL"));
    const url = await new Promise<string>((resolve) =>
      exchange.child.stdout?.once("data", (line: string) => resolve((JSON.parse(line) as { url: string }).url)),
    );

    // The venue's clock goes with the market and never back: each session trades after the last one's market.
    let after = "";
    const trade = async (home: string) => {
      const args = [
        "--home",
        join(folder, home),
        "--broker",
        url,
        "--broker-token",
        join(folder, "venue", "exchange", "token"),
        "--strategy",
        strategy,
        "--new-session",
      ];
      const session = startQts(["run", "--port", "0", "--without-ops", "--json", ...args], { TRADE_AFTER: after });
      onTestFinished(() => void session.child.kill("SIGKILL"));
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (session.stderr().split('"fact":"order.filled"').length > 4) resolve();
        };
        session.child.stderr?.on("data", look);
        session.child.once("close", () => reject(new Error(`ended before four fills: ${session.stderr()}`)));
      });
      session.child.kill("SIGTERM");
      const { stdout, stderr, exitCode } = await session.finished;
      expect(exitCode, stderr).toBe(0);
      const report = sessionReportSchema.parse(JSON.parse(stdout));
      after = String(report.market.to);
      return report;
    };

    for (const home of ["first", "first", "copy", "empty"]) {
      const { orders, positions, safety } = await trade(home);
      expect({ home, filled: orders.filled, total: orders.total, positions, safety }).toEqual({
        ...{ home, filled: 4, total: 4, positions: {}, safety: "NORMAL" },
      });
      // As it is after its first session: what follows there happens twice.
      if (!existsSync(join(folder, "copy"))) cpSync(join(folder, "first"), join(folder, "copy"), { recursive: true });
    }
    const { orders, duplicateSubmits } = readLedger(join(folder, "venue", "exchange", "session-0001.jsonl"));
    expect(duplicateSubmits).toEqual([]);
    expect(orders).toHaveLength(16);
  });
});
