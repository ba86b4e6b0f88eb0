/**
 * The ways to people outside: a webhook that takes what Slack's takes, Telegram, and mail. Each says text that is not ours so that
 * it commands nothing there: no link, no mention, no second header line.
 */

import type { Result } from "#core/result.ts";
import type { Mail, Post, SendFailure, SendMail } from "../ports.ts";
import { cut, type Notice, noticeOf, type Speaker, testNoticeOf } from "./alert-text.ts";
import { type AlertChannel, type AlertMessage, AlertNotSent } from "./alerts.ts";

/** A channel that can be tried without an alert. */
export interface OutsideChannel extends AlertChannel {
  /** Sends one message that says that it is a test; rejects with AlertNotSent. */
  readonly test: (at: number) => Promise<void>;
}

/** What an answer most often means; the rest stands in docs/operations/alerts.md. */
type Remedies = { readonly [status: number]: string };

const channelOf = (
  name: string,
  speaker: Speaker,
  remedies: Remedies,
  send: (notice: Notice) => Promise<Result<void, SendFailure>>,
): OutsideChannel => {
  const deliver = async (notice: Notice): Promise<void> => {
    const sent = await send(notice);
    if (sent.ok) return;
    const { reason, status, retryAfterMs } = sent.error;
    const remedy = status === undefined ? undefined : remedies[status];
    throw new AlertNotSent(remedy === undefined ? reason : `${reason}: ${remedy}`, retryAfterMs);
  };
  const tell = (message: AlertMessage): Promise<void> => deliver(noticeOf(message, speaker));
  return {
    name,
    isLoud: true,
    sendCritical: tell,
    sendWarning: tell,
    resolved: tell,
    test: (at) => deliver(testNoticeOf(speaker, at)),
  };
};

export interface Service extends Speaker {
  readonly post: Post;
  readonly timeoutMs: number;
}

/** Slack reads these three, and within `…` nothing else; Mattermost and Discord read no mark-up within it either. */
const slackText = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const slackForeign = (text: string): string => (text === "" ? "" : `\`${slackText(text.replaceAll("`", "'"))}\``);

/** @param url a secret: whoever has it can write there */
export const createWebhookChannel = (url: string, { post, timeoutMs, ...speaker }: Service): OutsideChannel =>
  channelOf(
    "webhook",
    speaker,
    {
      400: 'the service does not take {"text": …}',
      403: "the address is not, or no longer, allowed to write there",
      404: "there is no such webhook, or no longer",
      410: "the webhook or its channel is gone",
    },
    ({ title, body }) => {
      const pieces = body.map(({ text, isForeign }) => (isForeign ? slackForeign(text) : slackText(text)));
      const text = `${slackText(title)}\n${pieces.join("")}`.trimEnd();
      return post({ url, body: JSON.stringify({ text }), contentType: "application/json", timeoutMs });
    },
  );

/** What Telegram takes; our notices are shorter. */
const telegramLengthMax = 4096;

/** @param token a secret, and part of the address */
export const createTelegramChannel = (
  { apiUrl, token, chatId }: { readonly apiUrl: string; readonly token: string; readonly chatId: string | number },
  { post, timeoutMs, ...speaker }: Service,
): OutsideChannel =>
  channelOf(
    "telegram",
    speaker,
    {
      400: "the chat is not known to the bot; write to the bot first, and look at alerts.telegram.chatId",
      401: "the token is not valid",
      403: "the bot may not write there; whoever reads must start it, or let it into the group",
      404: "the token is not valid",
    },
    ({ title, body }) => {
      // No parse_mode, so no character commands; as code nothing of it becomes a link or a mention.
      let text = `${title}\n`;
      const entities: { readonly type: "code"; readonly offset: number; readonly length: number }[] = [];
      for (const piece of body) {
        if (piece.isForeign && piece.text !== "") entities.push({ type: "code", offset: text.length, length: piece.text.length });
        text += piece.text;
      }
      const message = {
        chat_id: chatId,
        text: cut(text.trimEnd(), telegramLengthMax),
        entities,
        link_preview_options: { is_disabled: true },
      };
      return post({
        url: `${apiUrl}/bot${token}/sendMessage`,
        body: JSON.stringify(message),
        contentType: "application/json",
        timeoutMs,
      });
    },
  );

export const createMailChannel = (
  { from, to }: Pick<Mail, "from" | "to">,
  { sendMail, ...speaker }: Speaker & { readonly sendMail: SendMail },
): OutsideChannel =>
  channelOf("mail", speaker, {}, ({ title, body }) =>
    // The subject has nothing of others in it, and no line break.
    sendMail({ from, to, subject: title, text: body.map(({ text }) => text).join("") }),
  );
