/** `qts alert test`: one message through each channel, now. */
import { printable } from "#core/printable.ts";
import { AlertNotSent } from "#ops/automation/alerts.ts";
import { openAlertChannels } from "./alert-channels.ts";
import { type Command, exitCodes, readOptions, UsageError } from "./command.ts";
import { problemLines, tellProblems } from "./config-file.ts";
import { readSessionConfig } from "./session-config.ts";

interface Tried {
  readonly channel: string;
  readonly arrived: boolean;
  readonly sentence: string;
}

export const command: Command = {
  name: "alert test",
  summary: "send a test message through each alert channel",
  help: `qts alert test: sends one message that says it is a test through each channel of the configuration, now, also in quiet
hours, and says of each whether the service took it, and if not why. No QTS needs to run.

Usage: qts alert test [--channel NAME] [--config FILE] [--json]

  --channel NAME  only this one: webhook, telegram or mail
  --config FILE   the configuration that names the channels; their secrets come from the environment
  --json          {"exitCode":…,"channels":[{"channel":…,"arrived":true|false,"sentence":…}]}

Exit codes: 0 each was taken, 1 one was not, 2 usage, 78 the configuration has problems or no channel.
`,
  run: async (args, io) => {
    const { values } = readOptions("alert test", args, {
      channel: { type: "string" },
      config: { type: "string" },
      json: { type: "boolean" },
    });
    const read = await readSessionConfig(values.config, io);
    if (!read.ok) return tellProblems(read, io);
    const opened = openAlertChannels(read.config, io.env);
    if (!opened.ok) {
      io.err(problemLines(read.file, opened.error));
      return exitCodes.config;
    }
    const names = opened.value.map(({ name }) => name);
    if (names.length === 0) {
      io.err(
        "No alert channel is configured, so alerts go to the log alone: set alerts.webhook.urlEnv, alerts.telegram.tokenEnv or alerts.mail.host, and give the file with --config.\n",
      );
      return exitCodes.config;
    }
    if (values.channel !== undefined && !names.includes(values.channel))
      throw new UsageError(`--channel is "${values.channel}" and must be one that is configured: ${names.join(" or ")}.`);

    const wanted = opened.value.filter(({ name }) => values.channel === undefined || name === values.channel);
    const tried = await Promise.all(
      wanted.map(async ({ name, test }): Promise<Tried> => {
        try {
          await test(Date.now());
          return { channel: name, arrived: true, sentence: "The service took the message; look whether you have it." };
        } catch (error) {
          if (!(error instanceof AlertNotSent)) throw error;
          return { channel: name, arrived: false, sentence: `Not sent: ${error.message}.` };
        }
      }),
    );
    const exitCode = tried.every(({ arrived }) => arrived) ? exitCodes.ok : exitCodes.failed;
    if (values.json) io.out(`${JSON.stringify({ exitCode, channels: tried })}\n`);
    else
      for (const { channel, arrived, sentence } of tried)
        io.out(`${(arrived ? "ok" : "fail").padEnd(5)} ${channel.padEnd(9)} ${printable(sentence)}\n`);
    return exitCode;
  },
};
