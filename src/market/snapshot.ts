/**
 * The snapshot record: one line of the market archive, and the contract with everybody who reads it (spec A3).
 *
 * `_schema` names the version; a reader refuses a version that it does not know. A field is never renamed or given another
 * meaning within a version. Reference for readers: docs/reference/archive.md and snapshot.schema.json beside it.
 */

export const snapshotSchemaName = "qts.snapshot/1";

/** `scalp`: every tick. `swing`: one snapshot per symbol and interval. Also the names of the archive's streams. */
export const stages = ["scalp", "swing"] as const;
export type Stage = (typeof stages)[number];

export const qualityFlags = [
  /** The source marked the trade as suspicious. */
  "SUSPICIOUS",
  /** The source's sequence skipped numbers before this row. */
  "SEQUENCE_GAP",
  /** Its exchange time lies before that of the row above of the same symbol. */
  "OUT_OF_ORDER",
  /** Ask and bid are further apart than the configured share of the bid. */
  "WIDE_SPREAD",
  /** A swing snapshot of a symbol that has not traded since the last one. */
  "STALE",
] as const;
export type QualityFlag = (typeof qualityFlags)[number];

export interface SnapshotInputs {
  readonly priceMinor: number;
  readonly quantity: number;
  readonly exchangeAt: number;
  /** The source's sequence of this symbol. */
  readonly sequence: number;
  /** 2 and more for rows after the source's numbers began again; absent before. */
  readonly series?: number;
  readonly venue?: string;
  readonly condition?: string;
  readonly bidPriceMinor?: number;
  readonly askPriceMinor?: number;
  /** A swing snapshot's interval. */
  readonly openPriceMinor?: number;
  readonly highPriceMinor?: number;
  readonly lowPriceMinor?: number;
  readonly closePriceMinor?: number;
  readonly volume?: number;
}

export interface SnapshotRecord {
  readonly _schema: typeof snapshotSchemaName;
  readonly meta: {
    /** Epoch ms of the Clock port when the row was made; market time in a replay. */
    readonly at: number;
    readonly session: string;
    readonly run: string;
    /** 1, 2, 3 … per session and stream, across restarts. */
    readonly sequence: number;
    readonly source: string;
    /** `at` less the exchange's time. */
    readonly latencyMs: number;
  };
  readonly context: { readonly symbol: string; readonly market: string; readonly stage: Stage };
  readonly observation: {
    readonly inputs: SnapshotInputs;
    readonly computed: {
      /** Lots traded since the session's first row of this symbol, this one included. */
      readonly cumulativeVolume: number;
      /** Against the row before of the same symbol and stage; 0 for the first. */
      readonly changeMinor: number;
    };
    readonly state: { readonly phase: MarketPhase };
  };
  readonly _quality: readonly QualityFlag[];
}

export const marketPhases = ["before", "regular", "after", "closed"] as const;
/** Where in the exchange's day a row lies. */
export type MarketPhase = (typeof marketPhases)[number];

