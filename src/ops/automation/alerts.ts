/**
 * Alerts on their way to people. The same alert is sent once in a while, not a thousand times; a channel has a bounded
 * queue of its own and is never waited for, so one that is dead delays nobody (spec M13).
 */
import { NewestMap } from "#core/newest.ts";
import type { Clock } from "#core/ports.ts";
import { backoffMs } from "#machines/backoff.rules.ts";
import type { Alert } from "#machines/effects.ts";
import { safetyCodes } from "#machines/safety.codes.ts";

export interface AlertMessage {
  readonly level: "critical" | "warning" | "resolved";
  readonly code: keyof typeof safetyCodes;
  readonly text: string;
  readonly at: number;
  /** How often the same alert came since it was last sent. */
  readonly repeated: number;
  /** Where to read what to do. */
  readonly runbook: string;
}

/** A way to reach people. A rejected promise is tried again; a channel sets its own time limit on the wire. */
export interface AlertChannel {
  readonly name: string;
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
}

export interface Alerts {
  readonly handlers: { readonly [T in Alert["type"]]: (effect: Extract<Alert, { type: T }>) => void };
  readonly figures: () => { readonly [channel: string]: AlertFigures };
  /** Stops retries; what waits is dropped. */
  readonly close: () => void;
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
}

/** Ten minutes: an unsolved problem stays visible and does not drown the next one. Five tries span half a minute of outage. */
export const alertLimits: AlertLimits = {
  repeatAfterMs: 600_000,
  warningsPerMinuteMax: 20,
  queueMax: 100,
  triesMax: 5,
  retryMsMin: 2_000,
  retryMsMax: 60_000,
};

/** The section of the runbook about a code. */
export const runbookOf = (code: keyof typeof safetyCodes): string => `docs/operations/runbook.md#${code.toLowerCase()}`;

/**
 * @param clock the wall clock, also in a replay: people live in real time
 */
export const createAlerts = ({
  channels,
  clock,
  limits = alertLimits,
}: {
  readonly channels: readonly AlertChannel[];
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly limits?: AlertLimits;
}): Alerts => {
  const lanes = channels.map((channel) => createLane(channel, clock, limits));
  /** By level, code and text; entries older than `repeatAfterMs` are dropped when the next alert comes. */
  /** Texts with figures in them are all different; forgetting the oldest costs one repeated message at worst. */
  const recent = new NewestMap<string, { readonly code: string; readonly sentAt: number; repeated: number }>(limits.queueMax);
  const open = new Set<string>();

  const raise = (level: "critical" | "warning", { code, text }: Alert): void => {
    const at = clock.now();
    const key = `${level} ${code} ${text}`;
    const last = recent.get(key);
    // A wall clock that was set back must not silence an alert for as long as it was set back.
    if (last !== undefined && Math.abs(at - last.sentAt) < limits.repeatAfterMs) {
      last.repeated += 1;
      for (const lane of lanes) lane.noteRepeated();
      return;
    }
    for (const [other, { sentAt }] of recent) if (Math.abs(at - sentAt) >= limits.repeatAfterMs) recent.delete(other);
    recent.set(key, { code, sentAt: at, repeated: 0 });
    open.add(code);
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
        for (const lane of lanes)
          lane.put({ level: "resolved", code, text, at: clock.now(), repeated: 0, runbook: runbookOf(code) });
      },
    },
    figures: () => Object.fromEntries(lanes.map((lane) => [lane.name, lane.figures()])),
    close: () => {
      for (const lane of lanes) lane.close();
    },
  };
};

const createLane = (channel: AlertChannel, clock: Pick<Clock, "now" | "setTimer">, limits: AlertLimits) => {
  const queue: AlertMessage[] = [];
  const warnedAt: number[] = [];
  let figures = { sent: 0, repeated: 0, limited: 0, lost: 0 };
  let isSending = false;
  let tries = 0;
  let cancelRetry: (() => void) | undefined;
  let isClosed = false;

  const send = async (message: AlertMessage): Promise<void> => {
    if (message.level === "critical") await channel.sendCritical(message);
    else if (message.level === "warning") await channel.sendWarning(message);
    else await channel.resolved(message);
  };

  const drain = async (): Promise<void> => {
    if (isSending || isClosed || cancelRetry !== undefined) return;
    isSending = true;
    for (let message = queue[0]; message !== undefined && !isClosed; message = queue[0]) {
      try {
        await send(message);
        figures = { ...figures, sent: figures.sent + 1 };
        remove(message);
        tries = 0;
      } catch {
        tries += 1;
        if (tries < limits.triesMax) {
          const waitMs = backoffMs({ firstMs: limits.retryMsMin, capMs: limits.retryMsMax }, tries - 1);
          cancelRetry = clock.setTimer(clock.now() + waitMs, () => {
            cancelRetry = undefined;
            void drain();
          });
          break;
        }
        tries = 0;
        remove(message);
        figures = { ...figures, lost: figures.lost + 1 };
      }
    }
    isSending = false;
  };

  /** By identity: while a message was being sent, a full queue may have dropped it. */
  const remove = (message: AlertMessage): void => {
    const index = queue.indexOf(message);
    if (index !== -1) queue.splice(index, 1);
  };

  const isOverRate = (at: number): boolean => {
    while (warnedAt.length > 0 && Math.abs(at - (warnedAt[0] as number)) >= 60_000) warnedAt.shift();
    if (warnedAt.length >= limits.warningsPerMinuteMax) return true;
    warnedAt.push(at);
    return false;
  };

  return {
    name: channel.name,
    put: (message: AlertMessage): void => {
      if (message.level === "warning" && isOverRate(message.at)) {
        figures = { ...figures, limited: figures.limited + 1 };
        return;
      }
      if (queue.length >= limits.queueMax) {
        // A warning gives way first; among equals the oldest, which is the least true by now.
        const index = queue.findIndex(({ level }) => level !== "critical");
        queue.splice(Math.max(0, index), 1);
        figures = { ...figures, lost: figures.lost + 1 };
      }
      queue.push(message);
      void drain();
    },
    noteRepeated: (): void => {
      figures = { ...figures, repeated: figures.repeated + 1 };
    },
    figures: (): AlertFigures => ({ ...figures, waiting: queue.length }),
    close: (): void => {
      isClosed = true;
      cancelRetry?.();
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
