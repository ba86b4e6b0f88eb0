/** Runs command lines without a process, and keeps what they print. */

import type { CommandIo } from "#commands/command.ts";
import { runCommandLine } from "#commands/command-line.ts";
import { commandTable, type TableRow } from "#commands/table.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export const runLine = async (
  argv: readonly string[],
  over: Partial<CommandIo> = {},
  table: readonly TableRow[] = commandTable,
): Promise<Ran> => {
  let out = "";
  let err = "";
  const exitCode = await runCommandLine(argv, table, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    cwd: "/",
    ...over,
  });
  return { exitCode, out, err };
};
