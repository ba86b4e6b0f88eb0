/**
 * Writes the generated parts of the docs, between `<!-- BEGIN GENERATED: name -->` and `<!-- END GENERATED: name -->`.
 *
 * `npm run docs` refreshes them; `node docs/generate.ts --check` fails when one is not fresh.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedFiles, generatedSections } from "./sections.ts";

const root = join(import.meta.dirname, "..");
const isCheck = process.argv.includes("--check");
const stale: string[] = [];

const put = (path: string, text: string): void => {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  stale.push(path);
  if (!isCheck) writeFileSync(file, text);
};

for (const [path, text] of Object.entries(await generatedFiles())) put(path, text);

const sections = await generatedSections();
const used = new Set<string>();
const pages = [...globSync("docs/**/*.md", { cwd: root }), "machines/README.md", "README.md"].filter((path) =>
  existsSync(join(root, path)),
);
for (const page of pages) {
  const text = readFileSync(join(root, page), "utf8");
  const fresh = text.replace(
    /(<!-- BEGIN GENERATED: (\S+) -->)[\s\S]*?(<!-- END GENERATED: \2 -->)/g,
    (_, begin: string, name: string, end: string) => {
      const body = sections[name];
      if (body === undefined)
        throw new Error(`${page}: nobody generates "${name}"; the sections are ${Object.keys(sections).join(", ")}`);
      used.add(name);
      return `${begin}\n${body.trim()}\n${end}`;
    },
  );
  put(page, fresh);
}
for (const name of Object.keys(sections))
  if (!used.has(name)) process.stderr.write(`no page shows the generated section "${name}"\n`);

if (isCheck && stale.length > 0) {
  process.stderr.write(`not fresh: ${stale.join(", ")}; run \`npm run docs\`\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(isCheck ? "generated docs are fresh\n" : `${stale.length} file(s) refreshed\n`);
}
