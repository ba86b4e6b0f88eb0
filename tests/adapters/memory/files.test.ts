import { describe, expect, it } from "vitest";
import { createArchiveFiles } from "#adapters/host/archive-files.ts";
import { createMemoryFiles } from "#adapters/memory/files.ts";
import { temporaryDirectory } from "../../archive/setup.ts";
import { bytes, filesContract } from "../files.contract.ts";

describe.each([
  { name: "memory", create: () => ({ files: createMemoryFiles(), directory: "/archive" }) },
  { name: "this machine's disk", create: () => ({ files: createArchiveFiles(), directory: temporaryDirectory() }) },
])("files: $name", ({ create }) => filesContract(create));

describe("a disk in memory", () => {
  it("refuses every write while it fails, and takes them again afterwards", async () => {
    const files = createMemoryFiles();
    const created = await files.create("/a");
    if (!created.ok) throw new Error("refused");
    const file = created.value;
    files.fail({ code: "ENOSPC", reason: "full" });
    expect(await file.append(bytes("lost\n"))).toMatchObject({ ok: false, error: { code: "ENOSPC" } });
    expect(await files.create("/b")).toMatchObject({ ok: false });
    files.fail(undefined);
    expect(await file.append(bytes("kept\n"))).toEqual({ ok: true, value: 5 });
    expect(files.text("/a")).toBe("kept\n");
  });
});
