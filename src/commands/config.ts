/** `qts config check` and `qts config show`. */
import { isDeepStrictEqual } from "node:util";
import { type Document, parseDocument } from "yaml";
import { type Config, defaultYaml } from "#config/config.ts";
import { type Command, type CommandIo, exitCodes, readOptions } from "./command.ts";
import { problemLines, type ReadConfig, readConfigFile } from "./config-file.ts";

const options = { config: { type: "string" }, json: { type: "boolean" } } as const;

const tellProblems = (read: ReadConfig & { ok: false }, json: boolean | undefined, io: CommandIo): number => {
  if (json) io.out(`${JSON.stringify({ exitCode: exitCodes.config, file: read.file ?? null, problems: read.problems })}\n`);
  else {
    const { length } = read.problems;
    io.err(problemLines(read.file, read.problems));
    io.err(
      `${length === 1 ? "One problem" : `${length} problems`}; \`qts config show\` prints every key with its default and unit.\n`,
    );
  }
  return exitCodes.config;
};

export const configCheck: Command = {
  name: "config check",
  summary: "check a configuration file without starting anything",
  help: `qts config check: reads a configuration as \`qts run\` would, and names every problem with its key and the remedy.

Usage: qts config check [--config FILE] [--json]

  --config FILE  YAML laid over the defaults; without it the defaults are checked
  --json         {"exitCode":78,"file":…,"problems":[{"key":…,"problem":…}]} or {"exitCode":0,…}

Exit codes: 0 valid, 2 usage, 78 problems.
`,
  run: async (args, io) => {
    const { values } = readOptions("config check", args, options);
    const read = readConfigFile(values.config, io);
    if (!read.ok) return tellProblems(read, values.json, io);
    if (values.json) io.out(`${JSON.stringify({ exitCode: exitCodes.ok, file: read.file ?? null, problems: [] })}\n`);
    else io.out(`${read.file ?? "The default configuration"} is valid.\n`);
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

Exit codes: 0 ok, 2 usage, 78 the file has problems.
`,
  run: async (args, io) => {
    const { values } = readOptions("config show", args, options);
    const read = readConfigFile(values.config, io);
    if (!read.ok) return tellProblems(read, values.json, io);
    if (values.json) io.out(`${JSON.stringify(read.config)}\n`);
    else io.out(read.file === undefined ? defaultYaml() : configYaml(read.config));
    return exitCodes.ok;
  },
};
