/** What is generated, and from what: each section and file of the docs with the code that is its source. */
import { sessionReportJsonSchema } from "#commands/session-report.ts";
import { effectTable, irreversibleEffects } from "#core/runtime/effects.ts";
import { snapshotJsonSchema } from "#market/snapshot.ts";
import { chartFiles, chartSections } from "./chart.ts";
import { configurationReference } from "./reference.configuration.ts";
import { eventSchemas, eventsReference } from "./reference.events.ts";
import { orderSections } from "./reference.orders.ts";
import { alertsReference } from "./reference.safety.ts";
import { requirementsReference } from "./requirements.ts";

const effectsReference = (): string => {
  const irreversible: readonly string[] = irreversibleEffects;
  const rows = Object.entries(effectTable).map(
    ([type, { performedBy, says }]) =>
      `| \`${type}\` | ${irreversible.includes(type) ? "after its cause is durable" : "at once"} | ${performedBy} | ${says} |`,
  );
  return ["| effect | performed | by | what it asks for |", "|---|---|---|---|", ...rows.sort()].join("\n");
};

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Whole files, by path. */
export const generatedFiles = async (): Promise<{ readonly [path: string]: string }> => ({
  ...eventSchemas(),
  ...(await chartFiles()),
  "docs/reference/session-report.schema.json": json(sessionReportJsonSchema()),
  "docs/reference/snapshot.schema.json": json(snapshotJsonSchema()),
});

/** Parts of pages, by the name between their markers. */
export const generatedSections = async (): Promise<{ readonly [name: string]: string }> => ({
  events: eventsReference(),
  effects: effectsReference(),
  configuration: configurationReference(),
  alerts: alertsReference(),
  requirements: requirementsReference(),
  ...orderSections(),
  ...(await chartSections()),
});
