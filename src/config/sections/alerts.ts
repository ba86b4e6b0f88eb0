/** The ways to people beside the log, in which language, and when warnings wait. */
import { z } from "zod";
import { isLoopback, isServiceAddress } from "../addresses.ts";
import { timeOfDay, timerMs, timeZone } from "../values.ts";

const isVariable = (value: unknown): boolean =>
  value === null || (typeof value === "string" && /^[A-Za-z_]\w{0,99}$/.test(value));
/** The name of an environment variable. */
const variable = z.custom<string | null>();
/**
 * Judged with the group: what is said of a key shows its value, and who writes the secret itself in place of the
 * variable's name must not find it in a terminal or a log.
 */
const namesVariables = <const K extends string>(...keys: readonly K[]) =>
  [
    (group: { readonly [key in K]: unknown }) => keys.every((key) => isVariable(group[key])),
    {
      error: ({ input }: { readonly input?: unknown }) =>
        `wants ${keys
          .filter((key) => !isVariable((input as { [key in K]: unknown })[key]))
          .join(
            " and ",
          )} to be the name of an environment variable that holds the secret, like QTS_ALERT_SECRET, or null; what it is now is not shown, it may be the secret itself`,
    },
  ] as const;

/** One mailbox without its owner's name: nothing that could end a header line or add a second one. */
const mailbox = z
  .string()
  .max(254)
  .regex(/^[\w.+=%-]+@[A-Za-z\d](?:[A-Za-z\d.-]*[A-Za-z\d])?$/, "must be a mail address alone, like qts@example.org");

const webhook = z.strictObject({ urlEnv: variable }).refine(...namesVariables("urlEnv"));

const chatWanted = "must be the chat's number, @NAME of a channel, or null";
const telegram = z
  .strictObject({
    tokenEnv: variable,
    chatId: z.union([z.int(), z.string().regex(/^(-?\d{1,19}|@[A-Za-z]\w{3,31})$/, chatWanted), z.null()], {
      error: chatWanted,
    }),
    apiUrl: z
      .string()
      .refine(
        (value) => isServiceAddress(value) && !/[?#]|\/$/.test(value),
        "must be https://HOST, or http:// on loopback, without a / at its end",
      ),
  })
  .refine(...namesVariables("tokenEnv"))
  .refine(
    ({ tokenEnv, chatId }) => (tokenEnv === null) === (chatId === null),
    "wants tokenEnv and chatId both set, or both null",
  );

const mail = z
  .strictObject({
    host: z
      .string()
      .regex(/^([A-Za-z\d][A-Za-z\d.-]{0,252}|::1|[\da-fA-F:]{2,39})$/, "must be the mail server's name or address")
      .nullable(),
    port: z.int().min(1).max(65_535),
    tls: z.enum(["starttls", "implicit", "none"]),
    userEnv: variable,
    passwordEnv: variable,
    from: mailbox.nullable(),
    to: z.array(mailbox).max(20),
  })
  .refine(...namesVariables("userEnv", "passwordEnv"))
  .refine(
    ({ userEnv, passwordEnv }) => (userEnv === null) === (passwordEnv === null),
    "wants userEnv and passwordEnv both set, or both null",
  )
  .refine(
    ({ host, from, to }) => host === null || (from !== null && to.length > 0),
    "wants from, and one address in to at least, once host is set",
  )
  .refine(
    ({ host, tls }) => host === null || tls !== "none" || isLoopback(host),
    "wants tls to be starttls or implicit: without encryption a mail goes to a server on loopback alone",
  );

const quiet = z
  .strictObject({ from: timeOfDay.nullable(), to: timeOfDay.nullable(), timeZone })
  .refine(({ from, to }) => (from === null) === (to === null), "wants from and to both set, or both null")
  .refine(({ from, to }) => from === null || from !== to, "wants from and to to differ");

export const alerts = z.strictObject({
  name: z
    .string()
    .max(40)
    .regex(
      /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u,
      "must begin with a letter or digit and have letters, digits, spaces and . _ - alone",
    ),
  language: z.enum(["en", "ko"]),
  timeoutMs: timerMs,
  quiet,
  webhook,
  telegram,
  mail,
});
