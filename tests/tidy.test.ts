/**
 * The rules of the house as a test: who may import whom (docs/architecture/README.md), and calls that are banned where
 * behaviour must be a function of its input. Each finding names the file, the line and what to use instead.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts", "*.js"], {
  cwd: root,
  encoding: "utf8",
})
  .trim()
  .split("\n");

type Room =
  | "machines"
  | "config"
  | "core"
  | "market"
  | "archive"
  | "ops"
  | "adapters"
  | "commands"
  | "parts"
  | "root"
  | "main"
  | "inspector"
  | "chart"
  | "tests"
  | "docs";

const roomOf = (path: string): Room => {
  const [top, second, third] = path.split("/");
  if (top === "src" && third === undefined) return second?.startsWith("root.") ? "root" : "main";
  if (top === "src") return second as Room;
  if (top === "inspector" && second === "chart") return "chart";
  return top as Room;
};

/** What a room may import besides itself. `type:` allows type-only imports. Rooms that are not listed may import everything. */
const mayImport: Partial<Record<Room, readonly string[]>> = {
  machines: ["xstate"],
  config: ["zod", "yaml", "node", "machines/facts"],
  core: ["xstate", "rxjs", "machines", "type:config"],
  market: ["rxjs", "type:config", "type:core", "core/random", "core/result", "core/instrument", "core/zoned-time"],
  archive: ["rxjs", "type:config", "type:core", "type:market", "core/result", "core/instrument", "core/zoned-time"],
  ops: [
    "rxjs",
    "xstate",
    "croner",
    "prom-client",
    "type:machines",
    "machines",
    "type:config",
    "type:core",
    "core/result",
    "core/newest",
    "core/printable",
    "core/zoned-time",
    "archive",
  ],
  adapters: [
    "rxjs",
    "zod",
    "node",
    "library",
    "machines/facts",
    "type:config",
    "type:core",
    "type:market",
    "type:archive",
    "type:ops",
    "core",
    "market",
    "archive",
    "ops",
    "own",
  ],
  parts: ["rxjs", "xstate", "machines", "config", "core", "market", "archive", "ops"],
  root: ["rxjs", "xstate", "machines", "config", "core", "market", "archive", "ops", "parts"],
  // The engine that lays a chart out never reaches a browser: the page gets its coordinates.
  chart: ["xstate", "machines", "elkjs"],
  inspector: ["chart/draw", "chart/graph", "chart/shapes"],
};

const libraries = new Set([
  "tar",
  "minizlib",
  "pino",
  "fastify",
  "prom-client",
  "ws",
  "nodemailer",
  "yaml",
  "zod",
  "croner",
  "hdr-histogram-js",
  "@statelyai/inspect",
]);

interface Import {
  readonly line: number;
  readonly from: string;
  readonly isType: boolean;
}

const importsOf = (path: string): Import[] => {
  const text = readFileSync(join(root, path), "utf8");
  const found: Import[] = [];
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
  for (const match of text.matchAll(pattern)) {
    const clause = match[0];
    const named = clause.match(/\{([^}]*)\}/)?.[1];
    const onlyTypes =
      named !== undefined &&
      named.trim() !== "" &&
      !/^\s*\w+\s*,\s*\{/.test(clause.replace(/^(import|export)\s+/, "")) &&
      named.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
    found.push({
      line: text.slice(0, match.index).split("\n").length,
      from: match[2] as string,
      isType: match[1] !== undefined || onlyTypes,
    });
  }
  return found;
};

/** Names what an import reaches: a room, a file or folder of core or machines, a library, or node. */
const targetOf = (path: string, from: string): { readonly name: string; readonly file?: string } => {
  if (from.startsWith("node:")) return { name: "node" };
  if (from.startsWith("#src/")) return { name: roomOf(`src/${from.slice(5)}`) };
  if (from.startsWith("#")) {
    const [room, ...rest] = from.slice(1).split("/");
    return { name: room as string, file: `${room}/${rest.join("/").replace(/\.ts$/, "")}` };
  }
  if (from.startsWith(".")) {
    const target = relative(root, join(root, dirname(path), from));
    return { name: roomOf(target), file: target.replace(/^(src|inspector)\//, "").replace(/\.ts$/, "") };
  }
  const [scope = "", name] = from.split("/");
  return { name: scope.startsWith("@") ? `${scope}/${name}` : scope };
};

/** The file of ours that an import reaches, as a path from the root; undefined for a library. */
const fileOf = (path: string, from: string): string | undefined => {
  if (from.startsWith(".")) return join(dirname(path), from);
  if (!from.startsWith("#")) return undefined;
  const inside = from.slice(1).replace(/^src\//, "");
  if (inside.startsWith("chart/")) return `inspector/${inside}`;
  return inside.startsWith("machines/") ? inside : `src/${inside}`;
};

/** Files that import each other around a circle, by value or by type (Tarjan's strongly connected components). */
const circlesOf = (edges: ReadonlyMap<string, readonly string[]>): string[][] => {
  const circles: string[][] = [];
  const places = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const low = (file: string): number => lowest.get(file) ?? 0;
  const visit = (file: string): void => {
    const place = places.size;
    places.set(file, place);
    lowest.set(file, place);
    open.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!places.has(next)) visit(next);
      if (open.includes(next)) lowest.set(file, Math.min(low(file), low(next)));
    }
    if (low(file) !== place) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1 || edges.get(file)?.includes(file)) circles.push(circle);
  };
  for (const file of edges.keys()) if (!places.has(file)) visit(file);
  return circles;
};

