/** JSON lines ⇒ trades: one object per line; numbers stay the text that they are. */
import { err, ok } from "#core/result.ts";
import { columnsOfHeader } from "./csv.ts";
import {
  type Columns,
  createRowReader,
  type FieldName,
  missingFields,
  type ReadLine,
  type RowOptions,
  shownValue,
} from "./rows.ts";

const withTexts = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" ? (context?.source ?? String(value)) : value;

/** A field of an object, fields within fields with a dot; undefined where there is no text and no number. */
const textAt = (row: Record<string, unknown>, path: string): string | undefined => {
  let value: unknown = row;
  for (const name of Object.hasOwn(row, path) ? [path] : path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === "string" ? value : undefined;
};

/** The object of a line, its numbers as texts. */
export const objectOf = (line: string): Record<string, unknown> | undefined => {
  try {
    const row: unknown = JSON.parse(line, withTexts);
    return typeof row === "object" && row !== null && !Array.isArray(row) ? (row as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

export const createJsonlReader = (options: RowOptions): { readonly read: ReadLine; readonly columns: () => Columns } => {
  let columns = options.columns;
  let readRow: ReturnType<typeof createRowReader> | undefined;
  let row: Record<string, unknown> = {};
  const paths: { [F in FieldName]?: string } = {};
  const get = (field: FieldName): string | undefined => {
    const path = paths[field];
    return path === undefined ? undefined : textAt(row, path);
  };
  const read: ReadLine = (line) => {
    if (line.trim() === "") return ok([]);
    const parsed = objectOf(line);
    if (parsed === undefined) return err(`is no JSON object: ${shownValue(line)}`);
    row = parsed;
    if (readRow === undefined) {
      const names = Object.keys(row);
      columns = columnsOfHeader(names, options.columns);
      const missing = missingFields(columns);
      if (missing.length > 0)
        return err(
          `has the fields ${names.slice(0, 30).join(", ")}, and no ${missing.join(", no ")} among them; say which is which with --columns, like --columns time=T,price=p,quantity=q`,
        );
      for (const [field, name] of Object.entries(columns)) {
        const own = names.find((known) => known === name) ?? names.find((known) => known.toLowerCase() === name.toLowerCase());
        paths[field as FieldName] = own ?? name;
      }
      readRow = createRowReader({ ...options, columns });
    }
    return readRow(get);
  };
  return { read, columns: () => columns };
};
