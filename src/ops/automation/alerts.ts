/**
 * Alerts on their way to people. The same alert is sent once in a while, not a thousand times; a channel has a bounded
 * queue of its own and is never waited for, so one that is dead delays nobody (spec M13).
 */
import { NewestMap } from "#core/newest.ts";
import type { Clock } from "#core/ports.ts";
import type { AlertLine, AlertsTold } from "#core/runtime/ops-sight.ts";
import { backoffMs } from "#machines/backoff.rules.ts";
import type { Alert } from "#machines/effects.ts";
import { describeCode, safetyCodes } from "#machines/safety.codes.ts";

export interface AlertMessage {
  readonly level: "critical" | "warning" | "resolved";
  readonly code: keyof typeof safetyCodes;
  readonly text: string;
  readonly at: number;
  /** How often the same alert came since it was last sent. */
  readonly repeated: number;
  /** Where to read what to do. */
  readonly runbook: string;
  /** Not one alert, but those that waited for the end of the quiet hours, oldest first. */
  readonly held?: readonly AlertMessage[];
}

/** A message did not leave; what a channel rejects with. */
export class AlertNotSent extends Error {
  override readonly name = "AlertNotSent";
  /** The service asked for so much patience. */
  readonly retryAfterMs: number | undefined;

  /** @param reason a sentence that may be shown: no secret, nothing of the other side's */
  constructor(reason: string, retryAfterMs?: number) {
    super(reason);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A way to reach people. A rejected promise is tried again; a channel sets its own time limit on the wire. */
export interface AlertChannel {
  readonly name: string;
  /** It disturbs people: in the quiet hours warnings wait. The log does not. */
  readonly isLoud?: boolean;
  sendCritical(message: AlertMessage): Promise<void>;
  sendWarning(message: AlertMessage): Promise<void>;
  resolved(message: AlertMessage): Promise<void>;
}

export interface AlertFigures {
  readonly sent: number;
  /** Held back because the same alert had been sent shortly before. */
  readonly repeated: number;
  /** Held back by the rate limit. */
  readonly limited: number;
  /** Lost: the queue was full, or every try failed. */
  readonly lost: number;
  readonly waiting: number;
  /** Warnings that wait for the end of the quiet hours. */
  readonly held: number;
  /** Why the newest try failed that did; null when none has. */
  readonly lastFailure: string | null;
}

export interface Alerts {
  readonly handlers: { readonly [T in Alert["type"]]: (effect: Extract<Alert, { type: T }>) => void };
  readonly figures: () => { readonly [channel: string]: AlertFigures };
  /** What people were told, or would have been by a channel that works; the newest first. */
  readonly told: () => AlertsTold;
  /**
   * Sends what waits once more, also what waits for the end of the quiet hours, because nobody will be left to tell it. Resolves
   * when it has left, or been given up: after `closeMsMax` at the latest. What is left then counts as lost.
   */
  readonly close: () => Promise<void>;
}

export interface AlertLimits {
  /** The same alert is sent again at the earliest after this. */
  readonly repeatAfterMs: number;
  /** Warnings per channel in any minute. Critical alerts are never held back by it. */
  readonly warningsPerMinuteMax: number;
  readonly queueMax: number;
  readonly triesMax: number;
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** A service that asks for more patience than this is asked again after this. */
  readonly retryAfterMsMax: number;
  readonly closeMsMax: number;
}

/** Ten minutes: an unsolved problem stays visible and does not drown the next one. Five tries span half a minute of outage. */
export const alertLimits: AlertLimits = {
  repeatAfterMs: 600_000,
  warningsPerMinuteMax: 20,
  queueMax: 100,
  triesMax: 5,
  retryMsMin: 2_000,
  retryMsMax: 60_000,
  // A critical alert waits behind what the service refused.
  retryAfterMsMax: 120_000,
  // Of a process that ends; a service manager kills after ninety seconds.
  closeMsMax: 5_000,
};

/** The section of the runbook about a code. */
export const runbookOf = (code: keyof typeof safetyCodes): string => `docs/operations/runbook.md#${code.toLowerCase()}`;

/** When people are not to be disturbed by what can wait. */
export interface QuietHours {
  /** The end of the quiet hours that this moment is in; undefined: it is in none. */
  readonly endsAt: (at: number) => number | undefined;
}

/** Told to whoever looks at the page later. */
const toldMax = 100;

const noQuietHours: QuietHours = { endsAt: () => undefined };

/**
 * @param clock the wall clock, also in a replay: people live in real time
 */
export const createAlerts = ({
  channels,
  clock,
  limits = alertLimits,
  quiet = noQuietHours,
}: {
  readonly channels: readonly AlertChannel[];
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly limits?: AlertLimits;
  readonly quiet?: QuietHours;
}): Alerts => {
  const lanes = channels.map((channel) => createLane(channel, clock, limits, channel.isLoud ? quiet : noQuietHours));
  /**
   * By level, code and text; entries older than `repeatAfterMs` are dropped when the next alert comes. Texts with figures in
   * them are all different, so the oldest is forgotten when there are too many: one repeated message at worst.
   */
  const recent = new NewestMap<string, { readonly code: string; readonly sentAt: number; repeated: number }>(limits.queueMax);
  const open = new Set<string>();
  const lines: { -readonly [K in keyof AlertLine]: AlertLine[K] }[] = [];

  const note = (line: AlertLine): void => {
    lines.push(line);
    if (lines.length > toldMax) lines.shift();
  };

  const raise = (level: "critical" | "warning", { code, text }: Alert): void => {
    const at = clock.now();
    const key = `${level} ${code} ${text}`;
    const last = recent.get(key);
    // A wall clock that was set back must not silence an alert for as long as it was set back.
    if (last !== undefined && Math.abs(at - last.sentAt) < limits.repeatAfterMs) {
      last.repeated += 1;
      const told = lines.findLast((line) => line.code === code && line.level === level && line.text === text);
      if (told !== undefined) told.repeated += 1;
      for (const lane of lanes) lane.noteRepeated();
      return;
    }
    for (const [other, { sentAt }] of recent) if (Math.abs(at - sentAt) >= limits.repeatAfterMs) recent.delete(other);
    recent.set(key, { code, sentAt: at, repeated: 0 });
    open.add(code);
    note({ at, level, code, text, repeated: 0 });
    for (const lane of lanes) lane.put({ level, code, text, at, repeated: last?.repeated ?? 0, runbook: runbookOf(code) });
  };

  return {
    handlers: {
      "alert.critical": (effect) => raise("critical", effect),
      "alert.warning": (effect) => raise("warning", effect),
      "alert.resolved": ({ code, text }) => {
        // Nobody was told of the problem, so nobody is told of its end.
        if (!open.delete(code)) return;
        for (const [key, entry] of recent) if (entry.code === code) recent.delete(key);
        note({ at: clock.now(), level: "resolved", code, text, repeated: 0 });
        for (const lane of lanes)
          lane.put({ level: "resolved", code, text, at: clock.now(), repeated: 0, runbook: runbookOf(code) });
      },
    },
    figures: () => Object.fromEntries(lanes.map((lane) => [lane.name, lane.figures()])),
    told: () => ({
      recent: lines.toReversed(),
      open: [...open],
      channels: Object.fromEntries(lanes.map((lane) => [lane.name, lane.figures()])),
    }),
    close: async () => {
      const waiting = lanes.map((lane) => lane.close());
      if (waiting.every((done) => done === undefined)) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.setTimer(clock.now() + limits.closeMsMax, resolve);
        void Promise.all(waiting).then(() => {
          cancel();
          resolve();
        });
      });
      for (const lane of lanes) lane.giveUp();
    },
  };
};

