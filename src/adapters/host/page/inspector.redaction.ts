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

const shown = (value: unknown, depth: number, secrets: readonly string[]): unknown => {
  if (typeof value === "string") {
    // Before it is cut: a secret across the cut would leave in part.
    const text = withoutSecrets(value, secrets);
    return text.length <= lettersMax ? text : `${text.slice(0, lettersMax)}… (${text.length} letters)`;
  }
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= depthMax) return `(${sizeOf(value)})`;
  if (value instanceof Map) return shown(Object.fromEntries(value), depth, secrets);
  const list = Array.isArray(value) ? value : value instanceof Set ? [...value] : undefined;
  if (list !== undefined) {
    const first = list.slice(0, entriesMax).map((item) => shown(item, depth + 1, secrets));
    return list.length > entriesMax ? [...first, `and ${list.length - entriesMax} more`] : first;
  }
  const entries = Object.entries(value);
  const kept = entries.slice(0, entriesMax).map(([name, inner]): [string, unknown] => {
    const isHidden = hidden.test(name) && inner !== null && typeof inner !== "number" && typeof inner !== "boolean";
    return [name, isHidden ? `(hidden: ${sizeOf(inner)})` : shown(inner, depth + 1, secrets)];
  });
  if (entries.length > entriesMax) kept.push(["…", `and ${entries.length - entriesMax} more`]);
  return Object.fromEntries(kept);
};

/** A copy of state that may be shown; secrets by name are hidden, everything is bounded. */
export const redacted = (value: unknown, secrets: readonly string[] = []): unknown => shown(value, 0, secrets);

/** Shorter ones would black out ordinary words. */
const secretLettersMin = 8;

/** Names of variables that hold a secret, wherever the configuration has them: the keys that end with Env. */
const namedIn = (config: unknown): string[] =>
  typeof config !== "object" || config === null
    ? []
    : Object.entries(config).flatMap(([key, value]) =>
        typeof value === "string" ? (/Env$/.test(key) ? [value] : []) : namedIn(value),
      );

/** Whoever knows this address can silence the alarm of a dead house. */
const addressIn = ({ heartbeat }: { readonly heartbeat?: { readonly url?: string | null } }): string[] =>
  heartbeat?.url ? [heartbeat.url] : [];

/** Values of the environment that have a secret's name, or that the configuration calls secret, and its secret addresses. */
export const secretsOf = (
  env: Readonly<Record<string, string | undefined>>,
  config: { readonly heartbeat?: { readonly url?: string | null }; readonly [section: string]: unknown } = {},
): string[] => {
  const named = new Set(namedIn(config));
  const values = Object.entries(env).flatMap(([name, value]) => (named.has(name) || hidden.test(name) ? [value ?? ""] : []));
  // Whoever uses a secret leaves out the line break that an editor or a file put behind it.
  return [...values, ...addressIn(config)].map((value) => value.trim()).filter(({ length }) => length >= secretLettersMin);
};

const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((left, secret) => left.replaceAll(secret, "(hidden)"), text);

/** A value as JSON, without the secrets that are known: in texts, in names of fields, and a number that is one. */
export const jsonWithoutSecrets = (value: unknown, secrets: readonly string[]): string => {
  const hide = (_: string, part: unknown): unknown => {
    if (typeof part === "string") return withoutSecrets(part, secrets);
    if (typeof part === "number") return secrets.includes(String(part)) ? "(hidden)" : part;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    const isNamedSo = Object.keys(part).some((name) => secrets.some((secret) => name.includes(secret)));
    return isNamedSo
      ? Object.fromEntries(Object.entries(part).map(([name, inner]) => [withoutSecrets(name, secrets), inner]))
      : part;
  };
  return JSON.stringify(value, secrets.length === 0 ? undefined : hide);
};
