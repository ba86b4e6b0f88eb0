/** The channels to people that a configuration names, with their secrets from the environment, or what is missing for them. */
import { post } from "#adapters/host/outgoing.ts";
import { createSmtp } from "#adapters/mail/smtp.ts";
import { isServiceAddress } from "#config/addresses.ts";
import type { Config, ConfigProblem } from "#config/config.ts";
import { err, ok, type Result } from "#core/result.ts";
import {
  createMailChannel,
  createTelegramChannel,
  createWebhookChannel,
  type OutsideChannel,
} from "#ops/automation/alert-channels.ts";
import type { CommandIo } from "./command.ts";

interface Secret {
  readonly key: string;
  /** Of the environment variable. */
  readonly name: string;
  readonly isValid: (value: string) => boolean;
  /** What it must hold. */
  readonly wants: string;
}

const isBotToken = (value: string): boolean => /^\d{1,20}:[\w-]{20,100}$/.test(value);
/** Both go into lines of the protocol. */
const isWord = (value: string): boolean => value.length <= 1000 && !/[\r\n\0]/.test(value);

/** @returns the channels, the log apart; or each variable that is missing or holds something else, without its value */
export const openAlertChannels = (
  { alerts, session }: Pick<Config, "alerts" | "session">,
  env: CommandIo["env"],
): Result<readonly OutsideChannel[], readonly ConfigProblem[]> => {
  const problems: ConfigProblem[] = [];
  const secretOf = ({ key, name, isValid, wants }: Secret): string => {
    const value = env[name]?.trim() ?? "";
    if (value === "")
      problems.push({
        key,
        problem: `names the environment variable ${name}, which is not set; set it where QTS is started (to ${wants}), or the key to null`,
      });
    else if (!isValid(value))
      problems.push({
        key,
        problem: `names the environment variable ${name}, which does not hold ${wants}; its value is not shown`,
      });
    return value;
  };

  const { language, timeoutMs, webhook, telegram, mail } = alerts;
  // In a replay nothing is at stake, and whoever is woken must see it.
  const name = session.mode === "live" ? alerts.name : `${alerts.name} (replay)`;
  const service = { name, language, post, timeoutMs };
  const channels: OutsideChannel[] = [];
  if (webhook.urlEnv !== null) {
    const wants = "an address, https://HOST/… or http:// on loopback, without a user name";
    const url = secretOf({ key: "alerts.webhook.urlEnv", name: webhook.urlEnv, isValid: isServiceAddress, wants });
    channels.push(createWebhookChannel(url, service));
  }
  if (telegram.tokenEnv !== null && telegram.chatId !== null) {
    const wants = "a bot's token, 123456789:ABC…";
    const token = secretOf({ key: "alerts.telegram.tokenEnv", name: telegram.tokenEnv, isValid: isBotToken, wants });
    channels.push(createTelegramChannel({ apiUrl: telegram.apiUrl, token, chatId: telegram.chatId }, service));
  }
  const { host, port, tls, from, to, userEnv, passwordEnv } = mail;
  if (host !== null && from !== null) {
    const login =
      userEnv === null || passwordEnv === null
        ? undefined
        : {
            user: secretOf({ key: "alerts.mail.userEnv", name: userEnv, isValid: isWord, wants: "the mail server's user" }),
            password: secretOf({
              key: "alerts.mail.passwordEnv",
              name: passwordEnv,
              isValid: isWord,
              wants: "that user's password",
            }),
          };
    const sendMail = createSmtp({ host, port, tls, timeoutMs, ...(login === undefined ? {} : { login }) });
    channels.push(createMailChannel({ from, to }, { name, language, sendMail }));
  }
  return problems.length > 0 ? err(problems) : ok(channels);
};
