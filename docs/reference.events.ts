/** The event reference and its JSON Schema, from the catalogue itself: no fact can be missing or described twice. */
import { type FactType, factTypes, rowOf } from "#core/event/catalog.ts";
import { type Priority, priorities } from "#core/event/fact.ts";
import { payloadSchema } from "#core/event/payload.ts";
import { routeOf } from "#core/event/routes.ts";
import type { Reader } from "#machines/facts/fact.ts";
import type { Field } from "#machines/facts/payload.ts";

const fieldText = (name: string, field: Field): string => {
  if (typeof field === "object") return `${name}: ${field.oneOf.map((value) => `"${value}"`).join(" or ")}`;
  return field.endsWith("?") ? `${name}?: ${field.slice(0, -1)}` : `${name}: ${field}`;
};

const keyText = (type: FactType): string => {
  const { conflateBy } = rowOf(type);
  if (conflateBy === undefined) return "never merged";
  return ["type", ...conflateBy].join(", ");
};

const titles: { readonly [P in Priority]: string } = {
  P0: "P0: critical facts",
  P1: "P1: the market",
  P2: "P2: evaluation",
  P3: "P3: reporting",
};

const readers: { readonly [R in Reader]: string } = { handlers: "(handlers)", people: "(people)", later: "(nobody yet)" };

/** Markdown: one table per priority, one row per fact. */
export const eventsReference = (): string =>
  priorities
    .map((priority) => {
      const rows = factTypes
        .filter((type) => rowOf(type).priority === priority)
        .map((type) => {
          const { seedName, payload, journaled, readBy, says } = rowOf(type);
          const fields = Object.entries(payload).map(([name, field]) => fieldText(name, field));
          const cells = [
            `\`${type}\``,
            seedName === undefined ? "" : `\`${seedName}\``,
            fields.length === 0 ? "" : `\`${fields.join(", ")}\``,
            ...(priority === "P0" || priority === "P3" ? [] : [keyText(type)]),
            journaled ? "yes" : "",
            readBy === undefined ? routeOf(type).join(", ") : readers[readBy],
            says,
          ];
          return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
        });
      const columns = [
        "fact",
        "seed name",
        "payload",
        ...(priority === "P0" || priority === "P3" ? [] : ["conflation key"]),
        "journaled",
        "sent to",
        "meaning",
      ];
      return [
        `### ${titles[priority]} (${rows.length})`,
        "",
        `| ${columns.join(" | ")} |`,
        `|${columns.map(() => "---").join("|")}|`,
        ...rows,
      ].join("\n");
    })
    .join("\n\n");

/**
 * JSON Schema (2020-12) of every fact as a record; one fact is addressed as `events.schema.json#/$defs/order.filled`.
 *
 * @returns generated files by path from the root of the repository
 */
export const eventSchemas = (): { readonly [path: string]: string } => {
  const defs = Object.fromEntries(
    factTypes.map((type) => {
      const { priority, payload, says } = rowOf(type);
      const critical = priority === "P0";
      return [
        type,
        {
          description: says,
          type: "object",
          properties: {
            id: { type: "string", minLength: 13, description: "unique, sorts by creation" },
            type: { const: type },
            priority: { const: priority },
            at: { type: "integer", minimum: 0, description: "epoch ms, UTC" },
            source: { type: "string", minLength: 1 },
            payload: payloadSchema(payload),
            correlationId: { type: "string" },
            ...(critical ? { requiresAck: { const: true }, processingMsMax: { type: "integer", minimum: 1 } } : {}),
          },
          required: [
            "id",
            "type",
            "priority",
            "at",
            "source",
            "payload",
            ...(critical ? ["requiresAck", "processingMsMax"] : []),
          ],
          additionalProperties: false,
        },
      ];
    }),
  );
  const head = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "events.schema.json",
    title: "QTS facts",
    oneOf: factTypes.map((type) => ({ $ref: `#/$defs/${type}` })),
  };
  // One line per fact, so that a change of one fact is one line of a diff.
  const lines = Object.entries(defs).map(([type, def]) => `    ${JSON.stringify(type)}: ${JSON.stringify(def)}`);
  const text = `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "$defs": {\n${lines.join(",\n")}\n  }\n}\n`;
  return { "docs/reference/events.schema.json": text };
};
