import type { StatusAnswer } from "#adapters/host/control/server.ts";
import { renderFrame } from "#adapters/host/terminal/frame.ts";
import { ask, askOptions, askOptionsHelp } from "./ask.ts";
import { type Command, readOptions } from "./command.ts";

const columns = 100;

export const status: Command = {
  name: "status",
  summary: "what the running QTS is doing",
  help: `qts status: safety and operating state, lanes, orders, positions and archive of the running QTS, once.

Usage: qts status [--home DIR] [--json]

${askOptionsHelp}
Exit codes: 0 ok, 1 it did not answer within 15 seconds, 2 usage, 3 not running, 4 refused, 130 or 143 not waited for.
`,
  run: async (args, io) => {
    const { values } = readOptions("status", args, askOptions);
    return ask({ type: "operator.command", command: "status" }, values, io, (body) =>
      renderFrame(body as StatusAnswer, columns, {
        colour: false,
        unicode: /utf-?8/i.test(io.env.LC_ALL || io.env.LC_CTYPE || io.env.LANG || ""),
      }),
    );
  },
};
