import { askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions } from "./command.ts";
import { stopNow } from "./stop-now.ts";

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
Exit codes: 0 trading is stopped, or nothing runs and the next start begins in LOCKDOWN; 1 a process has the home and did
not confirm it, or you did not wait: the kill switch is on; 2 usage; 3 nothing runs and the kill switch cannot be turned on;
4 the same, and QTS refused.
`,
  run: async (args, io) => {
    const { values } = readOptions("stop-trading", args, {
      ...askOptions,
      reason: { type: "string" },
      operator: { type: "string" },
    });
    const reason = values.reason?.trim() ?? "asked for by qts stop-trading";
    return stopNow({ command: "stop-trading", reason, operator: values.operator?.trim() }, values, io);
  },
};
