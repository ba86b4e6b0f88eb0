/** The supervisors' tree, and one machine: its chart with what is active, its last moves, and what comes next (spec I7). */

import { charts } from "virtual:charts";
import { useSignal } from "@preact/signals";
import { factsOf } from "#chart/draw.ts";
import { around, takenOf } from "#chart/graph.ts";
import type { ChangeLine, MachineLine } from "#core/runtime/inspection.ts";
import { Chart } from "./chart.tsx";
import { changes, context, lost, sight } from "./connection.ts";
import { activeStates, clock, count, counted, duration, minute, stateText } from "./format.ts";
import { dueText } from "./story.ts";
import { words } from "./words.ts";

export const needToken = (
  <p class="empty">
    Machines and orders are shown to whoever has the token of this home: open the address that <code>qts inspect</code> prints.
  </p>
);

export const ageOf = (at: number | null): string => {
  const marketAt = sight.value?.at;
  return at === null || marketAt === undefined ? "–" : duration(marketAt - at);
};

const MachineRow = ({ machine }: { readonly machine: MachineLine }) => (
  <a class={`machine ${machine.broken === null ? "" : "alarm"}`} href={`#/machines/${machine.name}`}>
    <b>{machine.name}</b>
    <span>{machine.broken === null ? stateText(machine.state) : `stopped: ${machine.broken}`}</span>
    <span class="quiet">
      {machine.since === null ? "as it began" : `for ${ageOf(machine.since)}`}
      {machine.restarts > 0 ? `, ${counted(machine.restarts, "restart")}` : ""}
    </span>
  </a>
);

const Tree = ({ under, machines }: { readonly under: string | null; readonly machines: readonly MachineLine[] }) => {
  const inside = machines.filter((machine) => machine.under === under);
  if (inside.length === 0) return null;
  return (
    <ul class="tree">
      {inside.map((machine) => (
        <li key={machine.name}>
          <MachineRow machine={machine} />
          <Tree under={machine.name} machines={machines} />
        </li>
      ))}
    </ul>
  );
};

export const Machines = () => {
  const shown = sight.value;
  if (shown === undefined) return needToken;
  return (
    <>
      <h1>Machines</h1>
      <Tree under={null} machines={shown.machines} />
      <h2 class="apart">The last changes, each kind once</h2>
      <Changes of={changes.value} withActor />
      {lost.value > 0 && <p class="quiet">{counted(lost.value, "change")} came faster than this page could be told.</p>}
    </>
  );
};

interface Folded {
  readonly change: ChangeLine;
  readonly times: number;
}

/** What repeats itself is one line with its newest time: of a calm day's changes all but a handful are timers and cycles. */
const folded = (of: readonly ChangeLine[]): Folded[] => {
  const found = new Map<string, Folded>();
  for (const change of of) {
    const { actor, orderId, fact, from, to, effects, refusal } = change;
    const key = JSON.stringify([actor, orderId, fact, from, to, effects, refusal]);
    const times = (found.get(key)?.times ?? 0) + 1;
    // The newest stands last.
    found.delete(key);
    found.set(key, { change, times });
  }
  return [...found.values()];
};

export const Changes = ({ of, withActor = false }: { readonly of: readonly ChangeLine[]; readonly withActor?: boolean }) =>
  of.length === 0 ? (
    <p class="quiet">Nothing has changed since this process began.</p>
  ) : (
    <ol class="changes">
      {folded(of)
        .slice(-50)
        .toReversed()
        .map(({ change, times }) => (
          <li key={change.number}>
            <time>{clock(change.at)}</time>
            <span>
              {withActor && (
                <a
                  href={change.orderId === null ? `#/machines/${change.actor}` : `#/orders/${encodeURIComponent(change.orderId)}`}
                >
                  {change.orderId ?? change.actor}
                </a>
              )}{" "}
              <code>{change.fact}</code> {moveText(change)}
              {change.effects.length > 0 && <span class="quiet"> asks for {change.effects.join(", ")}</span>}
              {change.refusal !== null && <span class="out"> refused: {change.refusal}</span>}
            </span>
            <span class="quiet">
              {times > 1 ? `${counted(times, "time")}, ` : ""}
              <a href={`#/time/${change.seq}`}>record {count(change.seq)}</a>
            </span>
          </li>
        ))}
    </ol>
  );

export const moveText = ({ from, to }: ChangeLine): string => {
  const [was, is] = [stateText(from), stateText(to)];
  return was === is ? `in ${is}` : `${was} → ${is}`;
};

const innermost = (value: unknown): string => activeStates(value).at(-1) ?? "";
/** Oldest first. */
const movesOf = (of: readonly ChangeLine[]): { from: string; to: string }[] =>
  of
    .map(({ from, to }) => ({ from: innermost(from), to: innermost(to) }))
    .filter(({ from, to }) => from !== to && from !== "" && to !== "");

interface WaysProps {
  readonly title: string;
  readonly ways: ReturnType<typeof around>["to"];
  readonly isMap: boolean;
}

const Ways = ({ title, ways, isMap }: WaysProps) => (
  <>
    <h3>{title}</h3>
    {ways.length === 0 ? (
      <p class="quiet">nowhere</p>
    ) : (
      <ul>
        {ways.map(({ state, labels }) => (
          <li key={state}>
            <b>{state}</b> {(isMap ? factsOf(labels) : labels).join(", ")}
          </li>
        ))}
      </ul>
    )}
  </>
);

