/**
 * One layer of the configuration, as somebody wrote it in YAML: a plain tree of keys, or what is wrong with the text.
 *
 * YAML can say more than a configuration needs. What could hide a value from the schema (a key twice, a second document), hang
 * or exhaust whoever reads it (a group inside itself, an anchor repeated without end) is refused here, by name.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

export interface ConfigProblem {
  /** Dotted path of the key, for example `events.lanes.P0.capacity`. */
  readonly key: string;
  readonly problem: string;
}

export type Layer =
  | { readonly ok: true; readonly tree: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const file = "(file)";
/** Twice as deep as the deepest key of QTS. */
const depthMax = 16;
const aliasesMax = 100;
export const notAMapping = "must be a mapping of keys, like default.yaml";

const refused = (key: string, problem: string): Layer => ({ ok: false, problems: [{ key, problem }] });

/** @param text YAML; nothing but comments is an empty layer */
export const readLayer = (text: string): Layer => {
  const lines = new LineCounter();
  // Whether keys are unique is looked at below, in one pass: the library compares each with all others.
  const document = parseDocument(text, { uniqueKeys: false, lineCounter: lines });
  const [trouble] = [...document.errors, ...document.warnings];
  if (trouble !== undefined) {
    const line = trouble.linePos?.[0].line ?? lines.linePos(trouble.pos[0]).line;
    if (trouble.code === "MULTIPLE_DOCS")
      return refused(file, `holds a second YAML document, from line ${line} on; write all keys into one`);
    if (trouble.code === "RESOURCE_EXHAUSTION") return refused(file, `nests too deeply at line ${line}`);
    return refused(file, `is not YAML: ${trouble.message.split("\n")[0]?.replace(/:$/, "")}`);
  }
  const problems: ConfigProblem[] = [];
  const lineOf = (node: unknown): number => lines.linePos((node as Node).range?.[0] ?? 0).line;
  const walk = (node: unknown, path: string, above: readonly unknown[]): void => {
    const key = path || file;
    if (isAlias(node)) {
      if (above.includes(node.resolve(document)))
        problems.push({ key, problem: `holds itself: *${node.source} in line ${lineOf(node)} stands inside its own anchor` });
      return;
    }
    if (!isMap(node) && !isSeq(node)) return;
    if (above.length === depthMax) {
      problems.push({ key, problem: `nests deeper than any key of QTS, in line ${lineOf(node)}` });
      return;
    }
    const inside = [...above, node];
    if (isSeq(node)) {
      node.items.forEach((item, index) => void walk(item, `${path}.${index}`, inside));
      return;
    }
    const lineOfKey = new Map<string, number>();
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key)) {
        problems.push({ key, problem: `has a key that is no name, in line ${lineOf(pair.key)}` });
        continue;
      }
      const name = String(pair.key.value);
      const at = path === "" ? name : `${path}.${name}`;
      const first = lineOfKey.get(name);
      if (first === undefined) lineOfKey.set(name, lineOf(pair.key));
      else problems.push({ key: at, problem: `stands there twice, in lines ${first} and ${lineOf(pair.key)}; keep one` });
      walk(pair.value, at, inside);
    }
  };
  walk(document.contents, "", []);
  if (problems.length > 0) return { ok: false, problems };
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: aliasesMax }) ?? {};
  } catch (error) {
    const { message } = error as Error;
    return refused(
      file,
      /excessive/i.test(message) ? `repeats an anchor more than ${aliasesMax} times` : `is not YAML: ${message.split("\n")[0]}`,
    );
  }
  return isPlainObject(tree) ? { ok: true, tree } : refused(file, notAMapping);
};
