import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { journalContract } from "../../journal.contract.ts";

describe("the SQLite journal is a Journal", () =>
  journalContract(async () => {
    const home = await mkdtemp(join(tmpdir(), "qts-journal-"));
    return {
      open: async () => {
        const opened = await openJournal({ file: join(home, "journal.sqlite") });
        if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
        return opened.value;
      },
      dispose: () => rm(home, { recursive: true }),
    };
  }));
