/**
 * Makes `days/us-equity-20131007.qtsday` from QuantConnect Lean's sample data. Run by hand, only when the format changes:
 *
 *     npx node src/adapters/replay/convert.ts DIR src/adapters/replay/days/us-equity-20131007.qtsday
 *
 * DIR is a directory with lean_spy_tick_20131007_trade.zip and lean_ibm_tick_20131007_trade.zip, as they lie in
 * Lean's repository under Data/equity/usa/tick. Needs `unzip`. The result is the same every time.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { encodeDay, type SourceTrade } from "./day-format.ts";

/** Rows of a Lean trade tick file: ms since New York midnight, price in 1e-4 USD, quantity, venue, sale condition, suspicious. */
export const readLeanTrades = (zipPath: string, symbol: string): SourceTrade[] =>
  execFileSync("unzip", ["-p", zipPath], { encoding: "utf8", maxBuffer: 1 << 28 })
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [ms, price, quantity, venue, condition, suspicious] = line.trimEnd().split(",");
      return {
        ms: Number(ms),
        symbol,
        priceMinor: Number(price),
        quantity: Number(quantity),
        venue: venue as string,
        condition: condition as string,
        suspicious: suspicious === "1",
      };
    });

/** Merges by time; within a millisecond SPY comes first, and each symbol keeps its own order (the sort is stable). */
export const leanDay = (directory: string): Buffer => {
  const trades = ["SPY", "IBM"].flatMap((symbol) =>
    readLeanTrades(join(directory, `lean_${symbol.toLowerCase()}_tick_20131007_trade.zip`), symbol),
  );
  trades.sort((a, b) => a.ms - b.ms);
  return encodeDay(
    {
      name: "us-equity-20131007",
      source: "QuantConnect Lean sample data, Data/equity/usa/tick/{spy,ibm}/20131007_trade.zip",
      licence: "Apache-2.0",
      timeZone: "America/New_York",
      // New York was four hours behind UTC on that day.
      midnightAt: Date.UTC(2013, 9, 7, 4),
      regularMs: [9.5 * 3_600_000, 16 * 3_600_000],
      priceScale: 4,
    },
    trades,
  );
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [directory, target] = process.argv.slice(2);
  if (directory === undefined || target === undefined) {
    process.stderr.write("usage: node src/adapters/replay/convert.ts <directory of the zips> <file to write>\n");
    process.exitCode = 64;
  } else {
    const day = leanDay(directory);
    writeFileSync(target, day); // tidy-ok: a developer makes a day file where it was asked for
    process.stdout.write(`${target}: ${day.length} bytes\n`);
  }
}
