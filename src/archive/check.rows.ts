/**
 * What one line of an archive says, and whether it can be true: the contract's fields (docs/reference/archive.md), read without
 * the code that writes them, because what both had wrong nobody would find.
 */
import { isInstant } from "#core/zoned-time.ts";
import type { Stream } from "./paths.ts";

export type Json = { readonly [key: string]: unknown };

/** Whose row it is and which, as far as it says; both numbers are absent where the writer knows none. */
export interface RowIdentity {
  readonly session: string;
  readonly run: string;
  readonly symbol: string;
  /** The source's own. */
  readonly number?: number | undefined;
  /** Of the source's numbers, which may begin again; 1 when the row says none. */
  readonly series?: number | undefined;
  /** `meta.sequence`. */
  readonly rowNumber?: number | undefined;
}
export interface MarketRow extends RowIdentity {
  readonly market: string;
  /** Epoch ms by the exchange's clock. */
  readonly at: number;
  readonly figures?: {
    readonly priceMinor: number;
    readonly quantity: number;
    readonly cumulativeVolume: number;
    readonly changeMinor: number;
  };
  readonly saysOutOfOrder: boolean;
}
export type JudgedRow =
  | { readonly kind: "row"; readonly row: MarketRow }
  /** Something in it cannot be; its numbers are used up all the same. */
  | { readonly kind: "impossible"; readonly why: string; readonly identity?: RowIdentity }
  /** It follows no contract that is known here. */
  | { readonly kind: "unjudged"; readonly why: string };

export const mappedNames = ["at", "symbol", "market", "session", "number"] as const;
/** Where rows without `_schema` say what must be known of them, as dotted paths. */
export type Mapping = { readonly [name in (typeof mappedNames)[number]]?: readonly string[] };

/** The names of the recorder that QTS replaces; its rows have no numbers. */
export const originMapping: Mapping = {
  at: ["meta.timestamp_ms", "meta.at"],
  symbol: ["context.symbol"],
  market: ["context.market"],
  session: ["meta.session_id", "meta.session"],
};

interface Field {
  readonly is: (value: unknown) => boolean;
  readonly wanted: string;
  readonly optional?: true;
}
type Group = { readonly [name: string]: Field };

const whole = (min: number, wanted: string): Field => ({
  is: (value) => Number.isSafeInteger(value) && (value as number) >= min,
  wanted,
});
const natural = whole(0, "must be a whole number, 0 or more");
const positive = whole(1, "must be a whole number above 0");
const integer = whole(Number.NEGATIVE_INFINITY, "must be a whole number");
const time: Field = {
  is: (value) => Number.isSafeInteger(value) && isInstant(value as number),
  wanted: "is no time in epoch ms",
};
const text: Field = { is: (value) => typeof value === "string" && value !== "", wanted: "must be a text" };
const oneOf = (...words: readonly string[]): Field => ({
  is: (value) => words.includes(value as string),
  wanted: `must be ${words.join(", ")}`,
});
const group: Field = {
  is: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  wanted: "must be a group of fields",
};
const optional = (field: Field): Field => ({ ...field, optional: true });
const flags = ["SUSPICIOUS", "SEQUENCE_GAP", "OUT_OF_ORDER", "WIDE_SPREAD", "STALE"];
const quality: Field = {
  is: (value) => Array.isArray(value) && new Set(value).size === value.length && value.every((flag) => flags.includes(flag)),
  wanted: `must be a list of ${flags.join(", ")}, each once`,
};

const shown = (value: unknown): string => {
  if (value === undefined) return "missing";
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
};

/** The first field of a group that is missing, impossible, or not of the contract. */
const groupProblem = (value: Json, place: string, fields: Group): string | undefined => {
  for (const [name, { is, wanted, optional: mayMiss }] of Object.entries(fields)) {
    const found = value[name];
    if (found === undefined && mayMiss === true) continue;
    if (!is(found)) return `${place}${name} is ${shown(found)} and ${wanted}`;
  }
  for (const name of Object.keys(value)) if (!Object.hasOwn(fields, name)) return `${place}${name} is no field of this schema`;
  return undefined;
};

