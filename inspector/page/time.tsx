/** Time: tracks of states, a cursor that steps and plays, filters; the past looks like the past (spec I8). */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { changes, lost, sight } from "./connection.ts";
import { clock, count, counted, duration, minute } from "./format.ts";
import { moveText, needToken } from "./machines.tsx";
import {
  differences,
  doneBy,
  type Entry,
  entriesOf,
  isRestart,
  knownFrom,
  matches,
  neighbour,
  playWaitMs,
  statesAt,
  type Track,
  tracksOf,
} from "./time.ts";
import { words } from "./words.ts";

const speeds = [1, 4, 16, 64] as const;
const listed = 200;

const address = (seq: number, other: number | null): string => `#/time/${seq}${other === null ? "" : `/${other}`}`;

/** Widths are attributes of the drawing: the policy of the page allows no style in an element. */
const TrackLine = ({
  track,
  fromAt,
  untilAt,
  cursorAt,
}: {
  readonly track: Track;
  readonly fromAt: number;
  readonly untilAt: number;
  readonly cursorAt: number | null;
}) => {
  const x = (at: number): number => ((at - fromAt) / Math.max(1, untilAt - fromAt)) * 1000;
  const states = [...new Set(track.stretches.map(({ state }) => state))];
  return (
    <li>
      <a href={`#/machines/${track.actor}`}>{track.actor}</a>{" "}
      <span class="quiet">{words.time.moves(track.stretches.length - 1, track.stretches.at(-1)?.state ?? "–")}</span>
      <svg class="track" viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">
        {track.stretches.map((stretch) => (
          <rect
            key={`${stretch.fromAt} ${stretch.state}`}
            class={`tone${states.indexOf(stretch.state) % 4}`}
            x={x(stretch.fromAt)}
            width={Math.max(2, x(stretch.untilAt) - x(stretch.fromAt) - 1)}
            height="20"
          >
            <title>{`${stretch.state}, ${clock(stretch.fromAt)}`}</title>
          </rect>
        ))}
        {cursorAt !== null && <rect class="cursor" x={x(cursorAt) - 1.5} width="3" height="20" />}
      </svg>
    </li>
  );
};

const EntryLine = ({ entry, cursor }: { readonly entry: Entry; readonly cursor: number | null }) => {
  if (entry.type === "quiet") return <li class="pause">{words.time.quiet(duration(entry.ms))}</li>;
  const { change, times } = entry;
  const where = change.orderId === null ? `#/machines/${change.actor}` : `#/orders/${encodeURIComponent(change.orderId)}`;
  return (
    <li class={`${change.seq === cursor ? "here" : ""} ${isRestart(change) ? "restart" : ""}`}>
      <a href={address(change.seq, null)} aria-current={change.seq === cursor ? "true" : undefined}>
        <time>{clock(change.at)}</time> <span class="quiet">{words.time.record(change.seq)}</span>
      </a>
      <span>
        <a href={where}>{change.orderId ?? change.actor}</a> <code>{change.fact}</code> {moveText(change)}
        {isRestart(change) && <b> {words.time.restart}</b>}
        {change.refusal !== null && <span class="out"> {words.time.refused(change.refusal)}</span>}
      </span>
      <span class="quiet">{times > 1 ? counted(times, "time") : ""}</span>
    </li>
  );
};

const go = (to: string): void => {
  location.hash = to;
};

