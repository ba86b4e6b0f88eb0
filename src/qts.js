#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this file to say why it cannot run the rest.
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const major = Number(process.versions.node.split(".")[0]);
const refuse = (sentence) => {
  process.stderr.write(`qts ${sentence}\n`);
  process.exit(78);
};
if (major < 24) {
  const why = `needs Node 24 or newer and this is Node ${process.versions.node}:`;
  if (existsSync(join(root, "node_modules/.bin/node")) || !existsSync(join(root, "node_modules")))
    refuse(`${why} run it through \`npm start -- …\`, which brings its own Node, or install a newer one.`);
  refuse(`${why} its own Node is not installed; \`npm rebuild node --ignore-scripts=false\` in ${root} fetches it.`);
}
// A start costs half as much. Beside what runs anyway, and not in /tmp, where others could plant what we would run; where nothing
// can be written a start just costs more.
module.enableCompileCache(join(root, "node_modules/.cache/qts"));
try {
  await import("./main.ts");
} catch (error) {
  const [, name] = /^Cannot find package '([^']+)'/.exec(error.message) ?? [];
  if (error.code !== "ERR_MODULE_NOT_FOUND" || name === undefined) throw error;
  refuse(
    `cannot start, because a part of what it needs is not installed (${name}): \`npm run install-if-needed\` in ${root} installs it.`,
  );
}
