// Installs what is missing, before anything else runs. Plain JavaScript with nothing imported but Node's own, for whatever
// Node the machine has: it must be able to say what is missing. Standard output belongs to the program that comes after.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const at = (path) => join(root, path);
const say = (text) => process.stderr.write(text);
const marker = at("node_modules/.package-lock.json");
const lock = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
const ownNode = at("node_modules/.bin/node");
const nodeMajorMin = 24;
/** Of the packages and the Node that comes with them, on disk; measured, and only there to say how much to wait for. */
const megabytes = 415;

/** Of what npm left out (dev, optional, another platform's) nothing tells but the folders themselves. */
const libc = () => (process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl");
const fits = (wanted, own) =>
  wanted === undefined || wanted.includes(own) || wanted.every((name) => name[0] === "!" && name !== `!${own}`);
const wanted = Object.keys(lock.packages).filter((path) => {
  const { os, cpu, libc: library, optional } = lock.packages[path];
  // What is optional and fits every platform is needed by a package of another platform only.
  if (path === "" || (optional && os === undefined && cpu === undefined)) return false;
  if (!fits(os, process.platform) || !fits(cpu, process.arch)) return false;
  return process.platform !== "linux" || library === undefined || fits(library, libc());
});
const missing = () => wanted.filter((path) => !existsSync(at(join(path, "package.json"))));
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** What a setting of npm's left out is asked for by name; a setting that runs no install scripts stays in force. */
const npmArguments = [
  "ci",
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
  "--include=dev",
  "--include=optional",
  "--include=peer",
]
  .concat(["--dry-run=false", "--bin-links=true", "--global=false", "--package-lock=true", "--package-lock-only=false"])
  .concat(["--install-strategy=hoisted", "--engine-strict=false"]);

const npmCi = () =>
  new Promise((resolve) => {
    // npm's own words go to standard error, so that `npm start -- run --json | jq` sees one document.
    const npm = spawn("npm", npmArguments, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
    const isTerminal = process.stderr.isTTY === true;
    const report = setInterval(
      () => {
        const here = wanted.length - missing().length;
        const what = here < wanted.length ? `${here} of ${wanted.length} packages` : "all packages are here, now its own Node";
        say(isTerminal ? `\r\u001b[K  ${what}` : `  ${what}\n`);
      },
      isTerminal ? 500 : 10_000,
    );
    const done = (code) => {
      clearInterval(report);
      if (isTerminal) say("\r\u001b[K");
      resolve(code);
    };
    npm.once("error", (error) => {
      say(`qts: npm cannot be started (${error.message}): install npm, or put it on the PATH.\n`);
      done(1);
    });
    npm.once("close", (code) => done(code === null ? 1 : code));
  });

if (changedAt(marker) <= changedAt(at("package-lock.json")) || missing().length > 0) {
  say(
    `Installing what QTS needs, this once: ${wanted.length} packages and its own Node, about ${megabytes} MB in node_modules.\n`,
  );
  const code = await npmCi();
  if (code !== 0) {
    say("qts: what QTS needs could not be installed; npm says above why, and the same command tries again.\n");
    process.exit(code);
  }
  const left = missing();
  if (left.length > 0) {
    const names = left.slice(0, 3).map((path) => path.replace(/^.*node_modules\//, ""));
    say(
      `qts: npm left out ${left.length} packages (${names.join(", ")}${left.length > 3 ? ", …" : ""}): unset the setting of npm that does (\`npm config ls\` shows them), then run \`npm ci\`.\n`,
    );
    process.exit(1);
  }
  const now = new Date();
  utimesSync(marker, now, now);
}

const own = Number(process.versions.node.split(".")[0]);
if (!existsSync(ownNode) && own < nodeMajorMin) {
  say(
    `qts: its own Node is missing, because npm was told to run no install scripts (ignore-scripts), and Node ${process.versions.node} of this machine is too old: \`npm rebuild node --ignore-scripts=false\` fetches it.\n`,
  );
  process.exit(78);
}