/** @param seq the record at the cursor; null: now */
export const Time = ({ seq, other }: { readonly seq: number | null; readonly other: number | null }) => {
  const shown = sight.value;
  const filter = useSignal("");
  const speed = useSignal<number | null>(null);
  const filtered = changes.value.filter((change) => matches(change, { words: filter.value }));
  const entries = entriesOf(filtered);
  const cursor = seq ?? shown?.seq ?? 0;
  const next = neighbour(entries, cursor, 1);
  const previous = neighbour(entries, cursor, -1);
  const here = changes.value.findLast((change) => change.seq <= cursor);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") go("#/time");
      else if (event.key === "[" && previous !== undefined) go(address(previous.seq, null));
      else if (event.key === "]" && next !== undefined) go(address(next.seq, null));
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [previous?.seq, next?.seq]);

  useEffect(() => {
    if (speed.value === null || seq === null) return undefined;
    if (next === undefined) {
      speed.value = null;
      return undefined;
    }
    const timer = setTimeout(() => go(address(next.seq, null)), playWaitMs(here, next, speed.value));
    return () => clearTimeout(timer);
  }, [speed.value, seq, next?.seq]);

  if (shown === undefined) return needToken;
  const first = changes.value[0];
  const fromAt = knownFrom(changes.value) ?? shown.at;
  const states = statesAt(changes.value, shown.machines, cursor);
  const at = entries.findIndex((entry) => entry.type === "change" && entry.change.seq > cursor);
  const until = at === -1 || seq === null ? entries.length : Math.min(entries.length, at + listed / 2);
  const visible = entries.slice(Math.max(0, until - listed), until).reverse();
  const isPast = seq !== null;
  const done = seq === null ? [] : doneBy(changes.value, seq);
  const found = seq === null || other === null ? [] : differences(changes.value, shown.machines, seq, other);
  return (
    <div class={isPast ? "past" : ""}>
      <h1>
        {isPast
          ? words.time.past(here === undefined ? words.time.before : `${minute(here.at).slice(0, 10)} ${clock(here.at)} UTC`, seq)
          : words.time.title}
      </h1>
      {isPast && (
        <p>
          <b>{words.time.isPast}</b> <a href="#/time">{words.time.back}</a>
        </p>
      )}
      <p class="quiet">{words.time.reach(changes.value.length, minute(fromAt), lost.value)}</p>
      <fieldset class="choice" aria-label={words.time.controls}>
        <button type="button" disabled={previous === undefined} onClick={() => previous && go(address(previous.seq, null))}>
          {words.time.previous}
        </button>
        <button type="button" disabled={next === undefined} onClick={() => next && go(address(next.seq, null))}>
          {words.time.next}
        </button>
        {speeds.map((times) => (
          <button
            key={times}
            type="button"
            aria-pressed={speed.value === times}
            onClick={() => {
              speed.value = speed.value === times ? null : times;
              if (seq === null && first !== undefined) go(address(first.seq, null));
            }}
          >
            {words.time.play(times)}
          </button>
        ))}
      </fieldset>
      <h2 class="apart">{words.time.tracks}</h2>
      <ul class="tree">
        {tracksOf(changes.value, shown.machines, shown.at).map((track) => (
          <TrackLine
            key={track.actor}
            track={track}
            fromAt={fromAt}
            untilAt={shown.at}
            cursorAt={isPast ? (here?.at ?? null) : null}
          />
        ))}
      </ul>
      {isPast && (
        <section class="card" aria-labelledby="did">
          <h2 id="did">{words.time.did(seq)}</h2>
          {done.length === 0 ? (
            <p class="quiet">{words.time.didNothing}</p>
          ) : (
            <ul>
              {done.map((change) => (
                <li key={change.number}>
                  <b>{change.orderId ?? change.actor}</b> <code>{change.fact}</code> {moveText(change)}{" "}
                  {change.effects.length > 0 && words.time.asked(change.effects)}
                  {change.refusal !== null && <span class="out"> {words.time.refused(change.refusal)}</span>}
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      {isPast && (
        <section class="card">
          <h2>{words.time.states}</h2>
          <dl>
            {Object.entries(states).map(([actor, state]) => (
              <div key={actor}>
                <dt>{actor}</dt>
                <dd>{state}</dd>
              </div>
            ))}
          </dl>
          <p>
            {other === null ? (
              <a href={address(seq, shown.seq)}>{words.time.compare}</a>
            ) : (
              <a href={address(seq, null)}>{words.time.alone}</a>
            )}
          </p>
        </section>
      )}
      {isPast && other !== null && (
        <section class="card" aria-labelledby="differences">
          <h2 id="differences">{words.time.between(seq, other)}</h2>
          {found.length === 0 ? (
            <p>{words.time.same}</p>
          ) : (
            <ul>
              {found.map(({ actor, before, after }) => (
                <li key={actor}>{words.time.differs(actor, before, after)}</li>
              ))}
            </ul>
          )}
        </section>
      )}
      <label class="search">
        {words.time.only}{" "}
        <input
          type="search"
          value={filter.value}
          placeholder={words.time.onlyHint}
          onInput={({ currentTarget }) => {
            filter.value = currentTarget.value;
          }}
        />
      </label>
      <h2 class="apart">{words.time.changes(count(filtered.length))}</h2>
      <ol class="changes">
        {visible.map((entry) => (
          <EntryLine
            key={entry.type === "quiet" ? `quiet ${entry.afterNumber}` : entry.change.number}
            entry={entry}
            cursor={seq}
          />
        ))}
      </ol>
    </div>
  );
};
