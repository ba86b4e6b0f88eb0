/** Plots of an hour or a day; the worker keeps what they show, so a reload loses nothing (spec I5). */
import type { HouseStatus } from "#core/runtime/report.ts";
import { series } from "./connection.ts";
import { clock, minute } from "./format.ts";
import { knownSince, type Plot, plotBox, plotsOf } from "./plot.ts";
import { words } from "./words.ts";

export const spans = { "1h": 3_600_000, "24h": 86_400_000 } as const;
export type Span = keyof typeof spans;
export const spanOf = (name: string | null): Span => (name === "24h" ? "24h" : "1h");

const Line = ({ plot }: { readonly plot: Plot }) => (
  <figure class="plot">
    <figcaption>
      <span>{plot.title}</span> <b>{plot.newest}</b>
    </figcaption>
    <svg viewBox={`0 -2 ${plotBox.width} ${plotBox.height + 4}`} preserveAspectRatio="none" aria-hidden="true">
      {plot.zeroY !== null && <line class="zero" x1="0" x2={plotBox.width} y1={plot.zeroY} y2={plot.zeroY} />}
      <path d={plot.path} />
    </svg>
    <p class="quiet">{plot.sentence}</p>
  </figure>
);

export const Plots = ({ span, account }: { readonly span: Span; readonly account: HouseStatus["account"] }) => {
  const shown = series.value?.spanMs === spans[span] ? series.value.series : undefined;
  const since = shown === undefined ? null : knownSince(shown);
  return (
    <section class="card wide" aria-labelledby="plots">
      <h2 id="plots">{words.plots.title}</h2>
      <nav class="choice" aria-label={words.plots.spans}>
        {Object.keys(spans).map((name) => (
          <a key={name} href={`#/now/${name}`} aria-current={name === span ? "true" : undefined}>
            {words.plots.span[name as Span]}
          </a>
        ))}
      </nav>
      {shown === undefined || since === null ? (
        <p class="quiet">{words.plots.none}</p>
      ) : (
        <>
          <p class="quiet">
            {words.plots.fromTo(
              span === "1h" ? `${clock(shown.fromAt)} UTC` : minute(shown.fromAt),
              since > shown.fromAt ? minute(since) : null,
            )}
          </p>
          <div class="plots">
            {plotsOf(shown, account).map((plot) => (
              <Line key={plot.title} plot={plot} />
            ))}
          </div>
        </>
      )}
    </section>
  );
};
