/** Honest configuration: every key has somebody who reads it, or is reserved by name for a room to come. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type Config, parseConfig } from "#config/config.ts";
import { type ConfigKey, configKeys } from "#config/keys.ts";
import { readers } from "./readers.ts";

const keys = configKeys();
const root = join(import.meta.dirname, "../..");
const source = (file: string): string => readFileSync(join(root, file), "utf8").replace(/^\s*(\*|\/\/|\/\*).*$/gm, "");
const composition = ["src", "src/parts", "src/commands"]
  .flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".ts") ? source(`${folder}/${name}`) : [])),
  )
  .join("\n");

const configOf = (...layers: readonly object[]): Config => {
  const parsed = parseConfig(...layers);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
};
const nested = (path: string, value: unknown): object =>
  path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
const valueAt = (config: Config, path: string): unknown =>
  path.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config);

/** The first other value that the schema allows beside everything else. */
const changed = (config: Config, { path, schema }: ConfigKey, base: object): Config => {
  const value = valueAt(config, path);
  const candidates: readonly unknown[] =
    typeof value === "number"
      ? [value * 3, value * 1.5, value * 1.1, Math.floor(value / 2), value / 2, 1]
      : typeof value === "boolean"
        ? [!value]
        : Array.isArray(value)
          ? [value.map((part: number) => part * 2)]
          : schema instanceof z.ZodEnum
            ? schema.options.filter((option) => option !== value)
            : [true, false];
  for (const candidate of candidates) {
    const parsed = parseConfig(base, nested(path, candidate));
    if (candidate !== value && parsed.ok) return parsed.config;
  }
  throw new Error(`no other value for ${path} beside ${JSON.stringify(value)}`);
};

/** What is seen without a change, so that it is looked at once for all keys of a part. */
const seen = new Map<(config: Config) => unknown, Map<string, string>>();

describe("every key of the configuration", () => {
  it("has a reader or is reserved, and never both", () => {
    const wanting = keys.filter(({ path, reservedFor }) => (reservedFor === undefined) !== path in readers);
    expect(wanting.map(({ path }) => path)).toEqual([]);
  });

  it("is named by no reader that outlived it", () => {
    const paths = new Set(keys.map(({ path }) => path));
    expect(Object.keys(readers).filter((path) => !paths.has(path))).toEqual([]);
  });

  it.each(keys.filter(({ path }) => path in readers))("changes something: $path", (key) => {
    const reader = readers[key.path];
    if (reader === undefined) throw new Error("no reader");
    if ("written" in reader) {
      const text = reader.file === undefined ? composition : source(reader.file);
      expect(text.includes(reader.written), `${reader.written} stands in ${reader.file ?? "the composition"}`).toBe(true);
      return;
    }
    const base = reader.base ?? {};
    const before = configOf(base);
    const after = "other" in reader ? configOf(base, nested(key.path, reader.other)) : changed(before, key, base);
    const shown = JSON.stringify(base);
    const bySees = seen.get(reader.sees) ?? new Map<string, string>();
    seen.set(reader.sees, bySees);
    const unchanged = bySees.get(shown) ?? JSON.stringify(reader.sees(before));
    bySees.set(shown, unchanged);
    expect(JSON.stringify(reader.sees(after)) === unchanged).toBe(false);
  });
});

it("names the room of every reserved key in the reference", () => {
  const page = readFileSync(join(root, "docs/reference/configuration.md"), "utf8");
  const rooms = new Set(keys.flatMap(({ reservedFor }) => reservedFor ?? []));
  expect([...rooms].filter((room) => !page.includes(`reserved for ${room}`))).toEqual([]);
});