type Writable<T> = T extends readonly (infer Item)[]
  ? Item[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
/** A record on its way through the stages, which fill in what they know. */
export type SnapshotDraft = Writable<SnapshotRecord>;

const quoted = new Map<string, string>();
/** JSON text of a string; the few that occur in rows (symbols, venues, conditions) are remembered. */
const quote = (text: string): string => {
  let known = quoted.get(text);
  if (known === undefined) {
    known = JSON.stringify(text);
    if (quoted.size < 4096) quoted.set(text, known);
  }
  return known;
};

const optionalText = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `,"${name}":${quote(value)}`;
const optionalNumber = (name: string, value: number | undefined): string => (value === undefined ? "" : `,"${name}":${value}`);

const opening = `{"_schema":"${snapshotSchemaName}","meta":{"at":`;

/** Between `at` and the row's number: the same for every row of a process. */
let ofRun: { readonly session: string; readonly run: string; readonly text: string } | undefined;
const runText = ({ session, run }: SnapshotRecord["meta"]): string => {
  if (ofRun === undefined || ofRun.session !== session || ofRun.run !== run)
    ofRun = { session, run, text: `,"session":${quote(session)},"run":${quote(run)},"sequence":` };
  return ofRun.text;
};

/** Between the latency and the price: the same for every row of a symbol. Each piece that is joined makes garbage. */
const ofSymbol = new Map<string, { readonly context: SnapshotRecord["context"]; readonly text: string }>();
const contextText = (context: SnapshotRecord["context"]): string => {
  const { symbol, market, stage } = context;
  const known = ofSymbol.get(symbol);
  if (known !== undefined && known.context.market === market && known.context.stage === stage) return known.text;
  const text = `},"context":{"symbol":${quote(symbol)},"market":${quote(market)},"stage":"${stage}"},"observation":{"inputs":{"priceMinor":`;
  if (ofSymbol.size < 4096 || known !== undefined) ofSymbol.set(symbol, { context, text });
  return text;
};

/**
 * The record as one line of JSON, newline included: the bytes of `JSON.stringify`, made in less than half the time, which is
 * what the tick budget is spent on. Numbers must be finite (validation saw to it).
 */
export const snapshotLine = ({ meta, context, observation: { inputs, computed, state }, _quality }: SnapshotRecord): string =>
  `${opening}${meta.at}${runText(meta)}${meta.sequence},"source":${quote(meta.source)},"latencyMs":${meta.latencyMs}${contextText(
    context,
  )}${inputs.priceMinor},"quantity":${inputs.quantity},"exchangeAt":${inputs.exchangeAt},"sequence":${inputs.sequence}${optionalNumber("series", inputs.series)}${optionalText(
    "venue",
    inputs.venue,
  )}${optionalText(
    "condition",
    inputs.condition,
  )}${optionalNumber("bidPriceMinor", inputs.bidPriceMinor)}${optionalNumber("askPriceMinor", inputs.askPriceMinor)}${
    inputs.openPriceMinor === undefined
      ? ""
      : `,"openPriceMinor":${inputs.openPriceMinor}${optionalNumber("highPriceMinor", inputs.highPriceMinor)}${optionalNumber(
          "lowPriceMinor",
          inputs.lowPriceMinor,
        )}${optionalNumber("closePriceMinor", inputs.closePriceMinor)}${optionalNumber("volume", inputs.volume)}`
  }},"computed":{"cumulativeVolume":${computed.cumulativeVolume},"changeMinor":${computed.changeMinor}},"state":{"phase":"${
    state.phase
  }"}},"_quality":${_quality.length === 0 ? "[]" : JSON.stringify(_quality)}}\n`;

const integer = { type: "integer" };
const natural = { type: "integer", minimum: 0 };
const positive = { type: "integer", minimum: 1 };
const text = { type: "string", minLength: 1 };
const objectOf = (properties: Record<string, object>, optional: readonly string[] = []): object => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** JSON Schema (2020-12) of a line of the scalp and swing streams; docs/reference/snapshot.schema.json is made from it. */
export const snapshotJsonSchema = (): object => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "QTS market snapshot, one line of the scalp and swing streams",
  ...objectOf({
    _schema: { const: snapshotSchemaName },
    meta: objectOf({
      at: { ...natural, description: "epoch ms, UTC; market time in a replay" },
      session: text,
      run: text,
      sequence: { ...positive, description: "1, 2, 3 … per session and stream, across restarts" },
      source: text,
      latencyMs: { ...integer, description: "at less the exchange's time" },
    }),
    context: objectOf({ symbol: text, market: text, stage: { enum: [...stages] } }),
    observation: objectOf({
      inputs: objectOf(
        {
          priceMinor: { ...positive, description: "minor units of the instrument" },
          quantity: { ...natural, description: "lots" },
          exchangeAt: { ...natural, description: "epoch ms by the exchange's clock" },
          sequence: { ...natural, description: "the source's number of this symbol" },
          series: {
            type: "integer",
            minimum: 2,
            description: "which, once the source's numbers have begun again; the first when absent",
          },
          venue: text,
          condition: text,
          bidPriceMinor: positive,
          askPriceMinor: positive,
          openPriceMinor: positive,
          highPriceMinor: positive,
          lowPriceMinor: positive,
          closePriceMinor: positive,
          volume: natural,
        },
        [
          "series",
          "venue",
          "condition",
          "bidPriceMinor",
          "askPriceMinor",
          "openPriceMinor",
          "highPriceMinor",
          "lowPriceMinor",
          "closePriceMinor",
          "volume",
        ],
      ),
      computed: objectOf({ cumulativeVolume: natural, changeMinor: integer }),
      state: objectOf({ phase: { enum: [...marketPhases] } }),
    }),
    _quality: { type: "array", items: { enum: [...qualityFlags] }, uniqueItems: true },
  }),
});