const meta: Group = { at: time, session: text, run: text, sequence: positive };
const snapshotGroups: readonly (readonly [place: readonly string[], fields: Group])[] = [
  [[], { _schema: text, meta: group, context: group, observation: group, _quality: quality }],
  [["meta"], { ...meta, source: text, latencyMs: integer }],
  [["context"], { symbol: text, market: text, stage: text }],
  [["observation"], { inputs: group, computed: group, state: group }],
  [
    ["observation", "inputs"],
    {
      priceMinor: positive,
      quantity: natural,
      exchangeAt: time,
      sequence: natural,
      series: optional(whole(2, "must be a whole number above 1")),
      venue: optional(text),
      condition: optional(text),
      bidPriceMinor: optional(positive),
      askPriceMinor: optional(positive),
      openPriceMinor: optional(positive),
      highPriceMinor: optional(positive),
      lowPriceMinor: optional(positive),
      closePriceMinor: optional(positive),
      volume: optional(natural),
    },
  ],
  [["observation", "computed"], { cumulativeVolume: natural, changeMinor: integer }],
  [["observation", "state"], { phase: oneOf("before", "regular", "after", "closed") }],
];

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inside, key) => (group.is(inside) && Object.hasOwn(inside as object, key) ? (inside as Json)[key] : undefined),
    value,
  );
export const numberAt = (value: unknown, path: readonly string[]): number | undefined => {
  const found = at(value, path);
  return typeof found === "number" && Number.isSafeInteger(found) ? found : undefined;
};
const textAt = (value: unknown, path: readonly string[]): string => {
  const found = at(value, path);
  return typeof found === "string" ? found : "";
};

interface Inputs {
  readonly priceMinor: number;
  readonly quantity: number;
  readonly exchangeAt: number;
  readonly sequence: number;
  readonly bidPriceMinor?: number;
  readonly askPriceMinor?: number;
  readonly openPriceMinor?: number;
  readonly highPriceMinor?: number;
  readonly lowPriceMinor?: number;
  readonly closePriceMinor?: number;
  readonly volume?: number;
}

/** What each field allows, and both together do not. */
const relationProblem = (row: Json, inputs: Inputs, stream: Stream): string | undefined => {
  const { bidPriceMinor: bid, askPriceMinor: ask, volume } = inputs;
  const { openPriceMinor: open, highPriceMinor: high, lowPriceMinor: low, closePriceMinor: close } = inputs;
  const stage = textAt(row, ["context", "stage"]);
  if (stage !== stream) return `context.stage is "${stage}" in the stream ${stream}`;
  const latency = (numberAt(row, ["meta", "at"]) as number) - inputs.exchangeAt;
  if (numberAt(row, ["meta", "latencyMs"]) !== latency)
    return `meta.latencyMs is ${shown(at(row, ["meta", "latencyMs"]))}, and meta.at less the exchange's time is ${latency}`;
  if (bid !== undefined && ask !== undefined && ask < bid) return `the ask ${ask} is below the bid ${bid}`;
  const bar = [open, high, low, close, volume];
  if (stream === "scalp" && bar.every((value) => value === undefined)) return undefined;
  if (open === undefined || high === undefined || low === undefined || close === undefined || volume === undefined)
    return "the bar has not all of openPriceMinor, highPriceMinor, lowPriceMinor, closePriceMinor, volume";
  return high < Math.max(open, low, close) || low > Math.min(open, close)
    ? `the bar is impossible: open ${open}, high ${high}, low ${low}, close ${close}`
    : undefined;
};

