/** `qts explain order`: the whole story of one order, read from the journal, whether QTS runs or not. */
import { homePaths } from "#adapters/host/home.ts";
import { journalErrorOf } from "#adapters/host/journal/errors.ts";
import { sessionsOf } from "#adapters/host/journal/sessions.ts";
import { openStore, unpack } from "#adapters/host/journal/store.ts";
import { journalSentence } from "#core/journal-sentence.ts";
import { type OrderStory, orderStory, type StoryStep } from "#core/orders/order-story.ts";
import type { JournalRecord } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import { homeOf } from "./ask.ts";
import { type Command, exitCodes, readOptions } from "./command.ts";

/** Every record that names the order, or concerns the whole house; the rest is passed over unparsed. */
function* recordsAbout(file: string, orderId: string): Generator<JournalRecord> {
  const store = openStore(file, { readOnly: true });
  const quoted = JSON.stringify(orderId);
  try {
    for (let seq = store.prunedThrough; seq < store.lastSeq; ) {
      const chunk = store.chunk(seq, store.lastSeq);
      if (!chunk.ok) throw new Error(journalSentence(chunk.error));
      for (const record of unpack(seq, chunk.value))
        if (!record.type.startsWith("order.") || record.body.includes(quoted)) yield record;
      seq += chunk.value.at.length;
    }
  } finally {
    store.abandon();
  }
}

const stepLine = ({ seq, at, type, status, cumulative, leaves, pending, refused, sentence }: StoryStep): string => {
  const standing = `${status}${pending === null ? "" : `, ${pending} asked`}, filled ${cumulative}, leaves ${leaves}`;
  const said = refused === null ? sentence : `refused: ${refused}`;
  return `  ${new Date(at).toISOString()}  #${seq} ${printable(`${type}: ${standing}`)}\n      ${printable(said)}`;
};

const storyText = ({ sentence, steps }: OrderStory): string => `${[printable(sentence), ...steps.map(stepLine)].join("\n")}\n`;

export const command: Command = {
  name: "explain order",
  summary: "the life of one order, from intent to its end",
  help: `qts explain order: what was intended, what the risk gates said, what the venue reported, and where the order stands.

Usage: qts explain order ORDER_ID [--home DIR] [--json]

Reads the journal, so it works whether QTS runs or not. \`qts journal --type order.intended\` shows the orders there are.

Options:
  --home DIR  where QTS keeps everything (default: QTS_HOME, else ./var)
  --json      the story as one JSON document
  --help      this page

Exit codes: 0 ok, 1 the journal cannot be read, 2 usage, 4 refused (no such order).
`,
  run: async (args, io) => {
    const { values, positionals } = readOptions("explain order", args, { home: { type: "string" }, json: { type: "boolean" } }, [
      "ORDER_ID",
    ]);
    const orderId = positionals[0] as string;
    const home = homeOf(values.home, io);
    const sessions = [...sessionsOf(homePaths(home))].reverse();
    for (const { file } of sessions) {
      try {
        const story = orderStory(orderId, recordsAbout(file, orderId));
        if (story.steps.length === 0) continue;
        io.out(values.json ? `${JSON.stringify(story)}\n` : storyText(story));
        return exitCodes.ok;
      } catch (error) {
        io.err(`${printable(`qts: ${journalSentence(journalErrorOf(error, file))}`)}\n`);
        return exitCodes.failed;
      }
    }
    io.err(
      `${printable(`qts: no journal under ${home} knows the order ${orderId}; \`qts journal --type order.intended --home ${home}\` shows the orders there are.`)}\n`,
    );
    return exitCodes.refused;
  },
};
