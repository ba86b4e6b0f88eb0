/** The last moments of a file: whatever is done to it while it is being deleted, its bytes are in the backup or on disk. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { archive } from "#adapters/host/backup/archive.ts";
import { survey } from "#adapters/host/backup/survey.ts";
import { type Moments, remove } from "#adapters/host/backup/take-away.ts";
import { inspect } from "#adapters/host/backup/tree.ts";
import type { ProvenFile } from "#ops/ports.ts";
import { sha256Of } from "../../../ops/maintenance/workshop.ts";

let root: string;
let data: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qts-take-away-"));
  data = join(root, "data");
  mkdirSync(join(data, "day"), { recursive: true });
  file = join(data, "day/a.jsonl");
  writeFileSync(file, "backed up\n");
  utimesSync(file, 1_381_000_000, 1_381_000_000);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const idle = (): void => undefined;
const proven = (): ProvenFile[] => {
  const found = survey({ root: data, globs: ["**"] }, idle);
  if (!found.ok) throw new Error(found.error.reason);
  return found.value.files.map((each) => ({ ...each, sha256: sha256Of(join(data, each.path)) }));
};
const removeWith = (moments: Moments = {}, files = proven()) => remove({ root: data, files }, idle, moments);
const aside = (): string => join(data, "day/.qts-taken/a.jsonl");
const text = (path = file): string => readFileSync(path, "utf8");

describe("a file that is deleted", () => {
  it("is gone, with nothing left beside it", () => {
    expect(removeWith()).toEqual([{ type: "removed" }]);
    expect(readdirSync(join(data, "day"))).toEqual([]);
  });

  test.each<[string, Moments, string]>([
    ["grows right before it is taken", { beforeTaking: () => appendFileSync(file, "more\n") }, "backed up\nmore\n"],
    [
      "grows once it is taken, by somebody who had it open (M2)",
      { onceTaken: () => appendFileSync(aside(), "more\n") },
      "backed up\nmore\n",
    ],
    [
      "is rewritten with the same size and its time set back",
      {
        beforeTaking: () => {
          writeFileSync(file, "BACKED UP\n");
          utimesSync(file, 1_381_000_000, 1_381_000_000);
        },
      },
      "BACKED UP\n",
    ],
    [
      "is replaced right before it is taken",
      {
        beforeTaking: () => {
          writeFileSync(join(data, "new"), "replaced\n");
          renameSync(join(data, "new"), file);
        },
      },
      "replaced\n",
    ],
    [
      "is touched right before it is taken",
      { beforeTaking: () => utimesSync(file, 1_500_000_000, 1_500_000_000) },
      "backed up\n",
    ],
    [
      "is replaced by a file of the same content and time right before it is taken",
      {
        beforeTaking: () => {
          writeFileSync(join(data, "new"), "backed up\n");
          utimesSync(join(data, "new"), 1_381_000_000, 1_381_000_000);
          renameSync(join(data, "new"), file);
        },
      },
      "backed up\n",
    ],
  ])("%s: it has its name and its bytes again", (_, moments, expected) => {
    expect(removeWith(moments)).toEqual([{ type: "kept", reason: expect.stringMatching(/last moment/) }]);
    expect(text()).toBe(expected);
    expect(readdirSync(join(data, "day"))).toEqual(["a.jsonl"]);
  });

  it("is written anew under its name meanwhile: the new file stays, and the old one is gone", () => {
    expect(removeWith({ onceTaken: () => writeFileSync(file, "new\n") })).toEqual([{ type: "removed" }]);
    expect(text()).toBe("new\n");
  });

  it("changes, and its name is taken by a new file: both stay, and the next run names both", () => {
    const [kept] = removeWith({
      onceTaken: () => {
        appendFileSync(aside(), "more\n");
        writeFileSync(file, "new\n");
      },
    });
    expect(kept).toEqual({ type: "kept", reason: expect.stringMatching(/\.qts-taken/) });
    expect([text(), text(aside())]).toEqual(["new\n", "backed up\nmore\n"]);
    expect(proven().map(({ path }) => path)).toEqual(["day/.qts-taken/a.jsonl", "day/a.jsonl"]);
    // A second deletion of the same name does not write over the first.
    expect(removeWith({}, proven().slice(1))).toEqual([{ type: "kept", reason: expect.stringMatching(/an earlier file/) }]);
    expect([text(), text(aside())]).toEqual(["new\n", "backed up\nmore\n"]);
  });

  it("is written to between the last look and its deletion, by somebody who had it open: the bytes are a file again (M2)", () => {
    const fd = openSync(file, "a");
    try {
      const [kept] = removeWith({ onceLookedAt: () => void writeSync(fd, "late\n") });
      expect(kept).toEqual({ type: "kept", reason: expect.stringMatching(/very moment/) });
      expect(text()).toBe("backed up\nlate\n");
    } finally {
      closeSync(fd);
    }
  });

  it("was changed with the same size and time before: the change time tells", () => {
    const files = proven();
    writeFileSync(file, "BACKED UP\n");
    utimesSync(file, 1_381_000_000, 1_381_000_000);
    expect(removeWith({}, files)).toEqual([{ type: "kept", reason: "it was changed in the last moment" }]);
    expect(text()).toBe("BACKED UP\n");
  });

  it("was taken aside by a run that was killed then: the next one gives it its name back before it lists anything (M2)", () => {
    mkdirSync(join(data, "day/.qts-taken"));
    renameSync(file, aside());
    const looked = survey({ root: data, globs: ["**"], isOnlyLooking: true }, idle);
    expect(looked.ok && looked.value.files.map(({ path }) => path)).toEqual(["day/.qts-taken/a.jsonl"]);
    const found = survey({ root: data, globs: ["**"] }, idle);
    expect(found.ok && found.value).toMatchObject({ files: [{ path: "day/a.jsonl" }], returned: ["day/a.jsonl"] });
    expect(existsSync(join(data, "day/.qts-taken"))).toBe(false);
  });
});

describe("a day folder that is replaced by a link in the middle of a run", () => {
  /** Moves the folder outside and leaves a link in its place: device, inode, times and content are the same. */
  const replace = (): void => {
    renameSync(join(data, "day"), join(root, "outside"));
    symlinkSync(join(root, "outside"), join(data, "day"));
  };

  it("leads nobody outside: nothing there is deleted, hashed or archived", async () => {
    const files = proven();
    replace();
    expect(removeWith({}, files)).toEqual([{ type: "kept", reason: expect.stringMatching(/day is no folder any more/) }]);
    expect(inspect(data, ["day/a.jsonl"], idle)).toEqual([
      { type: "unreadable", reason: expect.stringMatching(/day is no folder any more/) },
    ]);
    const written = await archive({ root: data, files, destination: join(root, "a.tar.gz"), gzipLevel: 1 }, idle);
    expect(written.ok && [written.value.files, written.value.skipped]).toEqual([
      [],
      [{ path: "day/a.jsonl", reason: expect.stringMatching(/day is no folder any more/) }],
    ]);
    expect(text(join(root, "outside/a.jsonl"))).toBe("backed up\n");
  });

  it("in the very moment of a deletion, takes the deletion along to where the folder is now, and nowhere else", () => {
    mkdirSync(join(root, "decoy"));
    writeFileSync(join(root, "decoy/a.jsonl"), "backed up\n");
    const moved = (): void => {
      renameSync(join(data, "day"), join(root, "outside"));
      symlinkSync(join(root, "decoy"), join(data, "day"));
    };
    expect(removeWith({ beforeTaking: moved })).toEqual([{ type: "removed" }]);
    expect(text(join(root, "decoy/a.jsonl"))).toBe("backed up\n");
  });
});