const snapshotRow = (row: Json, stream: Stream): JudgedRow => {
  const identity: RowIdentity = {
    session: textAt(row, ["meta", "session"]),
    run: textAt(row, ["meta", "run"]),
    symbol: textAt(row, ["context", "symbol"]),
    number: numberAt(row, ["observation", "inputs", "sequence"]),
    series: numberAt(row, ["observation", "inputs", "series"]),
    rowNumber: numberAt(row, ["meta", "sequence"]),
  };
  for (const [place, fields] of snapshotGroups) {
    const why = groupProblem(at(row, place) as Json, place.map((name) => `${name}.`).join(""), fields);
    if (why !== undefined) return { kind: "impossible", why, identity };
  }
  const inputs = at(row, ["observation", "inputs"]) as Inputs;
  const why = relationProblem(row, inputs, stream);
  if (why !== undefined) return { kind: "impossible", why, identity };
  const computed = at(row, ["observation", "computed"]) as { readonly cumulativeVolume: number; readonly changeMinor: number };
  const { priceMinor, quantity, exchangeAt } = inputs;
  return {
    kind: "row",
    row: {
      ...identity,
      market: textAt(row, ["context", "market"]),
      at: exchangeAt,
      figures: { priceMinor, quantity, ...computed },
      saysOutOfOrder: (row._quality as readonly string[]).includes("OUT_OF_ORDER"),
    },
  };
};

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

const mappedRow = (row: Json, mapping: Mapping): JudgedRow => {
  const found = (name: keyof Mapping): unknown =>
    mapping[name]?.map((path) => at(row, path.split("."))).find((value) => value !== undefined);
  const [when, symbol, market] = [found("at"), found("symbol"), found("market")];
  const lacking = Object.entries({ at: when, symbol, market }).find(([, value]) => value === undefined);
  if (lacking !== undefined)
    return { kind: "unjudged", why: `it has no _schema, and nothing says its ${lacking[0]}; give --map ${lacking[0]}=FIELD` };
  const parsed = typeof when === "string" && isoTime.test(when) ? Date.parse(when) : when;
  if (!time.is(parsed)) return { kind: "impossible", why: `its time is ${shown(when)}, which is none in epoch ms` };
  if (!text.is(symbol) || !text.is(market))
    return { kind: "impossible", why: `its symbol is ${shown(symbol)} and its market ${shown(market)}; both must be texts` };
  const number = found("number");
  if (mapping.number !== undefined && !natural.is(number))
    return { kind: "impossible", why: `its number is ${shown(number)} and ${natural.wanted}` };
  const session = found("session");
  return {
    kind: "row",
    row: {
      session: typeof session === "string" ? session : "",
      run: "",
      symbol: symbol as string,
      market: market as string,
      at: parsed as number,
      ...(number === undefined ? {} : { number: number as number }),
      saysOutOfOrder: false,
    },
  };
};

/** Judges a line of a market stream; rows without `_schema` by the mapping. */
export const judgeMarketRow = (row: Json, stream: Stream, mapping: Mapping): JudgedRow => {
  // A row that has QTS's own number and time has lost its schema; one of something else never had it.
  const isOurs =
    mapping === originMapping && at(row, ["meta", "sequence"]) !== undefined && at(row, ["meta", "at"]) !== undefined;
  if (!Object.hasOwn(row, "_schema") && !isOurs) return mappedRow(row, mapping);
  return row._schema === "qts.snapshot/1"
    ? snapshotRow(row, stream)
    : { kind: "impossible", why: `its _schema is ${shown(row._schema)}, and this reader knows qts.snapshot/1` };
};

export interface GapLine {
  readonly type: "gap";
  readonly stream: "scalp" | "swing";
  readonly symbol: string;
  readonly from: number;
  readonly to: number;
  readonly reason: "quiet" | "hole" | "refused" | "lost";
  readonly firstMissing?: number;
  readonly lastMissing?: number;
  readonly rows?: number;
  readonly series?: number;
}
export type SystemLine = { readonly at: number; readonly session: string; readonly run: string; readonly sequence: number } & (
  | GapLine
  | { readonly type: "opened"; readonly numbers?: "sparse" }
  | { readonly type: "suspect"; readonly path: string; readonly trustedBytes: number }
  | { readonly type: "closed"; readonly persisted: number }
  | { readonly type: "renumbered"; readonly symbol: string; readonly series: number }
);

