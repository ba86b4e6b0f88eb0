/** Does it trade, why not, since when, what ends it, what may I do, what changed since I looked (spec I5). */

import type { HouseStatus } from "#core/runtime/report.ts";
import type { Explanation } from "#core/state/posture-explain.ts";
import { changes, hasToken, now, ops, sight, status } from "./connection.ts";
import { count, counted, duration, inSeoul, minute, money, ms, share } from "./format.ts";
import { Lanes } from "./lanes.tsx";
import { backupText, gapsText, scheduleText } from "./ops.ts";
import { Plots, type Span } from "./plots.tsx";
import { liveText, urgentFirst } from "./story.ts";
import { recordOfMove } from "./time.ts";
import { troublesOf } from "./troubles.ts";
import { visitBefore } from "./visit.ts";
import { changedSince } from "./visits.ts";
import { words } from "./words.ts";

/** What a person may do in each state; the runbook has the reasons. */
const advice: { readonly [safety: string]: readonly (readonly [string, string])[] } = {
  NORMAL: [["qts lockdown --reason …", "stops new orders; cancels still leave"]],
  WARNING: [["qts lockdown --reason …", "stops new orders, if you do not trust what you see"]],
  FAIL: [
    ["qts explain safety", "says it in a terminal"],
    ["qts lockdown --reason …", "keeps it closed after the cause has gone"],
  ],
  LOCKDOWN: [["qts release --operator NAME --reason …", "ends LOCKDOWN, once you know why it was locked"]],
};

const killSwitchText = ({ parts }: HouseStatus): string => {
  const { state, reason, since, path } = parts["kill-switch"] ?? {};
  if (state === "on")
    return `Kill switch on since ${minute(Date.parse(String(since)))}: ${reason}${path === null ? "" : ` (${path})`}.`;
  if (state === "unreadable") return `Kill switch without effect: ${reason}.`;
  return state === "not watched" ? "Kill switch not watched: killSwitch.available is false." : "";
};

const Moves = ({ explanation }: { readonly explanation: Explanation }) => (
  <ul class="moves">
    {explanation.moves.map(({ to, rule, clauses, blocks }) => (
      <li key={`${to}${rule}`}>
        <b>To {to}:</b>{" "}
        {clauses.map(({ clause, holds }, index) => (
          <span key={clause} class={holds === true ? "holds" : ""}>
            {index > 0 ? "; " : ""}
            {holds === true ? "✓ " : holds === null ? "? " : "✗ "}
            {clause}
          </span>
        ))}
        {blocks.map(({ reason, until }) => (
          <span key={reason}>
            ; blocked by {reason}
            {until === undefined ? "" : ` until ${minute(until)}`}
          </span>
        ))}
      </li>
    ))}
  </ul>
);