/** One way around: from a file of the circle over others of it back to the first. */
const wayAround = (circle: readonly string[], edges: ReadonlyMap<string, readonly string[]>): string => {
  const [first = ""] = circle;
  const cameFrom = new Map<string, string>();
  const reached = [first];
  for (const file of reached)
    for (const next of edges.get(file) ?? [])
      if (circle.includes(next) && !cameFrom.has(next)) {
        cameFrom.set(next, file);
        reached.push(next);
      }
  const way = [first];
  do way.unshift(cameFrom.get(way[0] as string) as string);
  while (way[0] !== first);
  return way.join(" → ");
};

const adapterFolder = (path: string): string => path.split("/")[2] as string;

const importProblem = (path: string, { from, isType }: Import): string | undefined => {
  const room = roomOf(path);
  const allowed = mayImport[room];
  const target = targetOf(path, from);
  if (
    from.startsWith(".") &&
    room !== target.name &&
    !(room === "tests" || room === "main" || room === "root" || room === "docs")
  )
    return `leaves the room with a relative path; write "#${target.name}/…"`;
  if (allowed === undefined) return undefined;
  if (room === "adapters" && target.name === "adapters") {
    const other = from.startsWith(".") ? (target.file as string).split("/")[1] : from.split("/")[1];
    return other === adapterFolder(path)
      ? undefined
      : `adapters/${adapterFolder(path)} imports adapters/${other}; no adapter imports another`;
  }
  if (target.name === room) return undefined;
  if (allowed.includes(target.name)) return undefined;
  if (target.file !== undefined && allowed.some((name) => target.file === name || target.file?.startsWith(`${name}/`)))
    return undefined;
  if (isType && allowed.includes(`type:${target.name}`)) return undefined;
  if (allowed.includes("library") && libraries.has(target.name)) return undefined;
  return `${room} may not import ${target.name}${isType ? " (as types)" : ""}; it may import ${allowed.join(", ")}`;
};

const pure = (path: string): boolean => /^(machines|src\/core|inspector\/chart)\//.test(path);
const product = (path: string): boolean => /^(machines|src|inspector)\//.test(path);

