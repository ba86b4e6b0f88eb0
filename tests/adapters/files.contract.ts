/** What every ArchiveFiles keeps its word about, whatever it is made of. */
import { expect, it } from "vitest";
import type { ArchiveFiles, SegmentFile } from "#archive/ports.ts";
import type { Result } from "#core/result.ts";

const value = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
};

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** @param create the files, and an absolute directory of theirs that is empty */
export const filesContract = (create: () => { readonly files: ArchiveFiles; readonly directory: string }): void => {
  const writeFile = async (files: ArchiveFiles, path: string, text: string): Promise<SegmentFile> => {
    const file = value(await files.create(path));
    value(await file.append(bytes(text)));
    value(await file.datasync());
    return file;
  };

  it("appends, counts the bytes it wrote, and reads the whole lines back", async () => {
    const { files, directory } = create();
    const path = `${directory}/20131007/a.jsonl`;
    const file = value(await files.create(path));
    expect(value(await file.append(bytes("가\n")))).toBe(4);
    expect(value(await file.append(bytes("b\nc")))).toBe(3);
    value(await file.close());
    expect(value(await files.readLines(path))).toEqual(["가", "b"]);
    expect(value(await files.readFirstLine(path))).toBe("가");
  });

  it("makes no file over another one", async () => {
    const { files, directory } = create();
    await (await writeFile(files, `${directory}/a`, "kept\n")).close();
    expect(await files.create(`${directory}/a`)).toMatchObject({ ok: false, error: { code: "EEXIST" } });
    expect(value(await files.readLines(`${directory}/a`))).toEqual(["kept"]);
  });

  it("lists every file below a directory, sorted, with its bytes; a directory that is not there is empty", async () => {
    const { files, directory } = create();
    expect(value(await files.list(`${directory}/nowhere`))).toEqual([]);
    await (await writeFile(files, `${directory}/b/2`, "two\n")).close();
    await (await writeFile(files, `${directory}/a/1`, "1\n")).close();
    expect(value(await files.list(directory))).toEqual([
      { path: "a/1", bytes: 2 },
      { path: "b/2", bytes: 4 },
    ]);
  });

  it("moves a torn tail beside the file, and leaves a whole file alone", async () => {
    const { files, directory } = create();
    await (await writeFile(files, `${directory}/torn`, "whole\nhal")).close();
    expect(value(await files.cutTornTail(`${directory}/torn`))).toBe(3);
    expect(value(await files.cutTornTail(`${directory}/torn`))).toBe(0);
    expect(value(await files.list(directory))).toEqual([
      { path: "torn", bytes: 6 },
      { path: "torn.torn", bytes: 3 },
    ]);
  });

  it("cuts an open file and a closed one back to a size", async () => {
    const { files, directory } = create();
    const file = await writeFile(files, `${directory}/a`, "one\ntwo\nthree\n");
    value(await file.truncate(8));
    value(await file.append(bytes("3\n")));
    value(await file.close());
    expect(value(await files.readLines(`${directory}/a`))).toEqual(["one", "two", "3"]);
    value(await files.cutTo(`${directory}/a`, 4));
    expect(value(await files.readLines(`${directory}/a`))).toEqual(["one"]);
  });

  it("answers for a file that is not there with an error, and knows the disk's free space", async () => {
    const { files, directory } = create();
    expect(await files.readLines(`${directory}/none`)).toMatchObject({ ok: false, error: { code: "ENOENT" } });
    const { freeBytes, totalBytes, freeFilesShare } = value(await files.diskSpace(directory));
    expect(freeBytes).toBeLessThanOrEqual(totalBytes);
    expect(freeFilesShare).toBeLessThanOrEqual(1);
  });
};
