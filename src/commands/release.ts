import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions, required } from "./command.ts";

export const release: Command = {
  name: "release",
  summary: "end a lockdown, by name and with a reason",
  help: `qts release: ends a LOCKDOWN. The operating state never comes back bolder than it was: AGGRESSIVE becomes BALANCED.

Usage: qts release --operator NAME --reason TEXT [--home DIR] [--json]

  --operator NAME    who takes it upon themselves; kept in the journal
  --reason TEXT      why it is safe again
${askOptionsHelp}
While the kill switch is on (the file KILL in the home), it is refused: remove the file first.

Exit codes: 0 released, 1 it did not answer within 15 seconds and may still do it, 2 usage, 3 not running, 4 refused (there is no
lockdown, or the kill switch is on), 130 or 143 not waited for.
`,
  run: async (args, io) => {
    const { values } = readOptions("release", args, { ...askOptions, reason: { type: "string" }, operator: { type: "string" } });
    const operator = required("release", "operator", values.operator);
    const reason = required("release", "reason", values.reason);
    return ask({ type: "operator.command", command: "release", operator, reason }, values, io);
  },
};
