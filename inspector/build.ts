/**
 * Builds the page into inspector/dist, once: charts are laid out here, so that a browser gets coordinates and no layout engine.
 *
 * `npm start` asks for it every time; what is fresh is left alone after a look at the sources. A build that fails is said on standard
 * error and stops nobody: the house runs without its page and the address says so.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const root = join(import.meta.dirname, "..");
const built = join(import.meta.dirname, "dist");
const stampFile = join(built, "stamp");
const chartsId = "virtual:charts";

const say = (sentence: string): void => {
  process.stderr.write(`${sentence}\n`);
};

/** Of everything that the page is made of. */
const stampOf = (): string => {
  const hash = createHash("sha256");
  const sources = globSync(["inspector/**/*.{ts,tsx,css,html}", "machines/**/*.ts", "package-lock.json"], {
    cwd: root,
    exclude: ["inspector/dist*/**"],
  }).sort();
  for (const source of sources) hash.update(`${source}\n`).update(readFileSync(join(root, source)));
  return hash.digest("hex");
};

const charts = (): Plugin => ({
  name: "charts",
  resolveId: (id) => (id === chartsId ? `\0${chartsId}` : null),
  load: async (id) => {
    if (id !== `\0${chartsId}`) return null;
    const [{ graphOf, isDense }, { layoutOf }, { drawnMachines }] = await Promise.all([
      import("#chart/graph.ts"),
      import("#chart/layout.ts"),
      import("#chart/machines.ts"),
    ]);
    const found: { [actor: string]: unknown } = {};
    for (const machine of Object.values(drawnMachines)) {
      const graph = graphOf(machine);
      // The desk is the actor of all orders; the other actors are named like their machines.
      const actor = machine.id === "order" ? "orders" : machine.id;
      found[actor] = { graph, layout: await layoutOf(graph, isDense(graph) ? "RIGHT" : "DOWN") };
    }
    return `export const charts = JSON.parse(${JSON.stringify(JSON.stringify(found))});`;
  },
});

const buildPage = async (into: string): Promise<void> => {
  const { build } = await import("vite");
  await build({
    configFile: false,
    root: join(import.meta.dirname, "page"),
    logLevel: "error",
    plugins: [charts()],
    build: { outDir: into, emptyOutDir: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0, target: "es2022" },
  });
};

/** What a build that was killed left behind: nobody builds for an hour. */
const sweep = (): void => {
  for (const name of readdirSync(import.meta.dirname)) {
    const path = join(import.meta.dirname, name);
    if (/^dist-\w{6}$/.test(name) && Date.now() - statSync(path).mtimeMs > 3_600_000)
      rmSync(path, { recursive: true, force: true });
  }
};

const isFresh = (stamp: string): boolean => existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;

const buildWhenStale = async (): Promise<void> => {
  const stamp = stampOf();
  if (isFresh(stamp)) return;
  say("Building the page, this once: a few seconds.");
  sweep();
  try {
    // Beside its place, and moved there whole: two starts at a time do not meet half a page.
    const unfinished = mkdtempSync(join(import.meta.dirname, "dist-"));
    try {
      await buildPage(unfinished);
      writeFileSync(join(unfinished, "stamp"), stamp);
      // Whoever may read the sources may read what was made of them.
      chmodSync(unfinished, 0o755);
      rmSync(built, { recursive: true, force: true });
      renameSync(unfinished, built);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  } catch (error) {
    // Unless another start was faster.
    if (!isFresh(stamp)) throw error;
  }
};

try {
  await buildWhenStale();
} catch (error) {
  say(`The page could not be built (${error instanceof Error ? error.message : String(error)}): QTS runs without it.`);
  if (process.argv.includes("--strict")) process.exitCode = 1;
}
