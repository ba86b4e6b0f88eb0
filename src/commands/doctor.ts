/** `qts doctor`: looks at everything that a session needs, before one is started or when one misbehaves. */
import { existsSync, mkdtempSync, readdirSync, rmdirSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { sendCommand } from "#adapters/host/control/client.ts";
import { accessProblem, homePaths, openHome } from "#adapters/host/home.ts";
import { createKillSwitch, killSwitchPath } from "#adapters/host/kill-switch.ts";
import { isLeaseHeld, readOwner } from "#adapters/host/lease.ts";
import { type Config, parseConfig } from "#config/config.ts";
import { printable } from "#core/printable.ts";
import { openAlertChannels } from "./alert-channels.ts";
import { homeOf } from "./ask.ts";
import { type Command, type CommandIo, exitCodes, readOptions, stoppedCode } from "./command.ts";
import { problemLines, tellProblems } from "./config-file.ts";
import { ownDaysDirectory } from "./days-directory.ts";
import { type DoctorCheck, type Finding, fail, fine, warn } from "./doctor-finding.ts";
import { checkCalendar, checkData } from "./doctor-market.ts";
import { readSessionConfig } from "./session-config.ts";
import { openSessionInputs } from "./session-inputs.ts";

const nodeMajorMin = 24;
/** QTS did not exist before. */
const earliestNow = Date.UTC(2025, 0, 1);

const checkNode = (): Finding => {
  const { node } = process.versions;
  return Number(node.split(".")[0]) >= nodeMajorMin
    ? fine(`Node ${node}.`)
    : fail(`Node ${node} is too old: QTS needs ${nodeMajorMin} or newer; start it through \`npm start\`, which brings its own.`);
};

const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

const checkHome = (home: string): Finding => {
  const access = accessProblem(home);
  if (access !== undefined) return fail(access);
  if (existsSync(homePaths(home).journal)) {
    const opened = openHome(home, { isOnlyLooking: true });
    if (!opened.ok) return fail(opened.error.problem);
    const mode = statSync(home).mode & 0o777;
    if ((mode & 0o077) !== 0)
      return warn(
        `${home} is open to other users (mode 0${mode.toString(8)}): chmod 700 ${home}, or start a session, which does it.`,
      );
    return fine(`${home} and its directories can be written by ${userInfo().username}, and by nobody else.`);
  }
  const place = nearestExisting(home);
  if (place === home && !statSync(home).isDirectory()) return fail(`${home} is a file; give a directory with --home.`);
  if (place === home && readdirSync(home).length > 0)
    return warn(`${home} is not empty and is no home of QTS yet; a session would make its directories there. Is --home right?`);
  if (place !== home && place !== dirname(home))
    return fail(`${dirname(home)} does not exist; create it (mkdir -p ${dirname(home)}) or give another --home.`);
  try {
    rmdirSync(mkdtempSync(join(place, ".qts-doctor-")));
    return fine(`${home} will be made by the first session; ${place} can be written.`);
  } catch (error) {
    const { uid, mode } = statSync(place);
    return fail(
      `${place} cannot be written (${(error as NodeJS.ErrnoException).code}): it belongs to uid ${uid} with mode ${(mode & 0o7777).toString(8)}, and this is ${userInfo().username} (uid ${userInfo().uid}); change its owner or give another --home.`,
    );
  }
};

const checkSession = async (home: string, signal: AbortSignal | undefined): Promise<Finding> => {
  const status = await sendCommand(home, { type: "operator.command", command: "status" }, { signal });
  const owner = readOwner(home);
  if (status.ok) return fine(`QTS runs here${owner === undefined ? "" : `: process ${owner.pid}, since ${owner.startedAt}`}.`);
  if (status.error.type === "not.running") return fine("No QTS runs on this home.");
  return warn(status.error.sentence);
};

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const checkDisk = (home: string, { warningFreeShare, criticalFreeShare }: Config["disk"]): Finding => {
  const place = nearestExisting(home);
  const { bavail, blocks, bsize, files, ffree } = statfsSync(place);
  const share = bavail / blocks;
  const inodes = files === 0 ? 1 : ffree / files;
  const least = Math.min(share, inodes);
  const percent = `${Math.floor(least * 100)} %`;
  const sentence = `${gib(bavail * bsize)} of ${gib(blocks * bsize)} are free at ${place}`;
  if (least >= warningFreeShare) return fine(`${sentence}.`);
  const short = inodes < share ? `only ${percent} of its inodes are free` : `only ${percent}`;
  return (least < criticalFreeShare ? fail : warn)(`${sentence}, ${short}: make room, or give a --home on another disk.`);
};

const checkPort = ({ host, port }: Config["http"], isRunning: boolean): Promise<Finding> => {
  if (port === 0) return Promise.resolve(fine("Any free port will be taken."));
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE")
        resolve(fail(`Port ${port} on ${host} cannot be used (${error.code}): set http.port or http.host.`));
      else if (isRunning) resolve(fine(`Port ${port} on ${host} is in use, and a QTS has this home.`));
      else resolve(fail(`Port ${port} on ${host} is taken by another program: start with \`--port 0\`, or set http.port.`));
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(fine(`Port ${port} on ${host} is free.`))));
  });
};

