/**
 * What may leave by the page, of state that nobody wrote for a page: contexts of machines, records of orders.
 *
 * A field whose name says that it is secret shows its type and size instead of its value, at any depth, and known secrets are taken
 * out of every text that is sent. What is too deep, too long or too much is cut and says so: a page is read by people.
 */
const hidden =
  /account|token|secret|passw|passphrase|credential|authorization|cookie|private|signature|(^|[^a-z])hts|htsid|key$/i;

const depthMax = 8;
const entriesMax = 100;
const lettersMax = 500;

const sizeOf = (value: unknown): string => {
  if (typeof value === "string") return `text of ${value.length}`;
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `object of ${Object.keys(value).length}`;
  return typeof value;
};

const shown = (value: unknown, depth: number): unknown => {
  if (typeof value === "string")
    return value.length <= lettersMax ? value : `${value.slice(0, lettersMax)}… (${value.length} letters)`;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= depthMax) return `(${sizeOf(value)})`;
  if (value instanceof Map) return shown(Object.fromEntries(value), depth);
  const list = Array.isArray(value) ? value : value instanceof Set ? [...value] : undefined;
  if (list !== undefined) {
    const first = list.slice(0, entriesMax).map((item) => shown(item, depth + 1));
    return list.length > entriesMax ? [...first, `and ${list.length - entriesMax} more`] : first;
  }
  const entries = Object.entries(value);
  const kept = entries.slice(0, entriesMax).map(([name, inner]): [string, unknown] => {
    const isHidden = hidden.test(name) && inner !== null && typeof inner !== "number" && typeof inner !== "boolean";
    return [name, isHidden ? `(hidden: ${sizeOf(inner)})` : shown(inner, depth + 1)];
  });
  if (entries.length > entriesMax) kept.push(["…", `and ${entries.length - entriesMax} more`]);
  return Object.fromEntries(kept);
};

/** A copy of state that may be shown; secrets by name are hidden, everything is bounded. */
export const redacted = (value: unknown): unknown => shown(value, 0);

/** Shorter ones would black out ordinary words. */
const secretLettersMin = 8;

/** Values of the environment that have a secret's name. */
export const secretsOf = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length >= secretLettersMin && hidden.test(name) ? [value] : [],
  );

/** A text without the secrets that are known. */
export const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((left, secret) => left.replaceAll(JSON.stringify(secret).slice(1, -1), "(hidden)"), text);
