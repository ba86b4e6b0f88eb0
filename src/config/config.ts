/**
 * The one schema and the one parse: YAML and environment ⇒ a frozen Config, or every problem with its key path.
 *
 * `default.yaml` holds every key with its default; a user's file is laid over it. Unknown keys are refused.
 */
import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { type ConfigProblem, isPlainObject, notAMapping, readLayer } from "./layer.ts";
import { type Config, configSchema } from "./schema.ts";

export type { ConfigProblem } from "./layer.ts";
export type { Config } from "./schema.ts";

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Taken for a value by no schema: what assigns it changes where an object gets its keys from. */
const hidden = "__proto__";
const notAKey = "is not a key of QTS; `qts config show` lists them all";

const overlay = (base: unknown, over: unknown): unknown => {
  if (!isPlainObject(base) || !isPlainObject(over)) return over === undefined ? base : over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (key === hidden) continue;
    merged[key] = Object.hasOwn(base, key) ? overlay(base[key], value) : value;
  }
  return merged;
};

const hiddenKeys = (value: unknown, path: string): ConfigProblem[] =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, part]) => {
        const at = path === "" ? key : `${path}.${key}`;
        return key === hidden ? [{ key: at, problem: notAKey }] : hiddenKeys(part, at);
      });

const deepFreeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (isPlainObject(value) || Array.isArray(value) ? (value as never)[key] : undefined), root);

/** Longer than this nobody reads. */
const shownMax = 80;

const shown = (value: unknown): string => {
  if (value === undefined) return "missing";
  // As YAML writes them; JSON has no word for either.
  if (typeof value === "number" && !Number.isFinite(value)) return Number.isNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
  const text = JSON.stringify(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
};

const types: { readonly [type: string]: string } = {
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  string: "text",
  array: "a list",
  tuple: "a list of two",
  object: "a group of keys",
  record: "a group of keys",
};

/** What a key must be, where the schema has no sentence of its own. */
const wanted: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "too_big":
      return issue.origin === "number" || issue.origin === "int"
        ? `must be ${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}`
        : undefined;
    case "too_small":
      if (issue.origin === "array")
        return `must have ${issue.exact ? "" : "at least "}${issue.minimum} ${issue.minimum === 1 ? "entry" : "entries"}`;
      return issue.origin === "number" || issue.origin === "int"
        ? `must be ${issue.inclusive === false ? "above" : "at least"} ${issue.minimum}`
        : undefined;
    case "invalid_type":
      return `must be ${types[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    default:
      return undefined;
  }
};

/** The text of `default.yaml`, which is also the reference of every key. */
export const defaultYaml = (): string => readFileSync(new URL("./default.yaml", import.meta.url), "utf8");

/**
 * Lays `overrides` (from a user's YAML, then from the command line) over the defaults and checks the whole.
 *
 * @param layers plain objects or YAML texts, later ones win
 * @returns the frozen Config, or every problem; a YAML that cannot be read is a problem with the line
 */
export const parseConfig = (...layers: readonly (string | object)[]): ConfigResult => {
  let merged: unknown = parseYaml(defaultYaml());
  const hiddenOnes: ConfigProblem[] = [];
  for (const layer of layers) {
    let given: object = layer as object;
    if (typeof layer === "string") {
      const read = readLayer(layer);
      if (!read.ok) return read;
      given = read.tree;
    }
    if (!isPlainObject(given)) return { ok: false, problems: [{ key: "(file)", problem: notAMapping }] };
    hiddenOnes.push(...hiddenKeys(given, ""));
    merged = overlay(merged, given);
  }
  const parsed = configSchema.safeParse(merged, { error: wanted });
  if (parsed.success && hiddenOnes.length === 0) return { ok: true, config: deepFreeze(parsed.data) as Config };
  const problems = (parsed.error?.issues ?? []).flatMap((issue): ConfigProblem[] => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys")
      // The hidden ones are told already; the schema sees them in some places only.
      return issue.keys
        .filter((key) => key !== hidden)
        .map((key) => ({
          key: path ? `${path}.${key}` : key,
          problem: key.includes(".")
            ? "is not a key of QTS: groups are nested in YAML, each name on a line of its own, as `qts config show` prints them"
            : notAKey,
        }));
    const value = valueAt(merged, issue.path);
    // Whoever writes a secret where its group belongs must not find it in a log.
    if (issue.code === "invalid_type" && issue.expected === "object" && typeof value === "string")
      return [{ key: path || "(file)", problem: "is text: must be a group of keys" }];
    // What is wrong with a whole group names the keys in it.
    const problem = isPlainObject(value) && issue.code === "custom" ? issue.message : `is ${shown(value)}: ${issue.message}`;
    return [{ key: path || "(file)", problem }];
  });
  return { ok: false, problems: [...hiddenOnes, ...problems] };
};
