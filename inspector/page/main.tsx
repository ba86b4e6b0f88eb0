/** The page: a frame that never changes its place, and one view at a time, each with an address that can be opened again. */
import { signal } from "@preact/signals";
import { render } from "preact";
import "#chart/chart.css";
import "./page.css";
import { begin, hasToken, heardAt, link, look, now, sight, status, want } from "./connection.ts";
import { clock, duration, inSeoul } from "./format.ts";
import { Machine, Machines } from "./machines.tsx";
import { Now } from "./now.tsx";
import { Ops } from "./ops.tsx";
import { Order, Orders } from "./orders.tsx";
import { spanOf, spans } from "./plots.tsx";
import { Time } from "./time.tsx";
import { remember } from "./visit.ts";
import { words } from "./words.ts";

const route = signal("");
addEventListener("hashchange", () => {
  const isOtherView = route.value.split("/")[1] !== location.hash.split("/")[1];
  route.value = location.hash;
  // Whoever steps through time stays where they are.
  if (isOtherView || !location.hash.startsWith("#/time")) scrollTo(0, 0);
});

const views = [
  ["now", "Now"],
  ["machines", "Machines"],
  ["orders", "Orders"],
  ["time", "Time"],
  ["ops", "Ops"],
] as const;

const recordOf = (text: string | null | undefined): number | null => (/^\d{1,15}$/.test(text ?? "") ? Number(text) : null);

/** What a view asks for again and again; a figure that moves slowly is asked for slowly. */
const wantFor = (view: string, chosen: string | null): void => {
  const plots = { wish: { type: "samples", spanMs: spans[spanOf(chosen)] }, everyMs: 10_000 } as const;
  const ops = { wish: { type: "ops" }, everyMs: view === "ops" ? 5000 : 30_000 } as const;
  want(view === "now" ? [plots, ops] : view === "ops" ? [ops] : []);
};

const levels: { readonly [safety: string]: string } = { NORMAL: "calm", WARNING: "watch", recovering: "watch" };
export const levelOf = (safety: string): string => levels[safety] ?? "alarm";

const Frame = () => {
  const { value: shown } = status;
  const [, view = "now", name, more] = route.value.split("/");
  const chosen = name === undefined || name === "" ? null : decodeURIComponent(name);
  wantFor(view, chosen);
  look(view === "machines" ? chosen : null, view === "orders" ? chosen : null);
  const isOld = link.value === "lost";
  document.title =
    shown === undefined
      ? "QTS"
      : `${isOld ? "? " : ""}${shown.safety === "NORMAL" ? "" : `${shown.safety} · `}QTS ${shown.session}`;
  if (shown === undefined)
    return <main class="empty">{isOld ? "QTS does not answer. This page tries again by itself." : "Asking QTS…"}</main>;
  if (!isOld) remember(shown, now.value);
  const marketAt = Date.parse(shown.marketTime);
  return (
    <>
      <header class={`bar ${levelOf(shown.safety)}`}>
        <a class="badge" href="#/now">
          <b>{shown.safety}</b> <span>{shown.operating}</span>
        </a>
        <nav aria-label="Views">
          {views.map(([id, title]) => (
            <a key={id} href={`#/${id}`} aria-current={view === id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="clock" title="Market time">
          {clock(marketAt)} UTC <span class="quiet">{inSeoul(marketAt)}</span>
        </span>
      </header>
      {/* Said once when it changes; what counts on stands outside, or a reader would hear it every second. */}
      <p class="announce" role="status">
        {isOld ? words.frame.deadOnce : words.frame.safety(shown.safety, shown.trading.open)}
      </p>
      {isOld && <p class="banner alarm">{words.frame.dead(duration(now.value - heardAt.value))}</p>}
      <main class={isOld ? "old" : ""}>
        {view === "machines" ? (
          chosen === null ? (
            <Machines />
          ) : (
            <Machine name={chosen} key={chosen} />
          )
        ) : view === "orders" ? (
          chosen === null ? (
            <Orders />
          ) : (
            <Order orderId={chosen} />
          )
        ) : view === "time" ? (
          <Time seq={recordOf(chosen)} other={recordOf(more)} />
        ) : view === "ops" ? (
          <Ops />
        ) : (
          <Now span={spanOf(chosen)} />
        )}
      </main>
      <footer>
        QTS {shown.version} · session {shown.session}, epoch {shown.epoch} · {shown.home} · <a href="/status">status</a> ·{" "}
        <a href="/metrics">metrics</a> · <a href="/health">health</a> · <a href="/ready">ready</a>
        {!hasToken.value && sight.value === undefined && (
          <>
            {" "}
            · machines and orders need the address that <code>qts inspect</code> prints
          </>
        )}
      </footer>
    </>
  );
};

const place = document.getElementById("page");
if (place !== null) {
  // First, so that the token has left the address.
  begin();
  route.value = location.hash;
  render(<Frame />, place);
}
