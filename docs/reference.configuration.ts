/** The configuration reference, from default.yaml itself: every key, its default, and the comment above it. */
import { type Document, isMap, isPair, isScalar, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";
import { defaultYaml } from "#config/config.ts";
import { configKeys } from "#config/keys.ts";

const commentOf = (pair: Pair): string =>
  ((pair.key as Node).commentBefore ?? "")
    .split("\n")
    .map((line) => line.trim())
    .join(" ")
    .trim();

const shown = (document: Document, node: Node): string => JSON.stringify(node.toJS(document)).replaceAll("|", "\\|");

/** Keys at or below this path that nothing reads yet, by the room that will. */
const reservations = (path: string): string => {
  const namesByRoom = new Map<string, string[]>();
  for (const { path: key, reservedFor } of configKeys()) {
    if (reservedFor === undefined || (key !== path && !key.startsWith(`${path}.`))) continue;
    const name = key === path ? "Not" : `\`${key.slice(path.length + 1)}\``;
    namesByRoom.set(reservedFor, [...(namesByRoom.get(reservedFor) ?? []), name]);
  }
  return [...namesByRoom]
    .map(([room, names]) => ` ${names[0] === "Not" ? "Not" : `${names.join(", ")}: not`} read yet, reserved for ${room}.`)
    .join("");
};

export const configurationReference = (): string => {
  const document = parseDocument(defaultYaml());
  const lines: string[] = ["| key | default | meaning |", "|---|---|---|"];
  const walk = (map: YAMLMap, path: string, about: string): void => {
    map.items.forEach((pair, index) => {
      if (!isPair(pair)) return;
      const key = `${path}${isScalar(pair.key) ? pair.key.value : pair.key}`;
      // yaml hangs the comment above the first key of a block on the block itself.
      const own = commentOf(pair) || (index === 0 ? (map.commentBefore ?? "").trim().replaceAll("\n", " ") || about : "");
      const value = pair.value as Node;
      if (isMap(value) && !(value.flow ?? false)) walk(value, `${key}.`, own);
      else
        lines.push(
          `| \`${key}\` | \`${shown(document, value)}\` | ${`${own}${reservations(key)}`.trim().replaceAll("|", "\\|")} |`,
        );
    });
  };
  walk(document.contents as YAMLMap, "", "");
  return lines.join("\n");
};
