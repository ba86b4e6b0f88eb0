/** The Korean pages say what the English ones do: whoever changes one is told to change the other. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (page: string): string => readFileSync(join(root, page), "utf8");
const english = globSync("{README.md,docs/**/*.md}", { cwd: root }).filter((page) => !page.endsWith(".ko.md"));
const korean = globSync("{README.ko.md,docs/**/*.ko.md}", { cwd: root }).sort();
const originalOf = (page: string): string => page.replace(/\.ko\.md$/, ".md");

/** Commands, files and keys are the same in every language, but may stand in another order. */
const spans = (text: string): readonly string[] =>
  [...text.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, span]) => span as string).sort();
const blocks = (text: string): readonly string[] =>
  [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) =>
    block.split("\n").map((line) => line.replace(/\s*#.*$/, "")),
  );
const headings = (text: string): readonly number[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length);
const tableRows = (text: string): number => [...text.matchAll(/^\s*\|.*\|$/gm)].length;
/** A link may lead to the page's Korean counterpart; the first one of a pair is to each other. */
const links = (text: string): readonly string[] =>
  [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target.replace(/\.ko\.md/, ".md")).sort();

describe("a Korean page", () => {
  it("is there for the front page and for whoever is on duty", () => {
    expect(korean).toEqual(["README.ko.md", "docs/operations/README.ko.md"].sort());
    expect(korean.map(originalOf).filter((page) => !english.includes(page))).toEqual([]);
  });

  it.each(korean)("%s has the commands, headings, tables and links of the English one", (page) => {
    const [translated, original] = [read(page), read(originalOf(page))];
    expect(blocks(translated)).toEqual(blocks(original));
    expect(spans(translated)).toEqual(spans(original));
    expect(headings(translated)).toEqual(headings(original));
    expect(tableRows(translated)).toBe(tableRows(original));
    expect(links(translated)).toEqual(links(original));
  });

  it.each(korean)("%s is written in Korean, and leads to the English one, which leads back", (page) => {
    expect(read(page).match(/[가-힣]/g)?.length ?? 0).toBeGreaterThan(300);
    const name = page.split("/").at(-1);
    expect(read(page)).toContain("[English](README.md)");
    expect(read(originalOf(page))).toContain(`[한국어](${name})`);
  });
});
