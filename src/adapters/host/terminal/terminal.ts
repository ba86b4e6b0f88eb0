/**
 * The live view of a running session in a terminal: redrawn in place at most four times a second, gone without a trace
 * when it stops. Where the cursor cannot be moved (TERM=dumb) a plain line is printed every few seconds instead.
 */
import type { HouseStatus } from "#core/runtime/report.ts";
import { type FrameOptions, renderFrame, renderLine } from "./frame.ts";

/** The part of a TTY's WriteStream that the view needs. */
export interface TerminalOut {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

export interface TerminalViewOptions {
  readonly out: TerminalOut;
  readonly status: () => HouseStatus;
  /** Of the page. */
  readonly address?: string;
  /** The same with its token. */
  readonly addressWithToken?: string;
  /** Elapsed real time; in a replay `now()` is market time and of no use for drawing. */
  readonly clock: { monotonicMs(): number };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface TerminalView {
  start(): void;
  /** Draws now, unless the last frame is younger than a quarter of a second. */
  draw(): void;
  /** Leaves the terminal as it was found; twice is fine. */
  stop(): void;
}

const frameMsMin = 250;
const plainLineMs = 5000;

// The alternate screen: a resize cannot leave torn lines behind, and the scroll-back stays as it was.
const enter = "\x1b[?1049h\x1b[?25l";
const leave = "\x1b[?25h\x1b[?1049l";
const home = "\x1b[H";
const clearLine = "\x1b[K";
const clearBelow = "\x1b[J";

/** https://no-color.org: set and not empty means no colour; a dumb terminal cannot move its cursor either. */
const abilitiesOf = (env: TerminalViewOptions["env"]): { moves: boolean; colour: boolean; unicode: boolean } => {
  const moves = env.TERM !== "dumb" && env.TERM !== undefined && env.TERM !== "";
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return { moves, colour: moves && !env.NO_COLOR, unicode: /utf-?8/i.test(locale) };
};

export const createTerminalView = (given: TerminalViewOptions): TerminalView => {
  const { out, status, address, addressWithToken, clock, env } = given;
  const { moves, colour, unicode } = abilitiesOf(env);
  const options: FrameOptions = { colour, unicode, ...(address === undefined ? {} : { address }), addressWithToken };
  const everyMs = moves ? frameMsMin : plainLineMs;
  let timer: NodeJS.Timeout | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;

  const drawNow = (): void => {
    drawnAt = clock.monotonicMs();
    if (!moves) {
      out.write(`${renderLine(status())}\n`);
      return;
    }
    // The last column and the last row stay free: writing into them makes some terminals scroll.
    const [width, height] = [(out.columns ?? 80) - 1, Math.max(2, (out.rows ?? 24) - 1)];
    const lines = renderFrame(status(), width, options).split("\n");
    const visible = [...lines.slice(0, height - 1), "Ctrl-C stops cleanly".slice(0, width)];
    out.write(`${home}${visible.map((text) => `${text}${clearLine}`).join("\r\n")}${clearBelow}`);
  };
  const draw = (): void => {
    if (timer !== undefined && clock.monotonicMs() - drawnAt >= everyMs) drawNow();
  };
  const restore = (): void => {
    if (moves) out.write(leave);
  };
  const onResize = (): void => {
    drawnAt = Number.NEGATIVE_INFINITY;
    draw();
  };

  return {
    draw,
    start: () => {
      if (timer !== undefined) return;
      // Drawing is never a reason to stay alive. Half the interval, so that a late timer does not halve the frame rate.
      timer = setInterval(draw, everyMs / 2);
      timer.unref();
      if (moves) {
        out.write(enter);
        out.on("resize", onResize);
        // A crash must not leave a person in a terminal without a cursor.
        process.once("exit", restore);
      }
      drawNow();
    },
    stop: () => {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      if (!moves) return;
      out.off("resize", onResize);
      process.off("exit", restore);
      restore();
    },
  };
};
