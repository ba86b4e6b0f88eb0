/**
 * What travels over the control socket: one line of JSON each way, checked here and nowhere else.
 *
 * The reply's body is the house's own and is shown or passed on as it is; its shapes are at the end of this file.
 */
import { z } from "zod";
import type { CommandReply } from "#core/ports.ts";
import { err, ok, type Result } from "#core/result.ts";
import type { HouseStatus } from "#core/runtime/report.ts";
import { orderOutcomes } from "#machines/facts/orders.ts";
import { operatingStates } from "#machines/facts/safety.ts";

/** Grows when an old `qts` could misread a new one. */
const wireVersion = 1;
/** A longer line is not a command. */
export const requestBytesMax = 16 * 1024;

// Reasons and names end up in the journal and on screens: one line each, no control characters, no essays.
const plainLine = (lengthMax: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(lengthMax, `must have at most ${lengthMax} characters`)
    .regex(/^\P{Cc}*$/u, "must be one line of plain text");
const type = z.literal("operator.command");
const who = { operator: plainLine(100), reason: plainLine(500) };

const explainSchema = z.discriminatedUnion("subject", [
  z.strictObject({ type, command: z.literal("explain"), subject: z.literal("operating") }),
  z.strictObject({ type, command: z.literal("explain"), subject: z.literal("safety") }),
]);

/** Everything an operator can ask of a running QTS. */
const commandSchema = z.discriminatedUnion("command", [
  z.strictObject({ type, command: z.literal("status") }),
  // Locking down is for the hurried: a name is welcome and not asked for.
  z.strictObject({ type, command: z.literal("lockdown"), ...who, operator: who.operator.optional() }),
  z.strictObject({ type, command: z.literal("stop-trading"), ...who, operator: who.operator.optional() }),
  z.strictObject({ type, command: z.literal("release"), ...who }),
  // How long an override may last is the operating machine's to say (spec S15).
  z.strictObject({
    type,
    command: z.literal("override.set"),
    state: z.enum(operatingStates),
    forMs: z.int().positive(),
    /** Takes the place of another person's. */
    replace: z.boolean().optional(),
    ...who,
  }),
  z.strictObject({ type, command: z.literal("override.clear"), ...who }),
  z.strictObject({
    type,
    command: z.literal("resolve"),
    orderId: plainLine(100),
    outcome: z.enum(orderOutcomes),
    brokerOrderId: plainLine(100).optional(),
    ...who,
  }),
  explainSchema,
]);
export type ControlCommand = z.infer<typeof commandSchema>;

const requestSchema = z.strictObject({ v: z.literal(wireVersion), token: z.string(), command: z.unknown() });

const replySchema = z.union([
  z.strictObject({ v: z.literal(wireVersion), exitCode: z.int().min(0).max(255), body: z.unknown() }),
  z.strictObject({
    v: z.literal(wireVersion),
    error: z.strictObject({
      /** refused: not with this token. misunderstood: not a command. unanswered: the house failed or took too long. */
      type: z.enum(["refused", "misunderstood", "unanswered"]),
      sentence: z.string(),
    }),
  }),
]);
export type WireReply = z.infer<typeof replySchema>;
export type WireError = Extract<WireReply, { error: unknown }>["error"];

export const requestLine = (token: string, command: ControlCommand): string =>
  `${JSON.stringify({ v: wireVersion, token, command })}\n`;
export const replyLine = (reply: CommandReply): string =>
  `${JSON.stringify({ v: wireVersion, exitCode: reply.exitCode, body: reply.body ?? null })}\n`;
export const errorLine = (error: WireError): string => `${JSON.stringify({ v: wireVersion, error })}\n`;

const jsonOf = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

const misunderstood = (sentence: string): WireError => ({ type: "misunderstood", sentence });

/**
 * Reads a request at the server's door.
 *
 * @param isToken compares in constant time; asked before the command is looked at
 */
export const parseRequest = (line: string, isToken: (token: string) => boolean): Result<ControlCommand, WireError> => {
  const request = requestSchema.safeParse(jsonOf(line));
  if (!request.success)
    return err(misunderstood("This is not a request of this version of QTS; use the `qts` that belongs to the running one."));
  if (!isToken(request.data.token))
    return err({ type: "refused", sentence: "The token does not fit the running QTS; try again, it is renewed at every start." });
  const command = commandSchema.safeParse(request.data.command);
  if (command.success) return ok(command.data);
  const [issue] = command.error.issues;
  return err(
    misunderstood(`The command is not understood: ${issue?.path.join(".") || "command"} ${issue?.message ?? "is unknown"}.`),
  );
};

/** Reads a reply at the client's door; undefined when it is none. */
export const parseReply = (line: string): WireReply | undefined => replySchema.safeParse(jsonOf(line)).data;

/** The body of a reply to `status`. */
export type StatusAnswer = HouseStatus;

/** The body of a reply to lockdown, stop-trading, release and override: what was done (exit code 0) or why it was refused (4). */
export const changeAnswerSchema = z.looseObject({
  sentence: z.string(),
  safety: z.string(),
  operating: z.string(),
});
export type ChangeAnswer = z.infer<typeof changeAnswerSchema>;

/** The body of a reply to `explain operating` and `explain safety` (spec S17). Times are epoch ms. */
export const explanationSchema = z.looseObject({
  sentence: z.string(),
  state: z.string(),
  since: z.number(),
  moves: z.array(
    z.looseObject({
      to: z.string(),
      /** What would have to hold, and what holds now; null: not known. */
      clauses: z.array(
        z.looseObject({
          clause: z.string(),
          value: z.union([z.number(), z.string(), z.boolean(), z.null()]),
          holds: z.boolean().nullable(),
        }),
      ),
      /** In the origin's words: min_duration_not_met, cooldown_period, confirmation_pending 1/2 … */
      blocks: z.array(z.looseObject({ reason: z.string(), until: z.number().optional() })),
    }),
  ),
});
export type Explanation = z.infer<typeof explanationSchema>;
