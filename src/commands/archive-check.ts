/** `qts archive check`: is a market archive whole? Reads the tree with knowledge of the contract only (spec A14). */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { inCheckOrder } from "#archive/check.order.ts";
import { type Mapping, mappedNames, originMapping } from "#archive/check.rows.ts";
import { type ArchiveReport, createArchiveCheck } from "#archive/check.ts";
import { archiveDirectory, readSegmentPath } from "#archive/paths.ts";
import { printable } from "#core/printable.ts";
import { calendarOf } from "#market/calendar.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode, UsageError } from "./command.ts";
import { readTimeZone } from "./time-zone.ts";
import { whyUnreadable } from "./unreadable.ts";

const help = `qts archive check DIR: is a market archive whole?

Reads every line below DIR, which is a home or its config/observer, and knows nothing but the contract in
docs/reference/archive.md; it changes nothing. Counts files, rows, torn and bad lines, rows that are there twice, rows out of
order, fields that cannot be, and gaps; a row of the source that is neither there nor declared in a gap line is silent loss. Where
numbers cannot tell, silence while the row's market is open can.

  --json               the whole report as one JSON document
  --expect SYMBOL=N    the source has N trades of SYMBOL, numbered from 1; may be repeated
  --complete           nothing was removed by retention: what lies before the first row is missing too
  --sparse             the source's numbers are unique and not consecutive: silence is judged, not holes
  --map NAME=FIELD     where rows without _schema say their at (epoch ms), symbol, market, session, number, like
                       --map at=time; fields within fields with a dot; may be repeated
  --time-zone ZONE     time zone of the days and hours in the paths (Asia/Seoul)

Exit codes: 0 whole · 1 something is bad, torn, doubled, cannot be judged or is silently missing · 2 usage ·
130, 143 stopped

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

const readMapping = (given: readonly string[]): Mapping => {
  if (given.length === 0) return originMapping;
  const mapping: { -readonly [name in keyof Mapping]: Mapping[name] } = { ...originMapping };
  for (const text of given) {
    const [, name, field] = /^([a-z]+)=(.+)$/.exec(text) ?? [];
    const known = mappedNames.find((one) => one === name);
    if (known === undefined || field === undefined)
      throw new UsageError(
        `--map wants NAME=FIELD with one of ${mappedNames.join(", ")}, like --map at=time, and was given "${text}".`,
      );
    mapping[known] = [field];
  }
  return mapping;
};

const headBytes = 65_536;
const headOf = (path: string): Uint8Array => {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(headBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, headBytes, 0));
  } finally {
    closeSync(file);
  }
};

const shown = (directory: string, report: ArchiveReport): string => {
  const { streams, gaps, missing } = report;
  const counted = (value: number): string => value.toLocaleString("en-US");
  const lines = [
    `${printable(directory)}: ${report.ok ? "whole" : "NOT whole"}`,
    `  rows      scalp ${counted(streams.scalp.rows)} · swing ${counted(streams.swing.rows)} · system ${counted(streams.system.rows)} in ${counted(report.files)} files, ${counted(report.bytes)} bytes`,
    `  lines     bad ${report.badLines} · impossible ${report.impossible} · not judged ${report.unjudged} · torn ${report.tornFiles} · doubled ${report.duplicates} · misplaced ${report.misplaced} · out of order ${report.outOfOrder}, unsaid ${report.unordered} · late ${report.late} · suspect ${report.suspectLines}`,
    `  gaps      quiet ${gaps.quiet} · hole ${gaps.hole} · refused ${gaps.refused} · lost ${gaps.lost} · not declared ${gaps.undeclared} with rows missing, ${gaps.undeclaredQuiet} without · wrong ${gaps.wrong}`,
    `  missing   declared ${counted(missing.declared)} · silent ${counted(missing.silent)} · before the first row ${counted(missing.beginning)}`,
    `  files     foreign ${report.foreignFiles} · lost ${report.lostFiles} · others ${report.otherFiles - report.foreignFiles}`,
    ...report.problems.map((problem) => `  ! ${printable(problem)}`),
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
      complete: { type: "boolean" },
      sparse: { type: "boolean" },
      map: { type: "string", multiple: true },
      "time-zone": { type: "string" },
    },
    ["DIR"],
  );
  const given = resolve(io.cwd, positionals[0] as string);
  const timeZone = readTimeZone(values["time-zone"] ?? "Asia/Seoul");
  const check = createArchiveCheck({
    timeZone,
    calendarOf,
    expected: readExpected(values.expect ?? []),
    isComplete: values.complete === true,
    isSparse: values.sparse === true,
    mapping: readMapping(values.map ?? []),
  });
  const directory = existsSync(archiveDirectory(given)) ? archiveDirectory(given) : given;
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    io.err(`${printable(`there is no archive at ${given}: it is not a directory.`)}\n`);
    return exitCodes.failed;
  }
  try {
    const paths: string[] = [];
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const path = relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/");
      if (entry.isFile()) paths.push(path);
      else if (!entry.isDirectory()) check.foreign(path, "is no regular file; what it leads to is not read");
    }
    for (const path of inCheckOrder(paths, timeZone, (path) => headOf(join(directory, path)))) {
      if (io.signal?.aborted) return stoppedCode(io);
      // A foreign file may be of any size, and is not read.
      check.file(path, readSegmentPath(path) === undefined ? new Uint8Array() : readFileSync(join(directory, path)));
    }
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    io.err(`${printable(`${path ?? directory} cannot be read: ${whyUnreadable(error)}.`)}\n`);
    return exitCodes.failed;
  }
  const report = check.report();
  if (report.files === 0) {
    io.err(
      `${printable(`there is no archive at ${given}: no file below it has a path of the contract (docs/reference/archive.md).`)}\n`,
    );
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
