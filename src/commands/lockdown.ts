import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions, required } from "./command.ts";

export const lockdown: Command = {
  name: "lockdown",
  summary: "stop trading now, for a reason; in doubt take stop-trading",
  help: `qts lockdown: no new order leaves from now on. It survives restarts until \`qts release\`. In doubt take
\`qts stop-trading\`, which works where nothing answers too. Neither cancels open orders: they stay at the venue.

Usage: qts lockdown --reason TEXT [--operator NAME] [--home DIR] [--json]

  --reason TEXT      why; kept in the journal
  --operator NAME    who
${askOptionsHelp}
Exit codes: 0 locked down, 2 usage, 3 not running, 4 refused.
`,
  run: async (args, io) => {
    const { values } = readOptions("lockdown", args, { ...askOptions, reason: { type: "string" }, operator: { type: "string" } });
    const reason = required("lockdown", "reason", values.reason);
    const operator = values.operator?.trim();
    return ask({ type: "operator.command", command: "lockdown", reason, ...(operator ? { operator } : {}) }, values, io);
  },
};
