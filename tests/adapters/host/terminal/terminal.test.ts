/** What a person sees in a terminal while a session runs. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FrameOptions, money, percent, renderFrame, renderLine } from "#adapters/host/terminal/frame.ts";
import { createTerminalView, type TerminalOut } from "#adapters/host/terminal/terminal.ts";
import { exampleStatus } from "../page/example-status.ts";

const plain: FrameOptions = { address: "http://127.0.0.1:8420/", colour: false, unicode: true };
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
const withoutEscapes = (text: string): string => text.replace(/\x1b\[[?\d;]*[a-zA-Z]/g, "");

describe("a frame of the live view", () => {
  it("shows time, progress, states, lanes, orders, position, PnL, archive and where the page is (E8)", () => {
    expect(renderFrame(exampleStatus(), 80, plain)).toBe(
      `QTS 0.1.0 · us-equity-20131007 · recovered, epoch 3
2013-10-07 14:42:17 UTC  ━━━━━━━━━━━━━━━━━━━━━━━━───────────────────────  52.3 %

Safety     NORMAL      Operating  BALANCED    Trading  open

    waiting oldest accepted handled dropped collapsed sampled dead    p50    p99
P0        0      -      480     480       0         0       0    0 0.11ms 0.42ms
P1       22 4.00ms  120,334 119,000      10     1,301       0    1 0.80ms 6.25ms
P2        0      -    4,300   4,298       0         2       0    0 1.00ms 9.00ms
P3      800   5.2s      900       0       0         0     100    0      -      -
   paused, and holding what comes: P3

Orders     2 open of 121 · 110 filled, 5 canceled, 3 denied, 1 rejected
Position   SPY 100 · IBM -20
PnL        +123.45 USD
Archive    received 120,334, persisted 120,330 (99.99 %)
Sources    broker 480, 2 reconnects, waits · feed 120,334
Dead       1, the latest market.trade.ticked, strategy: divided by zero
Restarts   feed 1

Page       http://127.0.0.1:8420/`,
    );
  });

  it("shows what was lost, and only that", () => {
    const losses = { alerts: 0, effectsWithheld: 0, signals: 1200, deadLettersForgotten: 0, logLines: 3 };
    const frame = renderFrame(exampleStatus({ losses }), 80, plain);
    expect(frame).toContain("\nLost       1,200 signals that came too late, 3 log lines\n");
  });

  it("shows why safety is not NORMAL and since when, and the kill switch with its file", () => {
    const since = "2013-10-07T14:02:11.000Z";
    const parts = {
      posture: { cause: "FS120", reason: "lee: news", since },
      "kill-switch": { state: "on", on: 1, reason: "quotes look stale", since, path: "/srv/qts/KILL" },
    };
    const frame = renderFrame(exampleStatus({ safety: "LOCKDOWN", parts }), 100, plain);
    expect(frame).toContain("\nCause      FS120 since 2013-10-07 14:02 UTC: lee: news\n");
    expect(frame).toContain("\nKill       switch on since 2013-10-07 14:02 UTC: quotes look stale /srv/qts/KILL\n");
    const unwatched = renderFrame(exampleStatus({ parts: { "kill-switch": { state: "not watched" } } }), 80, plain);
    expect(unwatched).toContain("\nKill       switch not watched: killSwitch.available is false\n");
  });

  it("shows what would command the terminal in the words of others, and sends none of it", () => {
    const hostile = "a\u001b[2J\u009b2J\u202eb\r\nforged";
    const parts = { posture: { cause: "FS120", reason: hostile, since: "2013-10-07T14:02:11.000Z" } };
    const trading = { open: false, why: hostile };
    const status = exampleStatus({ safety: "LOCKDOWN", parts, trading, positions: { [hostile]: 3 }, session: hostile });
    const frame = renderFrame(status, 200, plain);
    for (const text of [frame, renderLine(status)]) expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    expect(frame).not.toMatch(/^forged/m);
    expect(frame.split("a\\u001b[2J\\u009b2J\\u202eb\\r\\nforged")).toHaveLength(5);
  });

  it("shows each lane's capacity too where there is room", () => {
    const wide = renderFrame(exampleStatus(), 140, plain).split("\n");
    const titles = "waiting oldest accepted handled dropped collapsed sampled dead p50 p99";
    expect(
      wide
        .find((line) => line.includes("oldest"))
        ?.trim()
        .split(/\s+/),
    ).toEqual(titles.split(" "));
    expect(wide.find((line) => line.startsWith("P3"))?.split(/\s{2,}/)).toEqual([
      "P3",
      "800/50,000",
      "5,200 ms",
      "900",
      "0",
      "0",
      "0",
      "100",
      "0",
      "-",
      "-",
    ]);
  });

  it("shortens in 80 cells what does not fit, however long it runs", () => {
    const lanes = exampleStatus().lanes;
    const long = {
      ...lanes.P1,
      accepted: 1_234_567_890,
      handled: 999_999_999,
      dropped: 12_345_678,
      p99Ms: 12_345,
      oldestAgeMs: 7_200_000,
    };
    const frame = renderFrame(exampleStatus({ lanes: { ...lanes, P1: long } }), 80, plain).split("\n");
    expect(frame.find((line) => line.startsWith("P1"))?.split(/\s+/)).toEqual([
      "P1",
      "22",
      "120m",
      "1.23B",
      "1B",
      "12.3M",
      "1,301",
      "0",
      "1",
      "0.80ms",
      "12.3s",
    ]);
  });

  it("says why trading is closed", () => {
    const frame = renderFrame(
      exampleStatus({ safety: "LOCKDOWN", trading: { open: false, why: "locked down by mina" } }),
      80,
      plain,
    );
    expect(frame).toContain("Safety     LOCKDOWN    Operating  BALANCED    Trading  closed\n           locked down by mina\n");
  });

  it("shows no progress in live mode", () => {
    expect(renderFrame(exampleStatus({ progress: null }), 80, plain)).toContain("14:42:17 UTC    live\n");
  });

  it("needs no more than ASCII where the terminal has no more", () => {
    const frame = renderFrame(exampleStatus(), 80, { ...plain, unicode: false });
    expect([...frame].every((sign) => sign.charCodeAt(0) < 128)).toBe(true);
  });

  it.each([200, 120, 80, 60, 40, 20, 1])("never writes a line wider than %d cells", (width) => {
    for (const unicode of [true, false])
      for (const line of renderFrame(exampleStatus(), width, { ...plain, unicode, colour: true }).split("\n"))
        expect([...withoutEscapes(line)].length).toBeLessThanOrEqual(width);
  });

  it("says the same in colour as without", () => {
    expect(withoutEscapes(renderFrame(exampleStatus(), 80, { ...plain, colour: true }))).toBe(
      renderFrame(exampleStatus(), 80, plain),
    );
  });

  it("never rounds a share up to the whole", () => {
    expect(percent(0.999999, 2)).toBe("99.99 %");
    expect(percent(1, 2)).toBe("100.00 %");
  });

  it.each([
    { minor: 1_234_500, currency: "USD", priceScale: 4, shown: "+123.45 USD" },
    { minor: -5, currency: "USD", priceScale: 2, shown: "-0.05 USD" },
    { minor: 0, currency: "KRW", priceScale: 0, shown: "0 KRW" },
    { minor: -1_250_000, currency: "KRW", priceScale: 0, shown: "-1,250,000 KRW" },
  ])("shows $minor minor units at scale $priceScale as $shown", ({ minor, shown, ...account }) => {
    expect(money(minor, account)).toBe(shown);
  });
});

const screen = (): TerminalOut & { text: string; columns: number; rows: number; resize: () => void; listeners: number } => {
  const listeners = new Set<() => void>();
  return {
    text: "",
    columns: 80,
    rows: 24,
    write(text) {
      this.text += text;
    },
    on: (_event, listener) => listeners.add(listener),
    off: (_event, listener) => listeners.delete(listener),
    resize: () => {
      for (const listener of listeners) listener();
    },
    get listeners() {
      return listeners.size;
    },
  };
};

const framesIn = (text: string): number => text.split("\x1b[H").length - 1;

describe("the live view", () => {
  let now = 0;
  const wind = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 5) {
      now += 5;
      vi.advanceTimersByTime(5);
    }
  };
  beforeEach(() => {
    now = 0;
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const view = (out: TerminalOut, env: Record<string, string> = { TERM: "xterm", LANG: "C.UTF-8" }) =>
    createTerminalView({
      out,
      env,
      status: exampleStatus,
      clock: { monotonicMs: () => now },
      address: "http://127.0.0.1:8420/",
    });

  it("redraws at most four times a second", () => {
    const out = screen();
    const shown = view(out);
    shown.start();
    wind(10_000);
    shown.stop();
    expect(framesIn(out.text)).toBeLessThanOrEqual(41);
    expect(framesIn(out.text)).toBeGreaterThan(30);
  });

  it("draws again at once when the window changes, within the new size", () => {
    const out = screen();
    const shown = view(out);
    shown.start();
    out.text = "";
    out.columns = 40;
    out.rows = 6;
    out.resize();
    const lines = withoutEscapes(out.text).split("\r\n");
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)).toBe("Ctrl-C stops cleanly");
    for (const line of lines) expect([...line].length).toBeLessThan(40);
    shown.stop();
  });

  it("gives the cursor and the screen back when it stops, and then leaves the terminal alone", () => {
    const out = screen();
    const shown = view(out);
    const before = process.listenerCount("exit");
    shown.start();
    expect(out.text.startsWith("\x1b[?1049h\x1b[?25l")).toBe(true);
    shown.stop();
    shown.stop();
    expect(out.text.endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
    expect(out.text.split("\x1b[?1049l")).toHaveLength(2);
    const length = out.text.length;
    wind(2000);
    shown.draw();
    expect(out.text.length).toBe(length);
    expect(out.listeners).toBe(0);
    expect(process.listenerCount("exit")).toBe(before);
  });

  it("uses no colour under NO_COLOR, and is live all the same", () => {
    const out = screen();
    const shown = view(out, { TERM: "xterm", NO_COLOR: "1" });
    shown.start();
    shown.stop();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what must not be there.
    expect(out.text).not.toMatch(/\x1b\[[\d;]*m/);
    expect(framesIn(out.text)).toBe(1);
  });

  it("prints a plain line every five seconds where the cursor cannot move", () => {
    const out = screen();
    const shown = view(out, { TERM: "dumb" });
    shown.start();
    wind(10_000);
    shown.stop();
    expect(out.text).not.toContain("\x1b");
    const lines = out.text.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(
      "2013-10-07 14:42:17 UTC | 52.3 % | safety NORMAL | operating BALANCED | trading open | 2 open orders | +123.45 USD | received 120,334, persisted 120,330",
    );
  });
});
