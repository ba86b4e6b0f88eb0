import { sendCommand } from "#adapters/host/control/client.ts";
import { controlDirectory } from "#adapters/host/control/files.ts";
import { pageAddress, renewPageToken } from "#adapters/host/page/inspector.token.ts";
import { askOptions, askOptionsHelp, homeOf, showReply } from "./ask.ts";
import { type Command, exitCodes, readOptions, stoppedCode } from "./command.ts";

export const inspect: Command = {
  name: "inspect",
  summary: "the address of the page that shows machines and orders",
  help: `qts inspect: prints the address of the running QTS's page, with the token of this home. Open it in a browser on this
machine; whoever has the address sees machines and orders, and can change nothing.

Usage: qts inspect [--home DIR] [--new-token] [--json]

  --new-token        first makes a new token: pages that have the old one see no machine and no order any more
${askOptionsHelp}
Exit codes: 0 ok, 1 failed, 2 usage, 3 not running, 4 no page, 130 or 143 not waited for.
`,
  run: async (args, io) => {
    const { values } = readOptions("inspect", args, { ...askOptions, "new-token": { type: "boolean" } });
    const home = homeOf(values.home, io);
    // Asked, not only read: a process that was killed leaves its address behind.
    const reply = await sendCommand(home, { type: "operator.command", command: "status" }, { signal: io.signal });
    if (!reply.ok) {
      const exitCode = showReply(reply, values, io);
      return io.signal?.aborted ? stoppedCode(io) : exitCode;
    }
    const renewed = values["new-token"] ? renewPageToken(controlDirectory(home)) : undefined;
    if (renewed?.ok === false) {
      io.err(`${renewed.error}\n`);
      return exitCodes.failed;
    }
    const url = pageAddress(controlDirectory(home));
    if (url === undefined) {
      io.err("The running QTS has no page: it was started by an earlier version; start it again.\n");
      return exitCodes.refused;
    }
    io.out(values.json ? `${JSON.stringify({ url })}\n` : `${url}\n`);
    return exitCodes.ok;
  },
};
