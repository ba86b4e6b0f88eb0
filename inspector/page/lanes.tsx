/** The lanes' figures against their SLA, of this run (spec I5). */
import type { HouseStatus } from "#core/runtime/report.ts";
import { count, ms } from "./format.ts";
import { words } from "./words.ts";

export const Lanes = ({ shown }: { readonly shown: HouseStatus }) => (
  <section class="card wide">
    <h2 id="lanes">Lanes</h2>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard. */}
    <section class="scroll" tabIndex={0} aria-labelledby="lanes">
      <table aria-labelledby="lanes">
        <thead>
          <tr>
            {[
              "Lane",
              "Waiting",
              "Oldest",
              "Accepted",
              "Handled",
              "Dropped",
              "Collapsed",
              "Sampled",
              "Dead letters",
              "p50",
              "p99",
              "Max",
              words.now.sla.title,
            ].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(shown.lanes).map(([name, lane]) => (
            <tr key={name}>
              <th scope="row">{lane.paused ? `${name} (held)` : name}</th>
              <td>
                {count(lane.depth + lane.inProgress)} / {count(lane.capacity)}
              </td>
              <td>{lane.depth === 0 ? "–" : ms(lane.oldestAgeMs)}</td>
              <td>{count(lane.accepted)}</td>
              <td>{count(lane.handled)}</td>
              <td class={lane.dropped > 0 ? "out" : ""}>{count(lane.dropped)}</td>
              <td>{count(lane.collapsed)}</td>
              <td>{count(lane.sampled)}</td>
              <td class={lane.deadLettered > 0 ? "out" : ""}>{count(lane.deadLettered)}</td>
              {[lane.p50Ms, lane.p99Ms, lane.maxMs].map((value, index) => (
                <td key={["p50", "p99", "max"][index]}>{lane.handled === 0 ? "–" : ms(value)}</td>
              ))}
              <td class={lane.withinSla ? "" : "warned"}>{lane.withinSla ? words.now.sla.kept : words.now.sla.missed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </section>
);
