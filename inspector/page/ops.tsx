/** Maintenance file by file, what is planned, alerts, gaps and hours of the archive (spec I9). */
import type { ComponentChildren } from "preact";
import type { OpsSight } from "#core/runtime/ops-sight.ts";
import { hasToken, ops } from "./connection.ts";
import { bytes, clock, count, duration, minute } from "./format.ts";
import { needToken } from "./machines.tsx";
import { backupText, gapsText, hoursOf, runText, scheduleText } from "./ops.ts";
import { words } from "./words.ts";

const Card = ({ id, title, children }: { readonly id: string; readonly title: string; readonly children: ComponentChildren }) => (
  <section class="card wide" aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {children}
  </section>
);

/** A table that may be wider than a phone: it scrolls in a box that a key can reach. */
const Table = ({
  labelledBy,
  titles,
  rows,
}: {
  readonly labelledBy: string;
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
  <section class="scroll tall" tabIndex={0} aria-labelledby={labelledBy}>
    <table aria-labelledby={labelledBy}>
      <thead>
        <tr>
          {titles.map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells, index) => (
          <tr key={`${index} ${cells[0]}`}>
            {cells.map((cell, column) => (
              <td key={titles[column]}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

const Run = ({ run }: { readonly run: OpsSight["run"] }) => (
  <>
    <p class={run?.outcome === "failed" || run?.outcome === "refused" ? "out" : ""}>{runText(run)}</p>
    {run !== null && (
      <>
        {run.unchanged > 0 && <p class="quiet">{words.ops.unchanged(run.unchanged)}</p>}
        {run.notes.length > 0 && (
          <ul>
            {run.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
        {run.files.length > 0 && (
          <Table
            labelledBy="maintenance"
            titles={[words.ops.file, words.ops.became, words.ops.size, words.ops.why]}
            rows={run.files.map((file) => [file.path, file.became, file.bytes === null ? "–" : bytes(file.bytes), file.reason])}
          />
        )}
        {run.filesLeftOut > 0 && <p class="quiet">{words.ops.leftOut(run.filesLeftOut)}</p>}
      </>
    )}
  </>
);

const Alerts = ({ alerts: { recent, open, channels } }: { readonly alerts: OpsSight["alerts"] }) => (
  <>
    <p class={open.length > 0 ? "out" : ""}>{open.length > 0 ? words.ops.open(open) : words.ops.allResolved}</p>
    <ul>
      {Object.entries(channels).map(([name, { sent, lost, waiting, held, lastFailure }]) => (
        <li key={name} class={lost > 0 ? "out" : ""}>
          {words.ops.channel(name, sent, lost, waiting + held)}
          {lastFailure === null ? "" : words.ops.lastFailure(lastFailure)}
        </li>
      ))}
    </ul>
    {recent.length === 0 ? (
      <p class="quiet">{words.ops.noAlerts}</p>
    ) : (
      <ol class="changes">
        {recent.map(({ at, level, code, text, repeated }) => (
          <li key={`${at} ${code} ${text}`}>
            <span class="quiet">{minute(at)}</span>
            <span>
              <b class={level === "critical" ? "out" : ""}>{words.ops.level[level]}</b> <code>{code}</code> {text}
            </span>
            <span class="quiet">{repeated > 0 ? words.ops.again(repeated) : ""}</span>
          </li>
        ))}
      </ol>
    )}
  </>
);

const Gaps = ({ gaps }: { readonly gaps: OpsSight["gaps"] }) => (
  <>
    <p class={gaps.counts.critical > 0 ? "out" : ""}>{gapsText(gaps)}</p>
    {gaps.recent.length > 0 && (
      <Table
        labelledBy="gaps"
        titles={[words.ops.symbol, words.ops.lasted, words.ops.severity, words.ops.why, words.ops.from]}
        rows={gaps.recent.map(({ stream, symbol, from, to, severity, reason }) => [
          `${symbol} (${stream})`,
          duration(to - from),
          severity,
          reason,
          `${minute(from).slice(0, 10)} ${clock(from)} UTC`,
        ])}
      />
    )}
  </>
);

export const Ops = () => {
  const shown = ops.value;
  if (shown === undefined || shown === null) return hasToken.value ? <p class="empty">{words.ops.asking}</p> : needToken;
  const hours = hoursOf(shown.hours);
  return (
    <>
      <h1>{words.ops.title}</h1>
      <div class="cards">
        <Card id="backup" title={words.ops.lastVerified}>
          <p class={shown.lastVerified === null ? "warned" : ""}>{backupText(shown.lastVerified, shown.at)}</p>
        </Card>
        <Card id="maintenance" title={words.ops.run}>
          <Run run={shown.run} />
        </Card>
        <Card id="schedule" title={words.ops.schedule}>
          {shown.schedule.length === 0 ? (
            <p class="quiet">{words.ops.noSchedule}</p>
          ) : (
            <ul>
              {shown.schedule.map((line) => (
                <li key={line.name}>
                  {scheduleText(line, shown.at)} <span class="quiet">({line.when})</span>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Card id="alerts" title={words.ops.alerts}>
          <Alerts alerts={shown.alerts} />
        </Card>
        <Card id="gaps" title={words.ops.gaps}>
          <Gaps gaps={shown.gaps} />
        </Card>
        <Card id="hours" title={words.ops.hours}>
          {hours.length === 0 ? (
            <p class="quiet">{words.ops.noHours}</p>
          ) : (
            <Table
              labelledBy="hours"
              titles={[words.ops.hour, words.ops.rowsReceived, words.ops.rowsOnDisk]}
              rows={hours.map(({ fromAt, received, persisted }) => [minute(fromAt), count(received), count(persisted)])}
            />
          )}
        </Card>
      </div>
    </>
  );
};
