/**
 * Which test proves which requirement, read from the tests' own titles: a title may end with the IDs it stands for, as in
 * `it("deletes nothing when the backup fails (M3)")`. The titles of groups and of scenarios may do so too.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

export interface Claim {
  readonly title: string;
  readonly letter: string;
  readonly numbers: readonly number[];
  /** Of requirements whose tests prove a part of it: what is lacking, by number. */
  readonly lacking?: { readonly [number: number]: string };
}

/** The requirements that this release claims, by letter. A requirement that comes is added here and needs a test. */
export const claimed: readonly Claim[] = [
  { title: "Events", letter: "E", numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
  {
    title: "Safety and operating state",
    letter: "S",
    numbers: [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
  },
  { title: "Orders, execution loop, risk", letter: "O", numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] },
  { title: "Market data archive", letter: "A", numbers: [1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 14] },
  { title: "Ops", letter: "M", numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15] },
  {
    title: "Inspector",
    letter: "I",
    numbers: [1, 5, 6, 7, 8, 9, 10, 11, 12, 23, 24],
    lacking: {
      5: "the date since which the profit is counted",
      8: "what happened before the process began, and a machine's whole context",
      9: "maintenance runs of earlier processes, file by file",
      23: "all words in one file",
      24: "the time to the first picture, and the load of 5,000 steps a second",
    },
  },
];

export interface Proof {
  readonly id: string;
  readonly file: string;
  readonly title: string;
}

/** Tests of no single room. */
const rooms: { readonly [folder: string]: string } = {
  "tests/simulation": "the whole house",
  "tests/e2e": "the whole house, as processes",
  "tests/faults": "the whole house, killed",
  "tests/bench": "the whole house, measured",
  "tests/mutations": "machines",
  "tests/ops/decision": "src/ops/maintenance/retention",
  "tests/ops/e2e": "src/ops/maintenance",
  "tests/archive": "src/archive",
};

/** The source that a test mirrors: the file of the same name, else the nearest folder that is there. */
export const roomOf = (file: string): string => {
  const folder = file.slice(0, file.lastIndexOf("/"));
  for (const base of [file.replace(/^tests\//, "src/"), file.replace(/^tests\//, "")])
    for (const ending of [".ts", ".machine.ts"]) {
      const source = base.replace(/\.[\w-]+\.ts$/, ending);
      if (source !== file && existsSync(join(root, source))) return source;
    }
  const known = rooms[folder];
  if (known !== undefined) return known;
  for (let at = folder.replace(/^tests\//, ""); at !== "" && at !== "tests"; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    if (existsSync(join(root, "src", at))) return `src/${at}`;
    if (existsSync(join(root, at))) return at;
  }
  return "the whole house";
};

// A text in quotes that ends with IDs in parentheses; the quote that opens it closes it.
const titled = /(["'`])((?:(?!\1)[^\\\n]|\\.)+) \(([A-Z]\d+(?:, [A-Z]\d+)*)\)\1/g;

/** @returns the proofs in one file of tests, in its order */
export const proofsIn = (file: string, text: string): Proof[] =>
  [...text.matchAll(titled)].flatMap(([, , title = "", ids = ""]) =>
    ids
      .split(", ")
      .filter((id) => claimed.some(({ letter }) => id.startsWith(letter)))
      .map((id) => ({ id, file, title: title.replaceAll(/\\(.)/g, "$1") })),
  );

/** Every proof of the repository, by file name. This file and its own test show titles and prove nothing. */
export const allProofs = (): Proof[] =>
  globSync("tests/**/*.ts", { cwd: root })
    .filter((file) => file !== "tests/requirements.test.ts")
    .sort()
    .flatMap((file) => proofsIn(file, readFileSync(join(root, file), "utf8")));

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** One table for each letter: ID → room → test. */
export const requirementsReference = (): string => {
  const proofs = allProofs();
  return claimed
    .flatMap(({ title, letter, numbers, lacking = {} }) => [
      `### ${title}`,
      "",
      "| ID | room | test |",
      "|---|---|---|",
      ...numbers.flatMap((number) => {
        const id = `${letter}${number}`;
        const byFile = Map.groupBy(
          proofs.filter((proof) => proof.id === id),
          ({ file }) => file,
        );
        return [...byFile].map(
          ([file, found]) =>
            `| ${id} | ${roomOf(file)} | ${file}: ${[...new Set(found.map((proof) => cell(proof.title)))].join(" · ")} |`,
        );
      }),
      "",
      ...Object.entries(lacking).map(([number, what]) => `- ${letter}${number} is proven in part. Lacking: ${what}.`),
      ...(Object.keys(lacking).length > 0 ? [""] : []),
    ])
    .join("\n");
};