const systemFields: { readonly [type: string]: Group } = {
  opened: { tornFiles: natural, tornBytes: natural, numbers: optional(oneOf("sparse")) },
  gap: {
    stream: oneOf("scalp", "swing"),
    symbol: text,
    from: time,
    to: time,
    seconds: { is: (value) => Number.isFinite(value) && (value as number) >= 0, wanted: "must be a number of seconds" },
    severity: oneOf("minor", "major", "critical"),
    reason: oneOf("quiet", "hole", "refused", "lost"),
    detail: optional(text),
    firstMissing: optional(natural),
    lastMissing: optional(natural),
    rows: optional(positive),
    series: optional(whole(2, "must be a whole number above 1")),
  },
  renumbered: { symbol: text, series: whole(2, "must be a whole number above 1"), lastSequence: natural, exchangeAt: time },
  suspect: { path: text, trustedBytes: natural, reason: text },
  closed: { persisted: natural },
};

const gapProblem = (row: Json): string | undefined => {
  const { from, to, seconds, firstMissing, lastMissing, reason } = row as unknown as GapLine & { readonly seconds: number };
  const writtenAt = numberAt(row, ["meta", "at"]) as number;
  if (to > writtenAt) return `its gap ends at ${to}, after the line was written at ${writtenAt}`;
  if (from > to) return `its gap ends at ${to}, before it begins at ${from}`;
  if (Math.abs(seconds * 1000 - (to - from)) > 1)
    return `its gap is of ${seconds} s, and from ${from} to ${to} are ${(to - from) / 1000} s`;
  if (reason === "quiet")
    return firstMissing === undefined && lastMissing === undefined
      ? undefined
      : "a quiet gap misses no rows, and this one names some";
  // While nobody was connected to a source whose numbers are not consecutive, nobody knows how many rows there were.
  if (reason === "lost" && row.detail === "not.connected" && firstMissing === undefined && lastMissing === undefined)
    return undefined;
  // Of rows whose numbers were used before, or are not consecutive, only how many they were can be said.
  if ((reason === "refused" || reason === "lost") && row.rows !== undefined)
    return firstMissing === undefined && lastMissing === undefined
      ? undefined
      : "a gap that counts its rows names no firstMissing and lastMissing, and this one names some";
  if (firstMissing === undefined || lastMissing === undefined)
    return `a gap of reason ${reason} must name firstMissing and lastMissing`;
  return firstMissing > lastMissing ? `its firstMissing ${firstMissing} lies behind its lastMissing ${lastMissing}` : undefined;
};

/** Judges a line of the system stream. */
export const judgeSystemRow = (row: Json): SystemLine | { readonly type: "impossible"; readonly why: string } => {
  const impossible = (why: string) => ({ type: "impossible", why }) as const;
  if (row._schema !== "qts.system/1")
    return impossible(`its _schema is ${shown(row._schema)}, and this reader knows qts.system/1`);
  const fields = typeof row.type === "string" && Object.hasOwn(systemFields, row.type) ? systemFields[row.type] : undefined;
  if (fields === undefined)
    return impossible(`its type is ${shown(row.type)}, and this reader knows ${Object.keys(systemFields).join(", ")}`);
  const why =
    groupProblem(row, "", { _schema: text, type: text, meta: group, ...fields }) ??
    groupProblem(row.meta as Json, "meta.", meta) ??
    (row.type === "gap" ? gapProblem(row) : undefined);
  return why === undefined ? ({ ...row, ...(row.meta as object) } as unknown as SystemLine) : impossible(why);
};
