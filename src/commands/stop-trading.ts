import { sendCommand } from "#adapters/host/control/client.ts";
import { turnOnKillSwitch } from "#adapters/host/kill-switch.ts";
import { printable } from "#core/printable.ts";
import { askOptions, askOptionsHelp, homeOf, sentenceIn, showReply } from "./ask.ts";
import { type Command, exitCodes, readOptions } from "./command.ts";

export const stopTrading: Command = {
  name: "stop-trading",
  summary: "emergency stop, the one to take in doubt: LOCKDOWN now, or at the next start when nothing answers",
  help: `qts stop-trading: the emergency stop. Safety goes to LOCKDOWN (FS120): no new order leaves. It survives
restarts; \`qts release\` ends it. Open orders stay at the venue until somebody cancels them, as after \`qts lockdown\`.

When no QTS runs on the home, or the one that runs does not answer, the command turns the kill switch on: it makes the
file KILL in the home. A running QTS looks for it once a second, a starting one before anything begins; both go to LOCKDOWN
(FS121), unless their configuration says killSwitch.available: false. Remove the file before \`qts release\`.

Usage: qts stop-trading [--reason TEXT] [--operator NAME] [--home DIR] [--json]

  --reason TEXT      why; kept in the journal, or in the file
  --operator NAME    who
${askOptionsHelp}
Exit codes: 0 trading is stopped, or nothing runs and the next start begins in LOCKDOWN; 1 a QTS runs and did not do it: the
kill switch is on; 2 usage; 3 nothing runs and the kill switch cannot be turned on; 4 the same, and QTS refused.
`,
  run: async (args, io) => {
    const { values } = readOptions("stop-trading", args, {
      ...askOptions,
      reason: { type: "string" },
      operator: { type: "string" },
    });
    const home = homeOf(values.home, io);
    const reason = values.reason?.trim() ?? "asked for by qts stop-trading";
    const operator = values.operator?.trim();
    const reply = await sendCommand(home, {
      type: "operator.command",
      command: "stop-trading",
      reason,
      ...(operator === undefined ? {} : { operator }),
    });
    const isAnswered = reply.ok ? reply.value.exitCode === exitCodes.ok : reply.error.type === "misunderstood";
    if (isAnswered) return showReply(reply, values, io);

    const made = turnOnKillSwitch(home, operator === undefined ? reason : `${operator}: ${reason}`);
    if (!made.ok) {
      const exitCode = showReply(reply, values, io);
      if (!values.json) io.err(`${printable(made.error)}\n`);
      return exitCode;
    }
    const path = made.value;
    const isRunning = reply.ok || reply.error.type !== "not.running";
    const why = reply.ok ? (sentenceIn(reply.value.body) ?? "QTS did not do it.") : reply.error.sentence;
    const ends = `To trade again, remove ${path} and then \`qts release\`.`;
    const sentence = isRunning
      ? `${why} So the kill switch is on: ${path} is there. The running QTS looks for it once a second; one that is stuck does not, so look at \`qts status\` and, if it stays silent, end the process (kill -9): its next start begins in LOCKDOWN. ${ends}`
      : `No QTS runs on ${home}, so nothing trades. The kill switch is on: ${path} is there, and the next start begins in LOCKDOWN. ${ends}`;
    const exitCode = isRunning ? exitCodes.failed : exitCodes.ok;
    if (values.json) io.out(`${JSON.stringify({ exitCode, sentence, killSwitch: path })}\n`);
    else if (isRunning) io.err(`${printable(sentence)}\n`);
    else io.out(`${printable(sentence)}\n`);
    return exitCode;
  },
};