/** Chart and words of one chart, with a state to look at. */
export const ChartWithWords = ({
  actor,
  value,
  of,
}: {
  readonly actor: string;
  readonly value: unknown;
  readonly of: readonly ChangeLine[];
}) => {
  const focus = useSignal<string | undefined>(undefined);
  const chart = charts[actor];
  if (chart === undefined) return null;
  const { graph, layout } = chart;
  const active = activeStates(value);
  const shown = focus.value ?? active.at(-1);
  const state = graph.states.find(({ id }) => id === shown);
  const ways = shown === undefined ? { from: [], to: [] } : around(graph, shown);
  const moves = movesOf(of);
  const taken = takenOf(moves);
  const lit = {
    active: new Set(active),
    moves: moves.toReversed(),
    ...(focus.value === undefined ? {} : { focus: focus.value }),
  };
  return (
    <>
      <Chart
        layout={layout}
        lit={lit}
        onState={(id) => {
          focus.value = focus.value === id ? undefined : id;
        }}
      />
      <div class="cards">
        <section class="card">
          <h2>{shown ?? "State"}</h2>
          {state !== undefined && state.description !== "" && <p>{state.description}</p>}
          <Ways title="May go to" ways={ways.to} isMap={layout.isMap} />
          <Ways title="Came from" ways={ways.from} isMap={layout.isMap} />
          {state !== undefined && state.stays.length > 0 && <p class="quiet">Stays on {state.stays.join(", ")}.</p>}
        </section>
        <section class="card">
          {taken.length > 0 && (
            <>
              <h2>Taken</h2>
              <ol>
                {taken.map(({ from, to, times }) => (
                  <li key={`${from} ${to}`}>
                    {from} → <b>{to}</b> {times > 1 ? counted(times, "time") : ""}
                  </li>
                ))}
              </ol>
            </>
          )}
          <h2>States</h2>
          <ul class="states">
            {graph.states.map(({ id }) => (
              <li key={id}>
                <button
                  type="button"
                  aria-pressed={focus.value === id}
                  onClick={() => {
                    focus.value = focus.value === id ? undefined : id;
                  }}
                >
                  {active.includes(id) ? "● " : ""}
                  {id}
                </button>
              </li>
            ))}
          </ul>
          {graph.anywhere.length > 0 && (
            <>
              <h3>From every state</h3>
              <ul>
                {graph.anywhere.map(({ to, label }) => (
                  <li key={`${to}${label}`}>
                    {label} → <b>{to}</b>
                  </li>
                ))}
              </ul>
            </>
          )}
        </section>
      </div>
    </>
  );
};

const Value = ({ value }: { readonly value: unknown }) => {
  if (Array.isArray(value))
    return value.length === 0 ? (
      <span class="quiet">none</span>
    ) : (
      <ol>
        {value.map((item, index) => (
          <li key={`${index}`}>
            <Value value={item} />
          </li>
        ))}
      </ol>
    );
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return <span class="quiet">none</span>;
    return (
      <dl class="tight">
        {entries.map(([name, inner]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Value value={inner} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  // Epoch milliseconds are recognised by their size; nothing else of ours is as large.
  if (typeof value === "number" && value > 1e12 && value < 4e12) return <span title={String(value)}>{minute(value)}</span>;
  return <span>{value === null || value === undefined ? "–" : String(value)}</span>;
};

export const ContextCard = ({ title, value }: { readonly title: string; readonly value: unknown }) => (
  <section class="card wide">
    <h2>{title}</h2>
    {value === undefined ? <p class="quiet">on its way</p> : <Value value={value} />}
  </section>
);

const deadlinesShown = 20;

export const Machine = ({ name }: { readonly name: string }) => {
  const shown = sight.value;
  if (shown === undefined) return needToken;
  const machine = shown.machines.find((one) => one.name === name);
  if (machine === undefined) return <p class="empty">There is no machine {name} in this house.</p>;
  const own = changes.value.filter(({ actor, orderId }) => actor === name && (name === "orders" || orderId === null));
  const deadlines = shown.deadlines.filter(({ actor }) => actor === name);
  const isDesk = name === "orders";
  return (
    <>
      <p>
        <a href="#/machines">Machines</a>
      </p>
      <h1>
        {name}: {stateText(machine.state)}
      </h1>
      <p class="quiet">
        {machine.since === null
          ? "It has not moved since this process began."
          : `For ${ageOf(machine.since)}, since ${minute(machine.since)}.`}
        {machine.broken === null ? "" : ` Stopped: ${machine.broken}.`} {words.machine.restarts(machine.restarts)}
      </p>
      {deadlines.length > 0 && (
        <section class="card wide">
          <h2>{words.machine.next}</h2>
          <ul>
            {deadlines.slice(0, deadlinesShown).map(({ id, at }) => (
              <li key={id}>
                <code>{id}</code> {dueText(at, shown.at)}
              </li>
            ))}
          </ul>
          {deadlines.length > deadlinesShown && (
            <p class="quiet">{words.machine.moreDeadlines(deadlines.length - deadlinesShown)}</p>
          )}
        </section>
      )}
      <ChartWithWords actor={name} value={isDesk ? undefined : machine.state} of={isDesk ? [] : own} />
      <h2 class="apart">The last changes, each kind once</h2>
      <Changes of={own} withActor={isDesk} />
      <ContextCard title="What it knows" value={context.value?.actor === name ? context.value.context : undefined} />
    </>
  );
};
