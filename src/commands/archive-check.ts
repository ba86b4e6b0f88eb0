/** `qts archive check`: is a market archive whole? Reads the tree with knowledge of the contract only (spec A14). */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { type ArchiveReport, checkOrder, createArchiveCheck } from "#archive/check.ts";
import { archiveDirectory } from "#archive/paths.ts";
import { regularSpans } from "#market/sessions.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode, UsageError } from "./command.ts";
import { whyUnreadable } from "./unreadable.ts";

const help = `qts archive check DIR: is a market archive whole?

Reads every line below DIR, which is a home or its config/observer, and knows nothing but the contract in
docs/reference/archive.md; it changes nothing. Counts files, rows, torn and bad lines, rows that are there twice, rows out of
order, and gaps; a row of the source that is neither there nor declared in a gap line is silent loss.

  --json               the whole report as one JSON document
  --expect SYMBOL=N    the source has N trades of SYMBOL, numbered from 1; may be repeated
  --time-zone ZONE     time zone of the days and hours in the paths (Asia/Seoul)

Exit codes: 0 whole · 1 something is bad, torn, doubled or silently missing · 2 usage · 130, 143 stopped

  qts archive check ./var
  qts archive check ./var --json --expect SPY=241504 --expect IBM=24106
`;

const readExpected = (given: readonly string[]): { [symbol: string]: number } =>
  Object.fromEntries(
    given.map((text) => {
      const [, symbol, count] = /^([^=]+)=(\d+)$/.exec(text) ?? [];
      if (symbol === undefined)
        throw new UsageError(`--expect wants SYMBOL=N, like --expect SPY=241504, and was given "${text}".`);
      return [symbol, Number(count)];
    }),
  );

const readTimeZone = (zone: string): string => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    throw new UsageError(`--time-zone "${zone}" is not a time zone; write it like Asia/Seoul.`);
  }
};

const shown = (directory: string, report: ArchiveReport): string => {
  const { streams, gaps, missing } = report;
  const counted = (value: number): string => value.toLocaleString("en-US");
  const lines = [
    `${directory}: ${report.ok ? "whole" : "NOT whole"}`,
    `  rows      scalp ${counted(streams.scalp.rows)} · swing ${counted(streams.swing.rows)} · system ${counted(streams.system.rows)} in ${counted(report.files)} files, ${counted(report.bytes)} bytes`,
    `  lines     bad ${report.badLines} · torn ${report.tornFiles} · doubled ${report.duplicates} · misplaced ${report.misplaced} · out of order ${report.outOfOrder} · late ${report.late} · suspect ${report.suspectLines}`,
    `  gaps      quiet ${gaps.quiet} · hole ${gaps.hole} · refused ${gaps.refused} · lost ${gaps.lost} · not declared ${gaps.undeclared} with rows missing, ${gaps.undeclaredQuiet} without`,
    `  missing   declared ${counted(missing.declared)} · silent ${counted(missing.silent)}`,
    ...report.problems.map((problem) => `  ! ${problem}`),
  ];
  return `${lines.join("\n")}\n`;
};

const run = async (args: readonly string[], io: CommandIo): Promise<number> => {
  const { values, positionals } = readOptions(
    "archive check",
    args,
    {
      json: { type: "boolean" },
      expect: { type: "string", multiple: true },
      "time-zone": { type: "string" },
    },
    ["DIR"],
  );
  const given = resolve(io.cwd, positionals[0] as string);
  const check = createArchiveCheck({
    timeZone: readTimeZone(values["time-zone"] ?? "Asia/Seoul"),
    regularSpans,
    expected: readExpected(values.expect ?? []),
  });
  const directory = existsSync(archiveDirectory(given)) ? archiveDirectory(given) : given;
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    io.err(`there is no archive at ${given}: it is not a directory.\n`);
    return exitCodes.failed;
  }
  try {
    const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .sort(checkOrder);
    for (const path of paths) {
      if (io.signal?.aborted) return stoppedCode(io);
      check.file(path, readFileSync(join(directory, path), "utf8"));
    }
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    io.err(`${path ?? directory} cannot be read: ${whyUnreadable(error)}.\n`);
    return exitCodes.failed;
  }
  const report = check.report();
  if (report.files === 0) {
    io.err(`there is no archive at ${given}: no file below it has a path of the contract (docs/reference/archive.md).\n`);
    return exitCodes.failed;
  }
  io.out(values.json ? `${JSON.stringify({ directory, ...report }, null, 2)}\n` : shown(directory, report));
  return report.ok ? exitCodes.ok : exitCodes.failed;
};

export const command: Command = {
  name: "archive check",
  summary: "is a market archive whole? Counts rows, doubles, gaps and silent loss",
  help,
  run,
};