const checkClock = (home: string, now: number): Finding => {
  if (now < earliestNow)
    return fail(`The clock says ${new Date(now).toISOString()}: set it, best by a time service (timedatectl set-ntp true).`);
  const { journal } = homePaths(home);
  const newest = existsSync(journal)
    ? Math.max(0, ...readdirSync(journal).map((file) => statSync(join(journal, file)).mtimeMs))
    : 0;
  // A minute is what two machines that share a disk may differ by.
  if (newest > now + 60_000)
    return fail(
      `The clock says ${new Date(now).toISOString()}, but the journal was written at ${new Date(newest).toISOString()}: set the clock.`,
    );
  return fine(`The clock says ${new Date(now).toISOString()}.`);
};

const checkKillSwitch = (home: string, { available, tripped }: Config["killSwitch"]): Finding => {
  if (tripped)
    return warn("killSwitch.tripped is set in the configuration: a session is in LOCKDOWN from its start; set it to false.");
  const path = killSwitchPath(home);
  if (!available) return warn(`${path} is not watched, because killSwitch.available is false: making that file stops nothing.`);
  const found = createKillSwitch(path).now();
  if (!found.ok) return fail(`${found.error}: turning the kill switch on would have no effect; let this user read ${home}.`);
  if (found.value === null) return fine(`It is off; touch ${path} to stop trading when nothing else answers.`);
  return warn(`It is on (${found.value}): a session is in LOCKDOWN; remove ${path}, then \`qts release\`.`);
};

const checkAlerts = (config: Config, env: CommandIo["env"]): Finding => {
  const opened = openAlertChannels(config, env);
  if (!opened.ok) return fail(`${opened.error.map(({ key, problem }) => `${key} ${problem}`).join(". ")}.`);
  const names = opened.value.map(({ name }) => name);
  if (names.length === 0) return fine("Alerts go to the log alone; docs/operations/alerts.md says how they reach a person.");
  return fine(`Alerts go to the log, ${names.join(", ")}; \`qts alert test\` tries whether they arrive.`);
};

const defaults = (): Config => {
  const parsed = parseConfig();
  if (!parsed.ok) throw new Error("the default configuration is not valid");
  return parsed.config;
};

export const doctor: Command = {
  name: "doctor",
  summary: "check this machine, the home, the port, the data",
  help: `qts doctor: checks what a session needs, one line each: ok, warn or fail with the remedy. It leaves nothing
behind but missing directories of the home.

Usage: qts doctor [--home DIR] [--config FILE] [--json]

  --home DIR     the home to look at (default: QTS_HOME, else ./var)
  --config FILE  the configuration of the session
  --json         {"exitCode":…,"checks":[{"name":…,"state":"ok|warn|fail","sentence":…}]}

Exit codes: 0 nothing fails, 1 something fails, 2 usage, 78 the configuration has problems, 130 or 143 stopped.
`,
  run: async (args, io) => {
    const { values } = readOptions("doctor", args, {
      home: { type: "string" },
      config: { type: "string" },
      json: { type: "boolean" },
    });
    const home = homeOf(values.home, io);
    const read = await readSessionConfig(values.config, io);
    if (!read.ok && read.isStopped) return tellProblems(read, io);
    // With a broken file the rest is still worth knowing, by the defaults.
    const config = read.ok ? read.config : defaults();
    const inputs = await openSessionInputs(config, io);
    const isRefused = read.ok && !inputs.ok && inputs.error.exitCode === exitCodes.config;
    const session = await checkSession(home, io.signal);
    if (io.signal?.aborted) return stoppedCode(io);
    const isRunning = isLeaseHeld(home) || session.sentence.startsWith("QTS runs here");
    const findings: { readonly [N in DoctorCheck["name"]]: Finding } = {
      node: checkNode(),
      configuration: !read.ok
        ? fail(problemLines(read.file, read.problems).trimEnd())
        : isRefused
          ? fail(problemLines(read.file, inputs.error.problems).trimEnd())
          : fine(`${printable(read.file ?? "The default configuration")} is valid.`),
      home: checkHome(home),
      session,
      disk: checkDisk(home, config.disk),
      port: await checkPort(config.http, isRunning),
      clock: checkClock(home, Date.now()),
      data: checkData(config, ownDaysDirectory(io)),
      calendar: checkCalendar(config, ownDaysDirectory(io), Date.now()),
      "kill-switch": checkKillSwitch(home, config.killSwitch),
      alerts: checkAlerts(config, io.env),
    };
    const checks = Object.entries(findings).map(([name, finding]) => ({ name, ...finding }));
    const anyFails = checks.some(({ state }) => state === "fail");
    const exitCode = read.ok && !isRefused ? (anyFails ? exitCodes.failed : exitCodes.ok) : exitCodes.config;
    if (values.json) io.out(`${JSON.stringify({ exitCode, checks })}\n`);
    else
      for (const { name, state, sentence } of checks) {
        // The problems of a configuration are lines already, and printable.
        const shown = name === "configuration" ? sentence.replaceAll("\n", `\n${" ".repeat(21)}`) : printable(sentence);
        io.out(`${state.padEnd(5)} ${name.padEnd(14)} ${shown}\n`);
      }
    return exitCode;
  },
};
