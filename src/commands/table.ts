/** Every command there is, alphabetically. Loaded when asked for, so that `qts status` does not load the trading house. */
import type { Command } from "./command.ts";

export interface TableRow {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

export const commandTable: readonly TableRow[] = [
  { name: "alert test", load: async () => (await import("./alert-test.ts")).command },
  { name: "archive check", load: async () => (await import("./archive-check.ts")).command },
  { name: "config check", load: async () => (await import("./config.ts")).configCheck },
  { name: "config show", load: async () => (await import("./config.ts")).configShow },
  { name: "days", load: async () => (await import("./days.ts")).command },
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctor },
  { name: "exchange", load: async () => (await import("./exchange.ts")).command },
  { name: "explain operating", load: async () => (await import("./explain.ts")).explainOperating },
  { name: "explain order", load: async () => (await import("./explain-order.ts")).command },
  { name: "explain safety", load: async () => (await import("./explain.ts")).explainSafety },
  { name: "import", load: async () => (await import("./import.ts")).command },
  { name: "journal", load: async () => (await import("./journal.ts")).command },
  { name: "lockdown", load: async () => (await import("./lockdown.ts")).lockdown },
  { name: "maintain", load: async () => (await import("./maintain.ts")).command },
  { name: "operating replay", load: async () => (await import("./operating-replay.ts")).command },
  { name: "order replay", load: async () => (await import("./order-replay.ts")).command },
  { name: "override", load: async () => (await import("./override.ts")).override },
  { name: "release", load: async () => (await import("./release.ts")).release },
  { name: "report", load: async () => (await import("./report.ts")).command },
  { name: "resolve", load: async () => (await import("./resolve.ts")).resolve },
  { name: "restore", load: async () => (await import("./restore.ts")).command },
  { name: "run", load: async () => (await import("./run.ts")).command },
  { name: "status", load: async () => (await import("./status.ts")).status },
  { name: "stop-trading", load: async () => (await import("./stop-trading.ts")).stopTrading },
];