/** Banned text, where, and what to write instead. `// tidy-ok: reason` on the line allows it. */
const bans: readonly { readonly pattern: RegExp; readonly where: (path: string) => boolean; readonly instead: string }[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)/,
    where: (path) => pure(path) || /^src\/(market|archive|ops)\//.test(path),
    instead: "the Clock port, or event.at",
  },
  { pattern: /\bMath\.random\b/, where: product, instead: "createRandom(seed) of core/random.ts" },
  {
    pattern: /\bTemporal\.Now\b|\bperformance\.now\b/,
    where: (path) => pure(path) || /^src\/(market|archive|ops)\//.test(path),
    instead: "the Clock port",
  },
  {
    pattern: /^\s*after:/,
    where: (path) => path.startsWith("machines/"),
    instead: "a deadline in context, `timer.set` and the fact timer.due",
  },
  {
    pattern: /^\s*invoke:/,
    where: (path) => path.startsWith("machines/"),
    instead: "an effect by emit, and its outcome as a fact",
  },
  { pattern: /\bsendParent\b|\bsendTo\(/, where: (path) => path.startsWith("machines/"), instead: "emit; the runtime delivers" },
  {
    pattern: /"\*":/,
    where: (path) => path.startsWith("machines/"),
    instead: "the names of the facts; '*' would swallow errors",
  },
  {
    pattern:
      /\b(concatMap|mergeMap|concatAll|mergeAll|ReplaySubject|buffer(Count|Time|Toggle|When)?|window(Count|Time)?|zip|delay(When)?|observeOn)\b(?=.*from "rxjs")/,
    where: product,
    instead: "`pulled` or `holdWhileClosed`, whose buffers are bounded",
  },
  { pattern: /\bconsole\.(log|error|warn|info)\b/, where: product, instead: "the logger, or CommandIo" },
  { pattern: /\benum\s+\w+\s*\{/, where: product, instead: "`as const` and a union type" },
  {
    pattern: /\bprocess\.std(out|err)\b(?!\.isTTY)/,
    where: (path) =>
      path.startsWith("src/") &&
      roomOf(path) !== "main" &&
      !["log-lines.ts", "convert.ts"].some((name) => path.endsWith(`/${name}`)),
    instead: "CommandIo or the log, which show what would command a terminal",
  },
  {
    pattern: /\b(type|interface) (Outcome|Refusal|Verdict)\b/,
    where: () => true,
    instead: "its subject in front: GateVerdict, OrderRefusal, StepOutcome (CONTRIBUTING.md, Words)",
  },
  {
    pattern: /\bprocess\.exit\(/,
    where: (path) => path.startsWith("src/") && roomOf(path) !== "main",
    instead: "an exit code returned to main.ts",
  },
  {
    // Each of these follows a link that somebody has planted, or makes a file that others may read.
    pattern:
      /\b(writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream|copyFileSync|cpSync)\(|\bopen(Sync)?\([^)]*,\s*"(w|a|r\+)|\bmkdir(Sync)?\((?!.*(mode|privateFolder))/,
    where: (path) => path.startsWith("src/") && path !== "src/install.js",
    instead: "createOwn, openOwn, writeFileDurably or makeFolders (adapters/host/own-files.ts, durable-files.ts)",
  },
  {
    pattern: /\bnew DatabaseSync\((?!.*readOnly)/,
    where: (path) => path.startsWith("src/") && !/host\/(lease|journal\/store)\.ts$/.test(path),
    instead: "the journal's store or the lease, which claim the file first (claimFile)",
  },
];

const unfoundNouns = /(^|\/)(utils?|helpers?|common|misc|tools?)(\.|\/|-)|(^|\/)\w*(Manager|Service|Processor|Impl)\b/i;

describe("the house is tidy", () => {
  it("lets no room import what the table of the architecture forbids", () => {
    const problems = files.flatMap((path) =>
      importsOf(path).flatMap((found) => {
        const problem = importProblem(path, found);
        return problem === undefined ? [] : [`${path}:${found.line} ${found.from}: ${problem}`];
      }),
    );
    expect(problems).toEqual([]);
  });

  it("has no files that import each other in a circle, not even as types", () => {
    const edges = new Map(files.map((path) => [path, importsOf(path).flatMap(({ from }) => fileOf(path, from) ?? [])] as const));
    expect(edges.get("src/main.ts")?.length).toBeGreaterThan(0);
    expect(circlesOf(edges).map((circle) => wayAround(circle, edges))).toEqual([]);
  });

  it("names a circle of imports by one way around it", () => {
    const edges = new Map([
      ["a.ts", ["b.ts"]],
      ["b.ts", ["c.ts", "d.ts"]],
      ["c.ts", ["a.ts"]],
      ["d.ts", ["e.ts"]],
      ["e.ts", []],
    ]);
    expect(circlesOf(edges).map((circle) => wayAround(circle, edges))).toEqual(["a.ts → b.ts → c.ts → a.ts"]);
  });

  it("uses no banned call, each finding with its replacement", () => {
    const problems = files.flatMap((path) => {
      const applying = bans.filter(({ where }) => where(path));
      if (applying.length === 0) return [];
      return readFileSync(join(root, path), "utf8")
        .split("\n")
        .flatMap((line, index) => {
          const code = line.replace(/^\s*(\*|\/\/|\/\*).*$/, "");
          if (line.includes("tidy-ok:")) return [];
          return applying
            .filter(({ pattern }) => pattern.test(code))
            .map(({ instead }) => `${path}:${index + 1} ${line.trim()}: use ${instead}`);
        });
    });
    expect(problems).toEqual([]);
  });

  it("has no file whose name has not found its noun", () => {
    expect(files.filter((path) => unfoundNouns.test(path))).toEqual([]);
  });

  it("keeps the top level to the names that are fixed", () => {
    const top = new Set(
      execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
        .trim()
        .split("\n")
        .map((path) => path.split("/")[0] as string),
    );
    const fixed = new Set([
      "src",
      "machines",
      "tests",
      "inspector",
      "docs",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "vite.config.ts",
      "README.md",
      "README.ko.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
    ]);
    expect([...top].filter((name) => !fixed.has(name) && !name.startsWith("."))).toEqual([]);
  });

  it("skips no test without a reason in its name", () => {
    const found = files
      .filter((path) => path.startsWith("tests/"))
      .filter((path) => /\b(it|test|describe)\.(only|todo)\(/.test(readFileSync(join(root, path), "utf8")));
    expect(found.filter((path) => path !== "tests/tidy.test.ts")).toEqual([]);
  });
});
