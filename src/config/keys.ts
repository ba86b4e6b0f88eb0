/** Every key of the configuration, by walking its schema: for the reference, and for the proof that each has a reader. */
import { z } from "zod";
import { configSchema } from "./schema.ts";

export interface ConfigKey {
  /** Dotted path, as problems name it. */
  readonly path: string;
  readonly schema: z.ZodType;
  /** The room that will read it; nothing does yet. */
  readonly reservedFor?: string;
}

const reservedFor = (schema: z.ZodType): string | undefined => {
  const room = schema.meta()?.reservedFor;
  return typeof room === "string" ? room : undefined;
};

const keysOf = (schema: z.ZodType, path: string): readonly ConfigKey[] => {
  const room = reservedFor(schema);
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([name, part]) =>
      keysOf(part as z.ZodType, path === "" ? name : `${path}.${name}`),
    );
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodObject) return keysOf(schema.element, path);
  return [{ path, schema, ...(room === undefined ? {} : { reservedFor: room }) }];
};

/** Leaves only, in the schema's order; the fields of a list's rows count once, as `instruments.symbol`. */
export const configKeys = (): readonly ConfigKey[] => keysOf(configSchema, "");
