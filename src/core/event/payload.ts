/**
 * Checks the fields of a fact at the door, and describes them as JSON Schema; the table of kinds and the TypeScript types are
 * machines/facts/payload.ts.
 */
import type { Field, FieldKind, Fields } from "#machines/facts/payload.ts";

const kindChecks: Record<
  FieldKind,
  { readonly check: (value: unknown) => boolean; readonly wants: string; readonly schema: object }
> = {
  text: {
    check: (v) => typeof v === "string" && v.length > 0,
    wants: "a non-empty string",
    schema: { type: "string", minLength: 1 },
  },
  integer: { check: (v) => Number.isSafeInteger(v), wants: "a whole number", schema: { type: "integer" } },
  natural: {
    check: (v) => Number.isSafeInteger(v) && (v as number) >= 0,
    wants: "a whole number ≥ 0",
    schema: { type: "integer", minimum: 0 },
  },
  at: {
    check: (v) => Number.isSafeInteger(v) && (v as number) >= 0,
    wants: "epoch milliseconds",
    schema: { type: "integer", minimum: 0, description: "epoch ms, UTC" },
  },
  number: { check: (v) => typeof v === "number" && Number.isFinite(v), wants: "a finite number", schema: { type: "number" } },
  flag: { check: (v) => typeof v === "boolean", wants: "true or false", schema: { type: "boolean" } },
  json: { check: (v) => v !== undefined, wants: "a JSON value", schema: {} },
};

/** Beyond these a whole number may be another than the one that was written. */
export const isInexact = (value: number): boolean => Math.abs(value) > Number.MAX_SAFE_INTEGER;
export const tooLarge = `which is too large: whole numbers are exact up to ${Number.MAX_SAFE_INTEGER}`;

const isOptional = (field: Field): boolean => typeof field === "string" && field.endsWith("?");
const kindOf = (field: Exclude<Field, object>): FieldKind => field.replace("?", "") as FieldKind;

/**
 * Checks an unknown value against the fields of a payload.
 *
 * @param written numbers as their file has them, by field: a number that is too large has lost its last digits by now
 * @returns undefined when it fits, else one sentence that names the field, the value and what is wanted
 */
export const payloadProblem = (
  fields: Fields,
  payload: unknown,
  written: ReadonlyMap<string, string> = new Map(),
): string | undefined => {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return "the payload must be an object";
  const given = payload as Record<string, unknown>;
  for (const [name, field] of Object.entries(fields)) {
    const value = given[name];
    if (value === undefined) {
      if (isOptional(field)) continue;
      return `${name} is missing`;
    }
    if (typeof field === "object") {
      if (!field.oneOf.includes(value as string))
        return `${name} is ${JSON.stringify(value)} and must be one of ${field.oneOf.join(", ")}`;
    } else {
      const { check, wants } = kindChecks[kindOf(field)];
      if (check(value)) continue;
      if (typeof value !== "number") return `${name} is ${JSON.stringify(value)} and must be ${wants}`;
      const shown = written.get(name) ?? value;
      return isInexact(value) ? `${name} is ${shown}, ${tooLarge}` : `${name} is ${shown} and must be ${wants}`;
    }
  }
  for (const name of Object.keys(given)) if (!Object.hasOwn(fields, name)) return `${name} is not a field of this fact`;
  return undefined;
};

/** Names of the fields whose values may have parts of their own. */
export const nestedFields = (fields: Fields): readonly string[] =>
  Object.entries(fields)
    .filter(([, field]) => typeof field === "string" && kindOf(field) === "json")
    .map(([name]) => name);

/** JSON Schema (2020-12) of a payload. */
export const payloadSchema = (fields: Fields): object => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      typeof field === "object" ? { enum: [...field.oneOf] } : kindChecks[kindOf(field)].schema,
    ]),
  ),
  required: Object.entries(fields)
    .filter(([, field]) => !isOptional(field))
    .map(([name]) => name),
  additionalProperties: false,
});
