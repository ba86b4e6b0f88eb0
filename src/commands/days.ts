/** `qts days`: the recorded days that can be played, shipped and imported. */

import { existsSync } from "node:fs";
import { settleImports } from "#adapters/replay/days-folder.ts";
import { dateOf, daysIn, headerOf, shippedDays } from "#adapters/replay/recorded-days.ts";
import { printable } from "#core/printable.ts";
import { type Command, type CommandIo, exitCodes, readOptions } from "./command.ts";
import { ownDaysDirectory, withDaysDirectory } from "./days-directory.ts";

interface ListedDay {
  readonly name: string;
  readonly date: string;
  readonly market: string;
  readonly symbols: readonly string[];
  readonly trades: number;
  readonly source: string;
  readonly isShipped: boolean;
}

const symbolsShown = 4;

const run = async (args: readonly string[], given: CommandIo): Promise<number> => {
  const { values } = readOptions("days", args, { "days-dir": { type: "string" }, json: { type: "boolean" } });
  const directory = ownDaysDirectory(withDaysDirectory(given, values["days-dir"]));
  const days: ListedDay[] = [];
  const problems: string[] = [];
  try {
    settleImports(directory);
  } catch (error) {
    problems.push(`an import that was killed cannot be ended in ${directory}: ${(error as Error).message}`);
  }
  for (const known of daysIn([shippedDays, directory])) {
    const header = headerOf(known);
    if (!header.ok) {
      problems.push(header.error);
      continue;
    }
    const { instruments, symbols, trades, source, timeZone } = header.value;
    days.push({
      name: known.name,
      date: dateOf(header.value),
      market: instruments?.[0]?.market ?? timeZone,
      symbols: symbols.map(({ symbol }) => symbol),
      trades,
      source,
      isShipped: known.directory === shippedDays,
    });
  }
  const exitCode = problems.length === 0 ? exitCodes.ok : exitCodes.failed;
  if (values.json) {
    given.out(`${JSON.stringify({ directory, days, problems })}\n`);
    return exitCode;
  }
  const rows = days.map(({ name, date, market, symbols, trades, source, isShipped }) => [
    name,
    date,
    market,
    symbols.length > symbolsShown
      ? `${symbols.slice(0, symbolsShown).join(" ")} +${symbols.length - symbolsShown}`
      : symbols.join(" "),
    trades.toLocaleString("en-US"),
    isShipped ? "ships with QTS" : printable(source),
  ]);
  const head = ["day", "date", "market", "symbols", "trades", "source"];
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  for (const row of [head, ...rows])
    given.out(
      `${row
        .map((cell, column) => (column === 4 ? cell.padStart(widths[4] as number) : cell.padEnd(widths[column] as number)))
        .join("  ")
        .trimEnd()}\n`,
    );
  if (!existsSync(directory))
    given.out(`None of yours: there is no ${directory}; \`qts import --help\` says how to make some.\n`);
  for (const problem of problems) given.err(`${printable(problem)}.\n`);
  return exitCode;
};

export const command: Command = {
  name: "days",
  summary: "the recorded days that can be played, shipped and imported",
  help: `qts days: the recorded days that \`qts run --day NAME\` can play.

Usage: qts days [options]

Options:
  --days-dir DIR   where your days lie (default: QTS_DAYS, else ./days)
  --json           one JSON document
  --help           this page

Exit codes: 0 ok, 1 a file is no recorded day or is damaged, 2 usage.
`,
  run,
};
