/** The overview that `qts --help` prints: every command with its line, from the table itself. */
import type { TableRow } from "./table.ts";

export const overview = async (table: readonly TableRow[]): Promise<string> => {
  const commands = await Promise.all(table.map((row) => row.load()));
  const width = Math.max(...commands.map(({ name }) => name.length));
  return `QTS, the Quant Trading System: a runtime that makes a trading core safe to leave running.

Usage: qts [command] [options]          without a command: run

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

Options:
  --help, -h     this page; after a command, that command's page
  --version, -v  the version
  --debug        on a crash, print the stack too (also: QTS_DEBUG=1)

Exit codes: 0 ok, 1 failed, 2 usage, 3 not running, 4 refused, 78 configuration.
`;
};