const createLane = (channel: AlertChannel, clock: Pick<Clock, "now" | "setTimer">, limits: AlertLimits, quiet: QuietHours) => {
  const queue: AlertMessage[] = [];
  /** Of the quiet hours, oldest first. */
  let held: AlertMessage[] = [];
  const warnedAt: number[] = [];
  let figures = { sent: 0, repeated: 0, limited: 0, lost: 0 };
  let lastFailure: string | null = null;
  let sending: Promise<void> | undefined;
  /** Of the messages that wait; a message that is gone takes its count with it. */
  const triesOf = new WeakMap<AlertMessage, number>();
  let cancelRetry: (() => void) | undefined;
  /** When the service may be asked again for a message that it has not refused yet. */
  let soonestAt = 0;
  let cancelMorning: (() => void) | undefined;
  let isClosing = false;
  let isClosed = false;

  const lose = (count: number): void => {
    figures = { ...figures, lost: figures.lost + count };
  };

  const send = async (message: AlertMessage): Promise<void> => {
    if (message.level === "critical") await channel.sendCritical(message);
    else if (message.level === "warning") await channel.sendWarning(message);
    else await channel.resolved(message);
  };

  const waitMs = (error: unknown, tries: number): number => {
    const ownMs = backoffMs({ firstMs: limits.retryMsMin, capMs: limits.retryMsMax }, tries - 1);
    const askedMs = error instanceof AlertNotSent ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(ownMs, Math.min(askedMs, limits.retryAfterMsMax));
  };

  /** Tried as often as a warning may be: what is critical is tried on, behind the others, for the fault may be its own. */
  const isPutOff = (message: AlertMessage): boolean => (triesOf.get(message) ?? 0) >= limits.triesMax;

  /** In their order; what is critical does not wait behind a warning that could not be sent. */
  const next = (): AlertMessage | undefined => {
    const first = queue.find((message) => !isPutOff(message));
    const hasFailed = first !== undefined && triesOf.has(first) && first.level !== "critical";
    const urgent = hasFailed ? queue.find((message) => message.level === "critical" && !isPutOff(message)) : undefined;
    return urgent ?? first ?? queue[0];
  };

  const retryAt = (at: number): void => {
    cancelRetry?.();
    cancelRetry = clock.setTimer(at, () => {
      cancelRetry = undefined;
      start();
    });
  };

  const drain = async (): Promise<void> => {
    for (let message = next(); message !== undefined && !isClosed; message = next()) {
      try {
        await send(message);
        figures = { ...figures, sent: figures.sent + 1 };
        remove(message);
      } catch (error) {
        // What else a channel throws may have anything in it.
        lastFailure = error instanceof AlertNotSent ? error.message : "it failed";
        const tries = (triesOf.get(message) ?? 0) + 1;
        triesOf.set(message, tries);
        // A critical alert is raised once: it is tried until it arrives. The queue is bounded.
        if ((tries < limits.triesMax || message.level === "critical") && !isClosing) {
          // Those that were put off take turns.
          if (isPutOff(message) && remove(message)) queue.push(message);
          const at = clock.now();
          soonestAt = at + waitMs(error, 1);
          // The long pause is that of what was refused so often.
          retryAt(isPutOff(message) && !queue.every(isPutOff) ? soonestAt : at + waitMs(error, tries));
          return;
        }
        // A full queue may have dropped and counted it while it was being sent.
        if (remove(message)) lose(message.held?.length ?? 1);
      }
    }
  };

  const start = (): void => {
    if (sending !== undefined || isClosed || cancelRetry !== undefined || queue.length === 0) return;
    const ended = drain().then(() => {
      sending = undefined;
    });
    sending = ended;
  };

  /** By identity: while a message was being sent, a full queue may have dropped it. */
  const remove = (message: AlertMessage): boolean => {
    const index = queue.indexOf(message);
    if (index !== -1) queue.splice(index, 1);
    return index !== -1;
  };

  const isOverRate = (at: number): boolean => {
    while (warnedAt.length > 0 && Math.abs(at - (warnedAt[0] as number)) >= 60_000) warnedAt.shift();
    if (warnedAt.length >= limits.warningsPerMinuteMax) return true;
    warnedAt.push(at);
    return false;
  };

  const enqueue = (message: AlertMessage): void => {
    if (queue.length >= limits.queueMax) {
      // A warning gives way first; among equals the oldest, which is the least true by now.
      const index = queue.findIndex(({ level }) => level !== "critical");
      const [dropped] = queue.splice(Math.max(0, index), 1);
      lose(dropped?.held?.length ?? 1);
    }
    const isNoneElse = queue.every(isPutOff);
    queue.push(message);
    // A wall clock may have been set back since the last try.
    const at = clock.now();
    if (cancelRetry !== undefined && isNoneElse) retryAt(Math.min(Math.max(at, soonestAt), at + limits.retryAfterMsMax));
    start();
  };

  /** Tells together what waited. */
  const tellHeld = (): void => {
    cancelMorning?.();
    cancelMorning = undefined;
    const [first] = held;
    if (first === undefined) return;
    const together = held;
    held = [];
    enqueue(together.length === 1 ? first : { ...first, level: "warning", at: clock.now(), repeated: 0, held: together });
  };

  /** The clock may have been moved, also out of the quiet hours and into them: it is asked, whatever was planned. */
  const holdUntil = (endsAt: number): void => {
    cancelMorning?.();
    cancelMorning = clock.setTimer(endsAt, () => {
      const later = quiet.endsAt(clock.now());
      if (later === undefined) tellHeld();
      else holdUntil(later);
    });
  };

  const isUrgent = ({ level, code }: AlertMessage): boolean =>
    level === "critical" || (level === "resolved" && describeCode(code).severity === "critical");

  return {
    name: channel.name,
    put: (message: AlertMessage): void => {
      const endsAt = quiet.endsAt(message.at);
      if (endsAt === undefined) tellHeld();
      else if (!isUrgent(message)) {
        held.push(message);
        if (held.length > limits.queueMax) {
          held.shift();
          lose(1);
        }
        holdUntil(endsAt);
        return;
      }
      // The log takes all of them: it is where the others are looked up.
      if (channel.isLoud && message.level === "warning" && isOverRate(message.at)) {
        figures = { ...figures, limited: figures.limited + 1 };
        return;
      }
      enqueue(message);
    },
    noteRepeated: (): void => {
      figures = { ...figures, repeated: figures.repeated + 1 };
    },
    figures: (): AlertFigures => ({ ...figures, waiting: queue.length, held: held.length, lastFailure }),
    /** @returns undefined when nothing waits */
    close: (): Promise<void> | undefined => {
      isClosing = true;
      tellHeld();
      cancelRetry?.();
      cancelRetry = undefined;
      start();
      return sending;
    },
    giveUp: (): void => {
      isClosed = true;
      for (const { held: together } of queue.splice(0)) lose(together?.length ?? 1);
    },
  };
};

/** The structured log as a channel: always there, cannot be dead. Fits a pino logger. */
export interface AlertLog {
  error(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  info(fields: object, text: string): void;
}

export const createLogAlertChannel = (log: AlertLog): AlertChannel => {
  const fields = ({ code, runbook, repeated }: AlertMessage): object => ({ code, meaning: safetyCodes[code], runbook, repeated });
  return {
    name: "log",
    sendCritical: async (message) => log.error(fields(message), message.text),
    sendWarning: async (message) => log.warn(fields(message), message.text),
    resolved: async (message) => log.info(fields(message), `resolved: ${message.text}`),
  };
};
