/** Every requirement that this release claims has a test that says so in its title; docs/requirements.md shows them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { allProofs, claimed, proofsIn, roomOf } from "../docs/requirements.ts";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/requirements.md"), "utf8");
const byHand = page.replace(/<!-- BEGIN GENERATED[\s\S]*?END GENERATED[^>]*-->/g, "");

it("finds for every requirement that is claimed a test whose title names it, or a row that is kept by hand", () => {
  const named = new Set(allProofs().map(({ id }) => id));
  for (const [, ids = ""] of byHand.matchAll(/^\| ([^|]*) \|/gm)) for (const [id] of ids.matchAll(/\b[A-Z]\d+\b/g)) named.add(id);
  const ids = claimed.flatMap(({ letter, numbers }) => numbers.map((number) => `${letter}${number}`));
  expect(ids.filter((id) => !named.has(id))).toEqual([]);
});

it("finds no title with a requirement that is not claimed", () => {
  const ids = new Set(claimed.flatMap(({ letter, numbers }) => numbers.map((number) => `${letter}${number}`)));
  expect(allProofs().filter(({ id }) => !ids.has(id))).toEqual([]);
});

it("reads IDs at the end of a title in any quotes, several of them, and nothing else in parentheses", () => {
  const text = [
    `it("deletes nothing (M3)")`,
    "it(`counts $n (E1, E2)`)",
    `name: 'says "no" (S4)'`,
    `it("is P0 (P0)")`,
    `it("a (M1) b")`,
  ];
  expect(proofsIn("tests/x.test.ts", text.join("\n")).map(({ id, title }) => `${id}: ${title}`)).toEqual([
    "M3: deletes nothing",
    "E1: counts $n",
    "E2: counts $n",
    'S4: says "no"',
  ]);
});

it.each([
  ["tests/core/event/catalog.test.ts", "src/core/event/catalog.ts"],
  ["tests/machines/safety.scenarios.ts", "machines/safety.machine.ts"],
  ["tests/core/event/queues.test.ts", "src/core/event"],
  ["tests/simulation/stop.test.ts", "the whole house"],
])("finds the room of %s: %s", (file, room) => {
  expect(roomOf(file)).toBe(room);
});

it("names no test file that is not there", () => {
  const files = [...page.matchAll(/\btests\/[\w./-]+\.(?:ts|yaml)\b/g)].map(([path]) => path);
  expect(files.length).toBeGreaterThan(150);
  expect([...new Set(files)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
