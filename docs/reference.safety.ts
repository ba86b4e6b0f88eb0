/** The alerts page's table, from the registry of codes. */
import { type CauseKind, describedCodes } from "#machines/safety.codes.ts";

const leadsTo: { readonly [K in CauseKind]: string } = {
  failsafe: "FAIL, LOCKDOWN at the second one",
  guardrail: "WARNING",
  anomaly: "WARNING",
};

/** These are no failures that could be second: a person or a switch asks for LOCKDOWN itself. */
const atOnce: ReadonlySet<string> = new Set(["FS120", "FS121", "FS122"]);

export const alertsReference = (): string => {
  const rows = describedCodes().map(
    ({ code, kind, severity, sentence }) =>
      `| [${code}](runbook.md#${code.toLowerCase()}) | ${severity} | ${kind} | ${atOnce.has(code) ? "LOCKDOWN" : leadsTo[kind]} | ${sentence} |`,
  );
  return ["| code | severity | kind | leads to | what it says |", "|---|---|---|---|---|", ...rows].join("\n");
};
