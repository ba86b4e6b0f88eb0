/** A real process, killed with SIGKILL while it appends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openJournal } from "#adapters/host/journal/journal.ts";
import { createRandom } from "#core/random.ts";
import { runAppender } from "../appender.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qts-kill-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("has every record that was acknowledged, without a hole, after being killed again and again", async () => {
  const seed = 20131007;
  const random = createRandom(seed);
  const file = join(directory, "journal.sqlite");
  let acknowledgedBefore = 0;
  for (let round = 0; round < 14; round++) {
    const where = `seed ${seed}, round ${round}`;
    const killAt = 2 + Math.floor(random() * 300);
    const { openedAt, acknowledged, refused } = await runAppender(file, {
      onLine: (lines, child) => {
        if (lines === killAt) child.kill("SIGKILL");
      },
    });
    expect(refused, where).toBeUndefined();
    expect(openedAt, where).toBeGreaterThanOrEqual(acknowledgedBefore);
    acknowledgedBefore = acknowledged;
    // In other rounds the next process meets the files exactly as the killed one left them.
    if (random() < 0.5) continue;
    const opened = await openJournal({ file });
    if (!opened.ok) throw new Error(where, { cause: opened.error });
    const journal = opened.value;
    const found = await Array.fromAsync(journal.read(0));
    expect(journal.lastSeq, where).toBeGreaterThanOrEqual(acknowledged);
    expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: journal.lastSeq }, (_, i) => i + 1));
    expect(found.every(({ seq, body }) => body === `{"n":${seq}}`)).toBe(true);
    const snapshot = await journal.loadSnapshot();
    expect(snapshot.ok && (snapshot.value === undefined || snapshot.value.body === `{"n":${snapshot.value.seq}}`)).toBe(true);
    await journal.close();
  }
});
