import { askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions, required } from "./command.ts";
import { stopNow } from "./stop-now.ts";

export const lockdown: Command = {
  name: "lockdown",
  summary: "stop trading now, for a reason; in doubt take stop-trading",
  help: `qts lockdown: no new order leaves from now on. It survives restarts until \`qts release\`. In doubt take
\`qts stop-trading\`, which works where nothing answers too. Neither cancels open orders: they stay at the venue.

When no QTS runs on the home, or the one that runs does not answer, the kill switch is turned on as \`qts stop-trading\` does: the
next start begins in LOCKDOWN. Who does not answer is named, with the process to end.

Usage: qts lockdown --reason TEXT [--operator NAME] [--home DIR] [--json]

  --reason TEXT      why; kept in the journal
  --operator NAME    who
${askOptionsHelp}
Exit codes: 0 locked down, or nothing runs and the next start begins in LOCKDOWN; 1 a process has the home and did not
confirm it, or you did not wait: the kill switch is on; 2 usage; 3 nothing runs and the kill switch cannot be turned on; 4 the same, and QTS refused.
`,
  run: async (args, io) => {
    const { values } = readOptions("lockdown", args, { ...askOptions, reason: { type: "string" }, operator: { type: "string" } });
    const reason = required("lockdown", "reason", values.reason);
    const operator = values.operator?.trim();
    return stopNow({ command: "lockdown", reason, operator: operator === "" ? undefined : operator }, values, io);
  },
};
