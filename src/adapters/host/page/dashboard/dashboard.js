// Asks /status once a second and writes the answer into the page. Text only, never markup: nothing here can inject.
// @ts-check

const everyMs = 1000;
const answerMsMax = 3000;
const counts = new Intl.NumberFormat("en");
const money = (minor, { currency, priceScale }) => {
  const digits = Math.min(2, priceScale);
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" };
  return `${(minor / 10 ** priceScale).toLocaleString("en", format)} ${currency}`;
};

const count = (value) => counts.format(value);
const share = (value, digits) => `${(Math.floor(value * 100 * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;
const ms = (value) => (value < 10 ? `${value.toFixed(2)} ms` : `${count(Math.round(value))} ms`);

const show = (name, text) => {
  const element = document.querySelector(`[data-value="${name}"]`);
  if (element && element.textContent !== text) element.textContent = text;
};

const level = (name, value) => {
  const element = document.querySelector(`[data-state="${name}"]`);
  if (element instanceof HTMLElement && element.dataset.level !== value) element.dataset.level = value;
};

/** One row per entry: a heading and its values. Rows are kept and only their text changes, so that a selection survives. */
const fill = (id, rows) => {
  const body = document.getElementById(id);
  if (!(body instanceof HTMLTableSectionElement)) return;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(([heading, ...values], at) => {
    const row = body.rows[at] ?? body.insertRow();
    if (row.cells.length !== values.length + 1) {
      const title = document.createElement("th");
      title.scope = "row";
      row.replaceChildren(title, ...values.map(() => document.createElement("td")));
    }
    [heading, ...values].forEach((value, column) => {
      const cell = row.cells[column];
      const text = String(value);
      if (!cell || cell.textContent === text) return;
      cell.textContent = text;
      if (column > 0) cell.className = text === "0" || text === "–" ? "zero" : "";
    });
  });
};

const safetyLevels = { recovering: "watch", NORMAL: "calm", WARNING: "watch", FAIL: "alarm", LOCKDOWN: "alarm" };
const degradations = {
  NORMAL: "all lanes run",
  P3_PAUSED: "P3 is paused",
  P2_P3_PAUSED: "P2 and P3 are paused",
  CRITICAL_ONLY: "critical facts only",
};
const lossWords = {
  alerts: "alerts",
  effectsWithheld: "effects",
  signals: "signals",
  deadLettersForgotten: "letters of facts given up",
  logLines: "log lines",
};
const lossRows = ({ losses }) =>
  Object.entries(lossWords).flatMap(([name, words]) => (losses[name] > 0 ? [[`${words} lost`, count(losses[name])]] : []));
const minuteOf = (iso) => `${iso.slice(0, 16).replace("T", " ")} UTC`;
const causeText = ({ safety, parts: { posture } }) =>
  safety === "NORMAL" || !posture?.cause ? "" : `${posture.cause} since ${minuteOf(posture.since)}: ${posture.reason}`;
const killSwitchText = ({ parts }) => {
  const { state, reason, since, path } = parts["kill-switch"] ?? {};
  if (state === "on") return `Kill switch on since ${minuteOf(since)}: ${reason}${path === null ? "" : ` (${path})`}`;
  if (state === "unreadable") return `Kill switch without effect: ${reason}`;
  return state === "not watched" ? "Kill switch not watched: killSwitch.available is false" : "";
};
let announced = "";

const announce = (status) => {
  const sentence = `Safety ${status.safety}, operating ${status.operating}, trading ${status.trading.open ? "open" : "closed"}.`;
  const region = document.getElementById("announce");
  if (region && sentence !== announced) region.textContent = sentence;
  announced = sentence;
};

const showStatus = (status) => {
  const [date = "", time = ""] = status.marketTime.split("T");
  document.title = `${status.safety === "NORMAL" ? "" : `${status.safety} · `}QTS ${status.session}`;
  show("session", status.session);
  show("recovered", status.recovered ? `recovered, epoch ${status.epoch}` : "");
  show("trading", status.trading.open ? "Trading open" : `Trading closed: ${status.trading.why}`);
  level("trading", status.trading.open ? "calm" : "watch");
  show("clock", time.slice(0, 8));
  show("date", `UTC, ${date}, market time`);
  document.querySelector(".progress")?.toggleAttribute("hidden", status.progress === null);
  const progress = document.getElementById("progress");
  if (progress instanceof HTMLProgressElement) progress.value = status.progress ?? 0;
  show("progress", status.progress === null ? "" : share(status.progress, 1));

  const { received, persisted, refused, errored } = status.archive;
  const missing = received - persisted - refused - errored;
  show("persistedShare", received === 0 ? "–" : share(persisted / received, 2));
  show(
    "archive",
    `${count(persisted)} of ${count(received)}; ${count(missing)} on the way, ${count(refused)} refused, ${count(errored)} failed`,
  );
  level("archive", errored > 0 ? "alarm" : "calm");
  show("safety", status.safety);
  level("safety", safetyLevels[status.safety] ?? "alarm");
  show("degradation", degradations[status.degradation] ?? status.degradation);
  show("cause", causeText(status));
  show("killSwitch", killSwitchText(status));
  show("operating", status.operating);
  show("holding", `${count(status.openOrders)} open orders, ${count(Object.keys(status.positions).length)} positions`);
  show("pnl", money(status.pnlMinor, status.account));

  fill(
    "lanes",
    Object.entries(status.lanes).map(([name, lane]) => [
      lane.paused ? `${name} (paused)` : name,
      `${count(lane.depth + lane.inProgress)} / ${count(lane.capacity)}`,
      lane.depth === 0 ? "–" : ms(lane.oldestAgeMs),
      ...[lane.accepted, lane.handled, lane.dropped, lane.collapsed, lane.sampled, lane.deadLettered].map(count),
      ...[lane.p50Ms, lane.p99Ms, lane.maxMs].map((value) => (lane.handled === 0 ? "–" : ms(value))),
    ]),
  );
  document.getElementById("letters-section")?.toggleAttribute("hidden", status.deadLetters.length === 0);
  fill(
    "letters",
    status.deadLetters.map(({ type, handler, kept, reasons, reason }) => [
      type,
      handler,
      count(kept),
      reasons > 1 ? `${reason}, and ${count(reasons - 1)} other reasons` : reason,
    ]),
  );
  fill(
    "sources",
    Object.entries(status.sources).map(([name, { received, reconnects, refused, paused }]) => [
      paused ? `${name} (waits)` : name,
      [
        count(received),
        ...(reconnects > 0 ? [`${count(reconnects)} reconnects`] : []),
        ...(refused > 0 ? [`${count(refused)} refused`] : []),
      ].join(", "),
    ]),
  );
  const positions = Object.entries(status.positions).map(([symbol, lots]) => [symbol, `${count(lots)} lots`]);
  fill("positions", positions.length > 0 ? positions : [["none", ""]]);
  fill(
    "orders",
    Object.entries(status.orders).map(([name, value]) => [name, count(value)]),
  );
  fill("machines", Object.entries(status.machines));
  fill("house", [
    ["ticks", count(status.market.ticks)],
    ["facts in the journal", count(status.journal.lastSeq)],
    status.journal.failure === null
      ? ["waiting for the journal", count(status.journal.pending)]
      : ["the journal", "takes nothing"],
    ["effects under way", count(status.effectsPending)],
    ["loop delay p99", ms(status.loopDelayMs.p99)],
    [
      "restarts",
      Object.entries(status.restarts)
        .map(([name, times]) => `${name} ${times}`)
        .join(", ") || "0",
    ],
    ...lossRows(status),
    ["running for", `${count(Math.round(status.elapsedMs / 1000))} s`],
  ]);
  show("version", `QTS ${status.version}`);
  show("home", status.home);
  announce(status);
};

let answeredAt = new Date();

const lose = (lost) => {
  const banner = document.getElementById("lost");
  document.body.classList.toggle("stale", lost);
  if (!banner || banner.hidden === !lost) return;
  banner.hidden = !lost;
  banner.textContent = lost
    ? `QTS does not answer since ${answeredAt.toLocaleTimeString("en-GB")}; these are its last figures.`
    : "";
};

const ask = async () => {
  try {
    const answer = await fetch("/status", { signal: AbortSignal.timeout(answerMsMax) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    showStatus(await answer.json());
    answeredAt = new Date();
    lose(false);
  } catch {
    lose(true);
  }
  setTimeout(whenSeen, everyMs);
};

/** A page that nobody looks at asks nothing. */
const whenSeen = () => {
  if (document.hidden) document.addEventListener("visibilitychange", whenSeen, { once: true });
  else ask();
};

whenSeen();
