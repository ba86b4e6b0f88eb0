/**
 * A process for the fault tests: appends groups of records from eight lanes at once, prints each sequence once it was
 * acknowledged, and ends with the refusal when the journal refuses.
 */
import { writeSync } from "node:fs";
import { openJournal } from "#adapters/host/journal/journal.ts";

const opened = await openJournal({ file: process.argv[2] as string });
if (!opened.ok) {
  writeSync(1, `refused ${JSON.stringify(opened.error)}\n`);
  process.exit(1);
}
const journal = opened.value;
let seq = journal.lastSeq;
writeSync(1, `open ${seq}\n`);

const lane = async (): Promise<void> => {
  for (;;) {
    const expectedSeq = seq;
    const group = Array.from({ length: 1 + (seq % 7) }, () => ({
      seq: ++seq,
      at: seq,
      type: "order.filled",
      body: `{"n":${seq}}`,
    }));
    const result = await journal.append(group, { expectedSeq });
    if (!result.ok) {
      writeSync(1, `refused ${JSON.stringify(result.error)}\n`);
      return;
    }
    writeSync(1, `${result.value.lastSeq}\n`);
    if (result.value.lastSeq % 50 === 0)
      await journal.saveSnapshot({ seq: result.value.lastSeq, at: 0, body: `{"n":${result.value.lastSeq}}` });
  }
};
await Promise.all(Array.from({ length: 8 }, lane));
await journal.close();
