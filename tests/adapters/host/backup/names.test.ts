/** Any name that a file system can hold: into an archive, past GNU tar, and back, byte for byte. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { archive, readBack, readThrough } from "#adapters/host/backup/archive.ts";
import { extract } from "#adapters/host/backup/extract.ts";
import { bytesOf, nameOf } from "#adapters/host/backup/names.ts";
import { survey } from "#adapters/host/backup/survey.ts";
import { remove } from "#adapters/host/backup/take-away.ts";
import { isSafePath } from "#ops/maintenance/backup/manifest.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qts-names-"));
  mkdirSync(join(root, "data"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const idle = (): void => undefined;
const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const under = (folder: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${join(root, folder)}/`), name]);

/** Name in hexadecimal → content, of everything below a folder. */
const contentOf = (folder: Buffer, prefix: Buffer = Buffer.alloc(0)): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true, encoding: "buffer" }).flatMap((entry) => {
      const place = Buffer.concat([folder, Buffer.from("/"), entry.name]);
      const name = Buffer.concat([prefix, entry.name]);
      return entry.isDirectory()
        ? Object.entries(contentOf(place, Buffer.concat([name, Buffer.from("/")])))
        : [[name.toString("hex"), readFileSync(place, "utf8")]];
    }),
  );

const oddNames: readonly (readonly [string, Buffer])[] = [
  ["in Latin-1", latin1("caf\xe9_20261101.jsonl")],
  ["in CP949", Buffer.from("b0a1b0dd2e6a736f6e6c", "hex")],
  ["in a folder that is not UTF-8", Buffer.concat([latin1("\xb0\xa1/"), Buffer.from("a.jsonl")])],
  ["not UTF-8 and too long for ustar", Buffer.concat([Buffer.alloc(200, 0xe9), Buffer.from(".jsonl")])],
  [
    "not UTF-8 and long enough to be divided",
    Buffer.concat([Buffer.alloc(90, 0xe9), Buffer.from("/"), Buffer.alloc(80, 0xe8), Buffer.from("/"), Buffer.alloc(90, 0xe7)]),
  ],
  ["with a line break", Buffer.from("20261101.jsonl\ndeleted  b.jsonl: by hand")],
  ["long, with line breaks", Buffer.from(`${"long\n12 path=x\n".repeat(10)}.jsonl`)],
  ["of 255 bytes", Buffer.alloc(255, "x")],
  ["of 255 bytes of Hangul", Buffer.from("가".repeat(85))],
  ["composed", Buffer.from("가격".normalize("NFC"))],
  ["decomposed", Buffer.from("가격".normalize("NFD"))],
  ["with a backslash", Buffer.from("a\\x41.jsonl")],
  ["with a replacement character", Buffer.from("a\ufffd.jsonl")],
  ["with an encoded surrogate", Buffer.from("61eda080612e6a736f6e6c", "hex")],
  ["of one control character", Buffer.of(0x1b)],
];

const write = (name: Buffer): void => {
  const slash = name.lastIndexOf("/");
  if (slash > 0) mkdirSync(under("data", name.subarray(0, slash)), { recursive: true });
  writeFileSync(under("data", name), `{"of":"${name.toString("hex")}"}\n`);
  // Tar holds whole seconds.
  utimesSync(under("data", name), 1_381_000_000, 1_381_000_000);
};

const backUp = async () => {
  const found = survey({ root: join(root, "data"), globs: ["**"] }, idle);
  if (!found.ok) throw new Error(found.error.reason);
  const destination = join(root, "a.tar.gz");
  const written = await archive({ root: join(root, "data"), files: found.value.files, destination, gzipLevel: 1 }, idle);
  if (!written.ok) throw new Error(written.error.reason);
  expect([...found.value.skipped, ...written.value.skipped]).toEqual([]);
  return { destination, files: written.value.files };
};

describe("a name", () => {
  test.each(oddNames)("%s is text and bytes again, also by way of JSON", (_, bytes) => {
    const name = nameOf(bytes);
    expect(bytesOf(name)).toEqual(bytes);
    expect(bytesOf(JSON.parse(JSON.stringify(name)))).toEqual(bytes);
    expect(isSafePath(name)).toBe(true);
  });

  it("of any bytes is text and the same bytes again, and no two have the same text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (one, other) => {
        const [a, b] = [Buffer.from(one), Buffer.from(other)];
        expect(bytesOf(nameOf(a))).toEqual(a);
        expect(nameOf(a) === nameOf(b)).toBe(a.equals(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it("in a manifest that stands for no bytes is refused", () => {
    for (const path of ["a\ud800", "\udc00a", "\udd00"]) expect(isSafePath(path)).toBe(false);
  });
});

describe("files with every name that is odd, side by side", () => {
  beforeEach(() => {
    for (const [, name] of oddNames) write(name);
  });

  it("are backed up, verified and restored, byte for byte", async () => {
    const before = contentOf(Buffer.from(join(root, "data")));
    expect(Object.keys(before)).toHaveLength(oddNames.length);
    const { destination, files } = await backUp();
    const read = await readBack(destination, idle);
    const inOrder = (all: readonly { readonly path: string; readonly sha256: string }[]) =>
      all.map(({ path, sha256 }) => ({ path, sha256 })).toSorted((a, b) => (a.path < b.path ? -1 : 1));
    expect(read.ok && inOrder(read.value.members)).toEqual(inOrder(files));
    mkdirSync(join(root, "restored"));
    const extracted = await extract(
      { archivePath: destination, members: files, to: join(root, "restored"), overwrite: false },
      idle,
    );
    expect(extracted.ok && extracted.value.failed).toEqual([]);
    expect(contentOf(Buffer.from(join(root, "restored")))).toEqual(before);
  });

  it("are the same files for GNU tar (M4)", async () => {
    const { destination } = await backUp();
    execFileSync("tar", ["--compare", "-zf", destination, "-C", join(root, "data")], { stdio: "pipe" });
    mkdirSync(join(root, "restored"));
    execFileSync("tar", ["-xzf", destination, "-C", join(root, "restored")], { stdio: "pipe" });
    expect(contentOf(Buffer.from(join(root, "restored")))).toEqual(contentOf(Buffer.from(join(root, "data"))));
  });

  it("are read from archives that GNU tar wrote, in its own format and in pax", async () => {
    const { files } = await backUp();
    for (const format of ["gnu", "pax"]) {
      const theirs = join(root, `${format}.tar.gz`);
      execFileSync("tar", ["-czf", theirs, `--format=${format}`, "-C", join(root, "data"), "."], { stdio: "pipe" });
      const members: Record<string, string> = {};
      await readThrough(theirs, ({ path, isFile }) => {
        if (isFile) members[path.slice(2)] = "";
        return undefined;
      });
      expect(Object.keys(members).toSorted()).toEqual(files.map(({ path }) => path).toSorted());
    }
  });

  it("are deleted, each by its own name and no other", async () => {
    const { files } = await backUp();
    const [gone, ...stay] = files.toReversed();
    if (gone === undefined) throw new Error("there are no files");
    expect(remove({ root: join(root, "data"), files: [gone] }, idle)).toEqual([{ type: "removed" }]);
    expect(Object.keys(contentOf(Buffer.from(join(root, "data")))).toSorted()).toEqual(
      stay.map(({ path }) => bytesOf(path).toString("hex")).toSorted(),
    );
    expect(remove({ root: join(root, "data"), files: stay }, idle).every(({ type }) => type === "removed")).toBe(true);
  });
});