/** When the last of what trading needs came: the session runs, and the venue agrees with us. */
const sinceOpen = (): number | undefined => {
  const moved = (sight.value?.machines ?? []).filter(({ name }) => name === "orders" || name === "session");
  const times = moved.flatMap(({ since }) => since ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
};

const Verdict = ({ shown }: { readonly shown: HouseStatus }) => {
  const why = sight.value?.why;
  const { posture } = shown.parts;
  const since = posture?.since ?? null;
  const sinceAt = typeof since === "string" ? Date.parse(since) : sinceOpen();
  const killSwitch = killSwitchText(shown);
  const moment = recordOfMove(changes.value, "safety");
  const isTroubled = shown.safety !== "NORMAL";
  return (
    <section class={`verdict ${shown.trading.open ? "calm" : "watch"}`}>
      <h1>{shown.trading.open ? "It trades." : `It does not trade: ${shown.trading.why}.`}</h1>
      {shown.recovering !== null && (
        <p>
          Recovering: fact {count(shown.recovering.fact)} of {count(shown.recovering.of)}.{" "}
          <progress value={shown.recovering.fact} max={shown.recovering.of} aria-label="Recovery" />
        </p>
      )}
      {isTroubled && posture?.cause !== null && posture?.cause !== undefined && (
        <p>
          <b>Why:</b> {posture.cause}: {posture.reason}.{" "}
          {moment !== undefined && <a href={`#/time/${moment}`}>{words.now.moment}</a>}
        </p>
      )}
      {sinceAt !== undefined && (
        <p>
          <b>Since:</b> {minute(sinceAt)}, {inSeoul(sinceAt)}; {duration(Date.parse(shown.marketTime) - sinceAt)} of market time.
        </p>
      )}
      {killSwitch !== "" && <p>{killSwitch}</p>}
      {isTroubled && why !== null && why !== undefined && (
        <>
          <p>
            <b>What ends it:</b> {why.safety.sentence}
          </p>
          <Moves explanation={why.safety} />
        </>
      )}
      <p>
        <b>What you may do:</b>
      </p>
      <ul class="advice">
        {(advice[shown.safety] ?? []).map(([command, what]) => (
          <li key={command}>
            <code>{command}</code> {what}
          </li>
        ))}
      </ul>
    </section>
  );
};

const Rows = ({ rows }: { readonly rows: readonly (readonly [string, string | number] | undefined)[] }) => (
  <dl>
    {rows
      .filter((row) => row !== undefined)
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);

const Changed = ({ shown }: { readonly shown: HouseStatus }) => {
  const found = changedSince(visitBefore(), shown, now.value);
  return (
    <section class="card">
      <h2>Since you last looked</h2>
      {found === undefined ? (
        <p class="quiet">Your first look from this browser, or you never looked away.</p>
      ) : (
        <>
          <p class="quiet">{found.agoText} ago.</p>
          {found.sentences.length === 0 ? (
            <p>Nothing that matters has changed.</p>
          ) : (
            <ul>
              {found.sentences.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </section>
  );
};

/** On the first page; the orders' own has all of them. */
const liveShown = 5;

/** What stands behind: the backup that would be needed, what comes next, and what the checks said. */
const Kept = () => {
  const known = ops.value;
  const checks = sight.value?.health ?? [];
  if (!known && checks.length === 0) return null;
  return (
    <section class="card wide">
      <h2>{words.now.kept}</h2>
      <ul>
        {known && (
          <li>
            {words.ops.lastVerified}: {backupText(known.lastVerified, known.at)}
          </li>
        )}
        {(known?.schedule ?? []).map((line) => (
          <li key={line.name}>{scheduleText(line, known?.at ?? 0)}</li>
        ))}
        {checks.map(({ name, state, reason }) => (
          <li key={name} class={state === "ok" ? "" : "warned"}>
            {words.now.check(name, state, reason)}
          </li>
        ))}
      </ul>
      <a href="#/ops">{words.now.opsLink}</a>
    </section>
  );
};

export const Now = ({ span }: { readonly span: Span }) => {
  const shown = status.value;
  if (shown === undefined) return null;
  const troubles = troublesOf(shown, sight.value, ops.value);
  const { archive, orders, market, journal } = shown;
  const onTheirWay = archive.received - archive.persisted - archive.refused - archive.errored;
  const positions = Object.entries(shown.positions);
  const live = urgentFirst(sight.value?.orders ?? []).slice(0, liveShown);
  const started = new Date(now.value - shown.elapsedMs).getTime();
  const backup = shown.maintenance;
  const sources = Object.entries(shown.sources);
  return (
    <>
      <Verdict shown={shown} />
      {troubles.length > 0 && (
        <section class="troubles">
          <h2>Look at this first</h2>
          <ul>
            {troubles.map(({ level, sentence, link }) => (
              <li key={sentence} class={level}>
                {level === "alarm" ? "● " : "▲ "}
                {link === undefined ? sentence : <a href={link}>{sentence}</a>}
              </li>
            ))}
          </ul>
        </section>
      )}
      <div class="cards">
        <Changed shown={shown} />
        <section class="card">
          <h2>Is money at risk?</h2>
          <p class="large">{money(shown.pnlMinor, shown.account)}</p>
          <p class="quiet">of this session, less fees, open positions at the last trade</p>
          <Rows
            rows={[
              ...positions.map(([symbol, lots]): [string, string] => [symbol, counted(lots, "lot")]),
              positions.length === 0 ? ["positions", "none"] : undefined,
              ["open orders", count(shown.openOrders)],
              ["unknown orders", count(orders.unknown)],
              ["orders of the session", count(orders.total)],
              ["filled, canceled, expired", `${count(orders.filled)}, ${count(orders.canceled)}, ${count(orders.expired)}`],
              ["denied by us, rejected by the venue", `${count(orders.denied)}, ${count(orders.rejected)}`],
            ]}
          />
          {live.length > 0 && (
            <ul>
              {live.map((order) => (
                <li key={order.orderId} class={order.isOverdue || order.status === "unknown" ? "out" : ""}>
                  <a href={`#/orders/${encodeURIComponent(order.orderId)}`}>{order.orderId}</a>{" "}
                  {liveText(order, sight.value?.at ?? order.intendedAt)}
                </li>
              ))}
            </ul>
          )}
          <a href="#/orders">All orders</a>
        </section>
        <section class="card">
          <h2>Is data lost?</h2>
          <p class="large">{share(archive.persisted, archive.received - Math.max(0, onTheirWay))}</p>
          <p class="quiet">of the rows that are not on their way are on disk, since this run began {minute(started)}</p>
          <Rows
            rows={[
              ["received, on disk", `${count(archive.received)}, ${count(archive.persisted)}`],
              ["on their way", count(onTheirWay)],
              ["refused, failed", `${count(archive.refused)}, ${count(archive.errored)}`],
              ops.value ? ["gaps", gapsText(ops.value.gaps)] : undefined,
              ["ticks", count(market.ticks)],
              market.to === null
                ? undefined
                : ["newest tick", `${duration(Date.parse(shown.marketTime) - Date.parse(market.to))} old`],
              ...sources.map(([name, { received, reconnects, refused, paused }]): [string, string] => [
                paused ? `${name} (waits)` : name,
                [
                  count(received),
                  ...(reconnects > 0 ? [counted(reconnects, "reconnect")] : []),
                  ...(refused > 0 ? [`${count(refused)} refused`] : []),
                ].join(", "),
              ]),
              shown.progress === null
                ? undefined
                : ["recorded day", `${(Math.floor(shown.progress * 1000) / 10).toFixed(1)} % played`],
            ]}
          />
        </section>
        <section class="card">
          <h2>Is the house well?</h2>
          <Rows
            rows={[
              ["lanes", shown.degradation === "NORMAL" ? "all run" : shown.degradation],
              ["facts in the journal", count(journal.lastSeq)],
              ["waiting for the journal", journal.failure === null ? count(journal.pending) : journal.failure],
              ["effects under way", count(shown.effectsPending)],
              ["event loop p99", ms(shown.loopDelayMs.p99)],
              ["running for", duration(shown.elapsedMs)],
              ["restarts of parts", count(Object.values(shown.restarts).reduce((sum, times) => sum + times, 0))],
              ["recovered", shown.recovered ? `yes, epoch ${shown.epoch}` : "no, a fresh session"],
              [
                "backup of the latest run",
                `${count(backup.backedUp)} files, ${count(backup.verified)} verified, ${count(backup.deleted)} deleted`,
              ],
            ]}
          />
          <a href="#/machines">All machines</a>
        </section>
        <Kept />
        {hasToken.value && <Plots span={span} account={shown.account} />}
        <Lanes shown={shown} />
        {shown.deadLetters.length > 0 && (
          <section class="card wide">
            <h2>Could not be handled</h2>
            <ul>
              {shown.deadLetters.map(({ type, handler, kept, reasons, reason }) => (
                <li key={`${type}${handler}${reason}`}>
                  <code>{type}</code> at {handler}, {counted(kept, "time")}: {reason}
                  {reasons > 1 ? `, and ${counted(reasons - 1, "other reason")}` : ""}
                </li>
              ))}
            </ul>
          </section>
        )}
        {sight.value?.why && (
          <section class="card wide">
            <h2>How boldly: {sight.value.why.operating.state}</h2>
            <p>{sight.value.why.operating.sentence}</p>
            <Moves explanation={sight.value.why.operating} />
          </section>
        )}
      </div>
    </>
  );
};
