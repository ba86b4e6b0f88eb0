/**
 * What a person reads of an alert, in their language: whose it is, how grave, what its code means, what happened, what to do.
 *
 * It is put together from pieces that are ours and pieces that are not (names of files, what a venue or a server said), so that
 * each channel can see to it that the latter command nothing. Every piece, and the whole, has a length it does not exceed.
 */
import { printable } from "#core/printable.ts";
import { safetyCodesKo } from "#machines/safety.codes.ko.ts";
import { safetyCodes } from "#machines/safety.codes.ts";
import type { AlertMessage } from "./alerts.ts";

export const languages = ["en", "ko"] as const;
export type Language = (typeof languages)[number];

export interface Piece {
  readonly text: string;
  /** Printable, and still somebody else's. */
  readonly isForeign: boolean;
}

export interface Notice {
  /** One line, all of it ours. */
  readonly title: string;
  /** The title is not in it. */
  readonly body: readonly Piece[];
}

/** A reason longer than this is a document; the log has all of it. */
const reasonLengthMax = 600;
/** Of the warnings that waited, and how much of each: together below the 4096 characters that Telegram takes. */
const heldShownMax = 20;
const heldReasonLengthMax = 80;

const words = {
  en: {
    critical: "CRITICAL",
    warning: "warning",
    resolved: "resolved",
    test: "test",
    at: (time: string) => `At ${time}.`,
    repeated: (count: number) => `It came ${count} more ${count === 1 ? "time" : "times"} since it was last told.`,
    runbook: (page: string) => `What to do: ${page}`,
    held: (count: number) => `${count} ${count === 1 ? "warning" : "warnings"} of the quiet hours`,
    more: (count: number) => `… and ${count} more, which the log has.`,
    thisWorks: "This channel works: alerts of QTS arrive here. Nothing has happened.",
  },
  ko: {
    critical: "위급",
    warning: "경고",
    resolved: "해결됨",
    test: "시험",
    at: (time: string) => `시각: ${time}`,
    repeated: (count: number) => `마지막으로 알린 뒤 ${count}번 더 일어났습니다.`,
    runbook: (page: string) => `할 일: ${page}`,
    held: (count: number) => `조용한 시간의 경고 ${count}건`,
    more: (count: number) => `… 그 밖에 ${count}건이 더 있습니다. 로그에 모두 있습니다.`,
    thisWorks: "이 채널은 잘 작동합니다. QTS의 경고가 여기로 옵니다. 아무 일도 일어나지 않았습니다.",
  },
} as const satisfies { readonly [L in Language]: object };

const meanings = { en: safetyCodes, ko: safetyCodesKo } as const;

/** At most so many characters, and no half of one. */
export const cut = (text: string, lengthMax: number): string =>
  text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1).replace(/[\ud800-\udbff]$/, "")}…`;

const ours = (text: string): Piece => ({ text, isForeign: false });
const foreign = (text: string, lengthMax: number): Piece => ({
  text: cut(printable(text.slice(0, lengthMax)), lengthMax),
  isForeign: true,
});
const timeText = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export interface Speaker {
  /** Which QTS speaks. */
  readonly name: string;
  readonly language: Language;
}

export const noticeOf = (message: AlertMessage, { name, language }: Speaker): Notice => {
  const say = words[language];
  const { level, code, text, at, repeated, runbook, held } = message;
  if (held !== undefined) {
    const shown = held.slice(0, heldShownMax);
    const lines = shown.flatMap((one) => [
      ours(`${timeText(one.at).slice(5, 16)} ${one.code}${one.level === "resolved" ? ` (${say.resolved})` : ""} `),
      foreign(one.text, heldReasonLengthMax),
      ours("\n"),
    ]);
    const rest = held.length - shown.length;
    return { title: `${name}: ${say.held(held.length)}`, body: rest === 0 ? lines : [...lines, ours(`${say.more(rest)}\n`)] };
  }
  return {
    title: `${name}: ${say[level]} ${code} ${meanings[language][code]}`,
    body: [
      foreign(text, reasonLengthMax),
      ours(`\n${say.at(timeText(at))}`),
      ...(repeated > 0 ? [ours(` ${say.repeated(repeated)}`)] : []),
      ...(level === "resolved" ? [] : [ours(`\n${say.runbook(runbook)}`)]),
      ours("\n"),
    ],
  };
};

/** For `qts alert test`. */
export const testNoticeOf = ({ name, language }: Speaker, at: number): Notice => {
  const say = words[language];
  return { title: `${name}: ${say.test}`, body: [ours(`${say.thisWorks}\n${say.at(timeText(at))}\n`)] };
};
