/** `qts config check` and `qts config show`. */
import { isDeepStrictEqual } from "node:util";
import { type Document, parseDocument } from "yaml";
import { type Config, defaultYaml } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import { type Command, type CommandIo, exitCodes, readOptions } from "./command.ts";
import { firstProblems, problemLines, type ReadConfig, tellProblems } from "./config-file.ts";
import { readSessionConfig } from "./session-config.ts";
import { openSessionInputs } from "./session-inputs.ts";

const options = { config: { type: "string" }, json: { type: "boolean" } } as const;

const refuse = (read: ReadConfig & { ok: false }, json: boolean | undefined, io: CommandIo, exitCode?: number): number => {
  if (read.isStopped) return tellProblems(read, io);
  const code = exitCode ?? exitCodes.config;
  if (json) {
    const { length } = read.problems;
    io.out(
      `${JSON.stringify({ exitCode: code, file: read.file ?? null, problems: firstProblems(read.problems), problemCount: length })}\n`,
    );
  } else {
    const { length } = read.problems;
    io.err(problemLines(read.file, read.problems));
    io.err(
      `${length === 1 ? "One problem" : `${length} problems`}; \`qts config show\` prints every key with its default and unit.\n`,
    );
  }
  return code;
};

export const configCheck: Command = {
  name: "config check",
  summary: "check a configuration file without starting anything",
  help: `qts config check: reads a configuration as \`qts run\` would, the recorded day and the strategy with it, and names every
problem with its key and the remedy. What it calls valid \`qts run\` does not refuse for its configuration.

Usage: qts config check [--config FILE] [--json]

  --config FILE  YAML laid over the defaults; without it the defaults are checked
  --json         {"exitCode":78,"file":…,"problems":[{"key":…,"problem":…}],"problemCount":…}, the first 50
                 of them, or {"exitCode":0,…}

Exit codes: 0 valid, 2 usage, 4 the recorded day is damaged, 78 problems, 130 or 143 stopped.
`,
  run: async (args, io) => {
    const { values } = readOptions("config check", args, options);
    const read = await readSessionConfig(values.config, io);
    if (!read.ok) return refuse(read, values.json, io);
    const inputs = await openSessionInputs(read.config, io);
    if (!inputs.ok) {
      const { problems, exitCode } = inputs.error;
      return refuse({ ok: false, file: read.file, problems }, values.json, io, exitCode);
    }
    if (values.json)
      io.out(`${JSON.stringify({ exitCode: exitCodes.ok, file: read.file ?? null, problems: [], problemCount: 0 })}\n`);
    else io.out(`${printable(read.file ?? "The default configuration")} is valid.\n`);
    return exitCodes.ok;
  },
};

/** Writes what differs from the defaults into their document, so that every comment stays beside its key. */
const overlay = (document: Document, config: unknown, path: readonly string[] = []): void => {
  for (const [key, value] of Object.entries(config as Record<string, unknown>)) {
    const at = [...path, key];
    const node = document.getIn(at);
    const known = document.hasIn(at) ? document.toJS() : undefined;
    const before = at.reduce<unknown>((found, name) => (found as Record<string, unknown> | undefined)?.[name], known);
    if (isDeepStrictEqual(before, value)) continue;
    if (typeof value === "object" && value !== null && !Array.isArray(value) && node !== undefined) overlay(document, value, at);
    else document.setIn(at, document.createNode(value));
  }
};

const configYaml = (config: Config): string => {
  const document = parseDocument(defaultYaml());
  overlay(document, config);
  return document.toString({ lineWidth: 120 });
};

export const configShow: Command = {
  name: "config show",
  summary: "print every configuration key with its value",
  help: `qts config show: the whole configuration, every key with its comment; with a FILE, with that file's values.

Usage: qts config show [--config FILE] [--json]

  --config FILE  YAML laid over the defaults
  --json         the same as JSON, without comments

Exit codes: 0 ok, 2 usage, 78 the file has problems, 130 or 143 stopped.
`,
  run: async (args, io) => {
    const { values } = readOptions("config show", args, options);
    const read = await readSessionConfig(values.config, io);
    if (!read.ok) return refuse(read, values.json, io);
    if (values.json) io.out(`${JSON.stringify(read.config)}\n`);
    else io.out(read.file === undefined ? defaultYaml() : configYaml(read.config));
    return exitCodes.ok;
  },
};
