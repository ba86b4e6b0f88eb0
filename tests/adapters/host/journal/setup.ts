/** A folder with the file of one journal, new for each test of the file that imports this, and how such a journal is opened. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type HostJournal, openJournal } from "#adapters/host/journal/journal.ts";

export let directory: string;
export let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qts-journal-"));
  file = join(directory, "journal.sqlite");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Opens the journal, in the test's own file unless told otherwise; one that does not open ends the test. */
export const open = async (options: Partial<Parameters<typeof openJournal>[0]> = {}): Promise<HostJournal> => {
  const opened = await openJournal({ file, ...options });
  if (!opened.ok) throw new Error("the journal does not open", { cause: opened.error });
  return opened.value;
};
