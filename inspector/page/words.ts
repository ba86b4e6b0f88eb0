/** The words of the page, in one place, so that they can be read, checked and translated as a whole (spec I23). */
import { count, counted } from "./format.ts";

export const words = {
  frame: {
    safety: (state: string, isOpen: boolean): string => `Safety ${state}, trading ${isOpen ? "open" : "closed"}.`,
    dead: (age: string): string => `QTS does not answer since ${age}; these are its last figures.`,
    deadOnce: "QTS does not answer. What is shown are its last figures.",
  },
  now: {
    kept: "Backup, plans and checks",
    openAlerts: (codes: readonly string[]): string => `Alerts that are not resolved: ${codes.join(", ")}.`,
    check: (name: string, state: string, reason: string): string =>
      `Check ${name}: ${state}${reason === "" ? "" : `, ${reason}`}.`,
    opsLink: "Maintenance, alerts and gaps",
  },
  plots: {
    title: "The last hours",
    spans: "How far back",
    span: { "1h": "1 hour", "24h": "24 hours" },
    none: "Figures come every ten seconds; the first are on their way.",
    unknown: "Nobody has measured it.",
    fromTo: (from: string, since: string | null): string =>
      since === null
        ? `From ${from} until now, by this machine's clock.`
        : `From ${from} until now; known since ${since}, when this process began.`,
    steady: (value: string): string => `Always ${value}.`,
    worst: (which: "highest" | "lowest", value: string, at: string): string =>
      `${which === "highest" ? "Highest" : "Lowest"} ${value} at ${at}.`,
    pnl: "Profit and loss",
    lag: (lane: string): string => `Lag of ${lane} (p99)`,
    feedAge: "Age of the newest tick",
    loop: "Event loop delay (p99)",
    received: "Rows received",
    persisted: "Rows on disk",
    disk: "Disk free",
    memory: "Memory",
  },
  ops: {
    title: "The work behind",
    needToken:
      "What keeps the house standing is shown to whoever has the token of this home: open the address that `qts inspect` prints.",
    asking: "Asking QTS…",
    lastVerified: "Last verified backup",
    noBackup: "None yet: no backup of this home has been read back and agreed.",
    verified: (files: number, age: string, at: string): string => `${counted(files, "file")}, read back ${age} ago, ${at}.`,
    run: "Maintenance",
    noRun: "No run since this process began; ops/logs/maintenance/cleanup.log has what earlier ones decided.",
    ran: {
      running: (id: string): string => `Run ${id} is under way.`,
      done: (id: string, took: string): string => `Run ${id} is done; it took ${took}.`,
      failed: (id: string): string => `Run ${id} failed`,
      refused: (id: string): string => `Run ${id} did not begin`,
    },
    unchanged: (files: number): string => `${counted(files, "file")} lay in an earlier archive already.`,
    leftOut: (files: number): string => `and ${counted(files, "more file")}; cleanup.log has all of them.`,
    file: "File",
    became: "What became of it",
    why: "Why",
    size: "Size",
    schedule: "What is planned",
    noSchedule: "Nothing: ops does not run, or maintenance is off.",
    next: (name: string, inText: string, at: string): string => `${name} in ${inText}, ${at}`,
    underWay: (name: string): string => `${name} is under way`,
    never: (name: string): string => `${name} will not come again`,
    alerts: "Alerts",
    noAlerts: "Nobody was told of anything since this process began.",
    open: (codes: readonly string[]): string => `Not resolved: ${codes.join(", ")}.`,
    allResolved: "Nothing is unresolved.",
    level: { critical: "● critical", warning: "▲ warning", resolved: "✓ resolved" },
    again: (times: number): string => `and ${counted(times, "time")} again`,
    channel: (name: string, sent: number, lost: number, waiting: number): string =>
      `${name}: ${count(sent)} sent, ${count(lost)} lost, ${count(waiting)} waiting`,
    lastFailure: (reason: string): string => `; last failure: ${reason}`,
    gaps: "Where rows are missing",
    noGaps: "Nowhere, in this run.",
    gapCounts: (counts: readonly string[]): string => `${counts.join(", ")} in this run.`,
    gapCount: (severity: string, times: number): string => counted(times, `${severity} gap`),
    symbol: "Symbol",
    from: "From",
    lasted: "For",
    severity: "How bad",
    hours: "The archive by the hour",
    hour: "Hour",
    rowsReceived: "Rows received",
    rowsOnDisk: "On disk",
    noHours: "The first hour has not been counted yet.",
  },
} as const;
