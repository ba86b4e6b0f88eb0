/** Lines of CSV ⇒ trades: a header or numbered columns, commas, semicolons or tabs, quotes as RFC 4180 has them. */
import { err, ok, type Result } from "#core/result.ts";
import {
  type Columns,
  createRowReader,
  type FieldName,
  fieldNames,
  knownNames,
  missingFields,
  type ReadLine,
  type RowOptions,
} from "./rows.ts";

export type Delimiter = "," | ";" | "\t";

/** A line's cells; undefined for a quote that is not closed in its line. */
export const cellsOf = (line: string, delimiter: Delimiter): readonly string[] | undefined => {
  if (!line.includes('"')) return line.split(delimiter);
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = "";
      for (;;) {
        const close = line.indexOf('"', at + 1);
        if (close < 0) return undefined;
        cell += line.slice(at + 1, close);
        at = close + 1;
        if (line[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
      if (at < line.length && line[at] !== delimiter) return undefined;
    } else {
      const end = line.indexOf(delimiter, at);
      cells.push(line.slice(at, end < 0 ? undefined : end));
      at = end < 0 ? line.length : end;
    }
    if (at >= line.length) return cells;
    at += 1;
  }
};

export const delimiterOf = (line: string): Delimiter =>
  line.includes("\t") ? "\t" : line.includes(",") ? "," : line.includes(";") ? ";" : ",";

const indexesOf = (columns: Columns, header: readonly string[] | undefined): Result<Map<FieldName, number>, string> => {
  const indexes = new Map<FieldName, number>();
  for (const field of fieldNames) {
    const wanted = columns[field];
    if (wanted === undefined) continue;
    if (header === undefined || (/^\d+$/.test(wanted) && !header.includes(wanted))) indexes.set(field, Number(wanted) - 1);
    else {
      const index = header.findIndex((name) => name.trim().toLowerCase() === wanted.trim().toLowerCase());
      if (index < 0)
        return err(
          `has no column ${JSON.stringify(wanted)} for ${field}; it has ${header.map((name) => name.trim()).join(", ")}`,
        );
      indexes.set(field, index);
    }
  }
  return ok(indexes);
};

/** What the columns of a header are, by their names; the person's own words win. */
export const columnsOfHeader = (header: readonly string[], given: Columns): Columns => {
  const names = header.map((name) => name.trim().toLowerCase());
  const found: { [F in FieldName]?: string } = {};
  for (const field of fieldNames) {
    const name = knownNames[field].find((known) => names.includes(known));
    if (name !== undefined) found[field] = name;
  }
  // "date" alone is a time as well as a day.
  if (found.time === undefined && given.time === undefined && found.date !== undefined) {
    found.time = found.date;
    delete found.date;
  }
  const all = { ...found, ...given };
  // Whoever names a price has trades, and its volume is their quantity.
  if (all.price !== undefined && all.quantity === undefined && all.volume !== undefined) all.quantity = all.volume;
  return all;
};

/**
 * @param numbered with columns given by number a file needs no header; its first line is one when its price is no number
 * @returns a reader of lines, whose first line may be the header
 */
export const createCsvReader = (options: RowOptions): { readonly read: ReadLine; readonly columns: () => Columns } => {
  const given = options.columns;
  const isNumbered = Object.keys(given).length > 0 && Object.values(given).every((column) => /^\d+$/.test(column));
  let delimiter: Delimiter = ",";
  let columns = given;
  let indexes: Map<FieldName, number> | undefined;
  let readRow: ReturnType<typeof createRowReader> | undefined;
  let width = 0;
  let cells: readonly string[] = [];
  const get = (field: FieldName): string | undefined => {
    const index = indexes?.get(field);
    return index === undefined ? undefined : cells[index];
  };

  const begin = (header: readonly string[] | undefined): string | undefined => {
    columns = header === undefined ? given : columnsOfHeader(header, given);
    const missing = missingFields(columns);
    if (missing.length > 0)
      return `${header === undefined ? "is given" : `has the columns ${header.map((name) => name.trim()).join(", ")}, and`} no ${missing.join(", no ")} among them; say which is which with --columns, like --columns time=1,price=2,quantity=3`;
    const found = indexesOf(columns, header);
    if (!found.ok) return found.error;
    indexes = found.value;
    const beyond = [...indexes].find(([, index]) => index < 0 || index >= width);
    if (beyond !== undefined)
      return `has ${width} columns, and --columns names number ${beyond[1] + 1} for ${beyond[0]}; the first is 1`;
    readRow = createRowReader({ ...options, columns });
    return undefined;
  };

  const read: ReadLine = (line) => {
    if (line.trim() === "") return ok([]);
    if (readRow === undefined) delimiter = delimiterOf(line);
    const split = cellsOf(line, delimiter);
    if (split === undefined) return err("has a quote that is not closed in its line");
    cells = split;
    if (readRow === undefined) {
      width = cells.length;
      if (!isNumbered) {
        const problem = begin(cells);
        return problem === undefined ? ok([]) : err(problem);
      }
      const problem = begin(undefined);
      if (problem !== undefined) return err(problem);
      const number = get("price") ?? get("close") ?? "";
      // Words where the price is wanted: the header of a file whose columns are named by number.
      if (/^[^\d.+-]*[A-Za-z_]/.test(number.trim()) && !/^(nan|inf)/i.test(number.trim())) return ok([]);
    }
    if (cells.length !== width)
      return err(
        `has ${cells.length} columns and the first line has ${width}: a field is missing, or a number has a comma in it`,
      );
    return (readRow as ReturnType<typeof createRowReader>)(get);
  };
  return { read, columns: () => columns };
};
