import { describe, expect, it } from "vitest";
import { createJournalStorage, createMemoryJournal } from "#adapters/memory/journal.ts";
import { journalContract, record } from "../journal.contract.ts";

describe("the memory journal is a Journal", () =>
  journalContract(async () => {
    const storage = createJournalStorage();
    return { open: async () => createMemoryJournal({ storage }), dispose: async () => {} };
  }));

describe("the memory journal", () => {
  it("refuses everything once a test has made it fail", async () => {
    const journal = createMemoryJournal();
    const error = { type: "journal.unavailable", reason: "the disk is full" } as const;
    journal.fail(error);
    expect(await journal.append([record(1)], { expectedSeq: 0 })).toEqual({ ok: false, error });
    expect(journal.storage.records).toEqual([]);
  });

  it("acknowledges nothing before the record is durable", async () => {
    let sync = (): void => {};
    const synced = new Promise<void>((resolve) => {
      sync = resolve;
    });
    const journal = createMemoryJournal({ durable: () => synced });
    const appended = journal.append([record(1)], { expectedSeq: 0 });
    expect(await Promise.race([appended, Promise.resolve("waiting")])).toBe("waiting");
    expect(journal.lastSeq).toBe(0);
    sync();
    expect(await appended).toEqual({ ok: true, value: { lastSeq: 1 } });
  });
});
