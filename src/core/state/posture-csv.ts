/**
 * A file of metrics, one evaluation per row (spec S20), read whole before anything is decided: a file with one bad cell
 * gives no answer, because half an answer looks like one.
 *
 * Columns in any order: timestamp (ISO-8601; without an offset it is UTC), drawdown, vix, consecutive_losses, daily_loss,
 * circuit_breaker, safety, profitable_days, cagr, target, growth, win_rate. Fractions, not percent. An empty cell, or a
 * column that is not there, is unknown.
 */
import {
  type Measured,
  type MetricName,
  metricKinds,
  metricNames,
  metricOfColumn,
  metricProblem,
  type OperatingMetrics,
} from "#machines/operating-state.metrics.ts";
import type { SafetyView } from "#machines/operating-state.rules.ts";
import { safetyStates } from "#machines/safety.machine.ts";
import { err, ok, type Result } from "../result.ts";
import { parseTimestamp } from "../timestamp.ts";

export interface PostureRow {
  /** As written in the file. */
  readonly timestamp: string;
  readonly at: number;
  readonly safety: SafetyView;
  readonly metrics: OperatingMetrics;
}

export interface CsvProblem {
  /** 1 is the header. */
  readonly line: number;
  readonly column: string;
  readonly problem: string;
}

export interface PostureFile {
  /** Read anew on each pass: a row is short-lived, and a long file costs no more memory than its text. */
  readonly rows: Iterable<PostureRow>;
  /** Columns that the file does not have: unknown in every row. */
  readonly absentColumns: readonly string[];
}

export const postureColumns: readonly string[] = [
  "timestamp",
  ...metricNames.slice(0, 5).map((name) => metricKinds[name].column),
  "safety",
  ...metricNames.slice(5).map((name) => metricKinds[name].column),
];

const numeric = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const truths: { readonly [text: string]: boolean } = { true: true, false: false, "1": true, "0": false };

/** A cell's value, or what is wrong with it. */
const parseCell = (name: MetricName, text: string): Result<number | boolean, string> => {
  if (name === "circuitBreaker") {
    const value = truths[text.toLowerCase()];
    return value === undefined ? err(`is "${text}": must be true or false (or 1 or 0)`) : ok(value);
  }
  if (!numeric.test(text)) {
    const hint = text.endsWith("%") ? "write 0.05 for 5 %" : "an unknown value is an empty cell";
    return err(`is "${text}", which is not a finite number; ${hint}`);
  }
  const value = Number(text);
  const problem = metricProblem(name, value);
  return problem === undefined ? ok(value) : err(`is ${text}: it ${problem}`);
};

const unquoted = (cell: string): string => {
  const text = cell.trim();
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
};

interface Columns {
  readonly count: number;
  readonly timestamp: number;
  /** -1 where the file has none. */
  readonly safety: number;
  readonly metrics: readonly { readonly name: MetricName; readonly column: string; readonly index: number }[];
}

/** One row, or undefined; what is wrong with it is told cell by cell. */
const parseRow = (text: string, columns: Columns, refuse: (column: string, problem: string) => void): PostureRow | undefined => {
  const cells = text.split(",");
  if (cells.length !== columns.count) {
    refuse("(row)", `has ${cells.length} cells; the header has ${columns.count}`);
    return undefined;
  }
  const timestamp = unquoted(cells[columns.timestamp] as string);
  const at = parseTimestamp(timestamp);
  if (at === undefined) {
    refuse("timestamp", `is "${timestamp}", which is not an ISO-8601 date or time`);
    return undefined;
  }
  const safetyText = columns.safety === -1 ? "" : unquoted(cells[columns.safety] as string).toUpperCase();
  const safety = safetyText === "" ? "UNKNOWN" : safetyStates.find((state) => state === safetyText);
  if (safety === undefined) refuse("safety", `is "${safetyText}": must be one of ${safetyStates.join(", ")}`);
  const metrics: { [N in MetricName]?: Measured<number | boolean> } = {};
  for (const { name, column, index } of columns.metrics) {
    const cell = unquoted(cells[index] as string);
    if (cell === "") continue;
    const value = parseCell(name, cell);
    if (value.ok) metrics[name] = { value: value.value, at };
    else refuse(column, value.error);
  }
  return { timestamp, at, safety: safety ?? "UNKNOWN", metrics: metrics as OperatingMetrics };
};

/** Where each line begins and ends, without the empty ones; the first is the header. */
const linesOf = function* (text: string): Generator<{ readonly line: number; readonly text: string }> {
  let line = 1;
  for (let from = 0; from < text.length; line += 1) {
    const newline = text.indexOf("\n", from);
    const to = newline === -1 ? text.length : newline;
    const content = text.slice(from, to).trim();
    if (content !== "" || line === 1) yield { line, text: content };
    from = to + 1;
  }
};

const problemsMax = 10;

/**
 * @param text the file's text; a byte order mark, CRLF and empty lines are fine
 * @returns rows in the file's order, or the first problems, each with line and column
 */
export const parsePostureCsv = (text: string): Result<PostureFile, readonly CsvProblem[]> => {
  const body = text.replace(/^\uFEFF/, "");
  const [first] = linesOf(body);
  if (first === undefined || first.text === "") {
    const what = body.trim() === "" ? "file" : "first line";
    return err([{ line: 1, column: "(header)", problem: `is missing: the ${what} is empty` }]);
  }
  const header = first.text.split(",").map(unquoted);
  const problems: CsvProblem[] = [];
  for (const column of new Set(header)) {
    if (!postureColumns.includes(column))
      problems.push({ line: 1, column: column || "(empty)", problem: `is not a column; they are ${postureColumns.join(", ")}` });
    else if (header.indexOf(column) !== header.lastIndexOf(column)) problems.push({ line: 1, column, problem: "appears twice" });
  }
  if (!header.includes("timestamp")) problems.push({ line: 1, column: "timestamp", problem: "is missing" });
  if (problems.length > 0) return err(problems);

  const columns: Columns = {
    count: header.length,
    timestamp: header.indexOf("timestamp"),
    safety: header.indexOf("safety"),
    metrics: header.flatMap((column, index) => {
      const name = metricOfColumn(column);
      return name === undefined ? [] : [{ name, column, index }];
    }),
  };
  let before = Number.NEGATIVE_INFINITY;
  for (const { line, text: rowText } of linesOf(body)) {
    if (line === 1) continue;
    const row = parseRow(rowText, columns, (column, problem) => problems.push({ line, column, problem }));
    if (row !== undefined && row.at < before)
      problems.push({ line, column: "timestamp", problem: `is "${row.timestamp}", earlier than the row before it` });
    before = Math.max(before, row?.at ?? before);
    if (problems.length >= problemsMax) break;
  }
  if (problems.length > 0) return err(problems.slice(0, problemsMax));

  const rows: Iterable<PostureRow> = {
    *[Symbol.iterator]() {
      for (const { line, text: rowText } of linesOf(body)) {
        const row = line === 1 ? undefined : parseRow(rowText, columns, () => undefined);
        if (row !== undefined) yield row;
      }
    },
  };
  return ok({ rows, absentColumns: postureColumns.filter((column) => !header.includes(column)) });
};
