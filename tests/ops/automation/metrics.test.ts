/** What a scraper reads: names that Prometheus accepts, and both conservation laws to check for itself. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createHouseMetrics, type StagesByName } from "#ops/automation/metrics.ts";
import { exampleStatus } from "../../adapters/host/page/example-status.ts";

const stages: StagesByName = {
  validation: { in: 100, out: 95, errored: 1, refusedBy: { "price.not.positive": 3, "clock.ahead": 1 } },
  guard: { in: 95, out: 95, errored: 0, refusedBy: {} },
};

/** Samples by `name{labels}`. */
const samplesOf = (text: string): Map<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1).replace("Nan", "NaN"))];
      }),
  );

const collect = async (...args: Parameters<ReturnType<typeof createHouseMetrics>["collect"]>): Promise<Map<string, number>> =>
  samplesOf(await createHouseMetrics({ processMetrics: false }).collect(...args));

const promtool = spawnSync("promtool", ["--version"]).status === 0;
const needs = promtool ? "" : " (needs promtool: apt-get install prometheus)";
const rules = join(import.meta.dirname, "../../../docs/operations/qts.rules.yaml");
const mustCheck = Boolean(process.env.CI);

describe("the metrics page", () => {
  it("lets a scraper check that every lane conserves its facts (E10)", async () => {
    const samples = await collect(exampleStatus(), stages);
    for (const lane of ["P0", "P1", "P2", "P3"]) {
      const of = (name: string): number => samples.get(`qts_lane_${name}{lane="${lane}"}`) as number;
      const accounted =
        of("handled_total") +
        of("dropped_total") +
        of("collapsed_total") +
        of("sampled_total") +
        of("dead_lettered_total") +
        of("waiting");
      expect(of("accepted_total"), lane).toBe(accounted);
    }
  });

  it("lets a scraper check that every stage conserves its rows, with the reasons of the refused (A2)", async () => {
    const samples = await collect(exampleStatus(), stages);
    const refused = [...samples].filter(([name]) => name.startsWith('qts_stage_refused_total{stage="validation"'));
    expect(refused.map(([name]) => name)).toEqual([
      'qts_stage_refused_total{stage="validation",reason="price.not.positive"}',
      'qts_stage_refused_total{stage="validation",reason="clock.ahead"}',
    ]);
    const sum = refused.reduce((total, [, count]) => total + count, 0);
    expect(samples.get('qts_stage_in_total{stage="validation"}')).toBe(
      (samples.get('qts_stage_out_total{stage="validation"}') as number) +
        sum +
        (samples.get('qts_stage_errored_total{stage="validation"}') as number),
    );
    expect(samples.get("qts_archive_received_total")).toBe(120334);
    expect(samples.get("qts_archive_persisted_total")).toBe(120330);
  });

  it("tells each lane's latencies as a histogram, its level, and whether it keeps its SLA (E8)", async () => {
    const { lanes } = exampleStatus();
    const latency = { buckets: [1, 2, 5].map((ms) => ({ ms, facts: ms < 2 ? 3 : 5 })), count: 6, sumMs: 1500 };
    const P0 = { ...lanes.P0, latency, pressure: "warning" as const, withinSla: false, overruns: 2 };
    const samples = await collect(exampleStatus({ lanes: { ...lanes, P0 } }), {});
    expect(samples.get('qts_lane_handling_seconds_bucket{lane="P0",le="0.001"}')).toBe(3);
    expect(samples.get('qts_lane_handling_seconds_bucket{lane="P0",le="0.002"}')).toBe(5);
    expect(samples.get('qts_lane_handling_seconds_bucket{lane="P0",le="+Inf"}')).toBe(6);
    expect(samples.get('qts_lane_handling_seconds_count{lane="P0"}')).toBe(6);
    expect(samples.get('qts_lane_handling_seconds_sum{lane="P0"}')).toBe(1.5);
    expect(samples.get('qts_lane_pressure{lane="P0",level="warning"}')).toBe(1);
    expect(samples.get('qts_lane_pressure{lane="P0",level="calm"}')).toBe(0);
    expect(samples.get('qts_lane_within_sla{lane="P0"}')).toBe(0);
    expect(samples.get('qts_lane_overruns_total{lane="P0"}')).toBe(2);
  });

  it("tells what became of the facts of each type, and what each source delivered (E8)", async () => {
    const samples = await collect(exampleStatus(), {});
    expect(samples.get('qts_facts_total{type="market.trade.ticked",lane="P1",outcome="accepted"}')).toBe(120334);
    expect(samples.get('qts_facts_total{type="market.trade.ticked",lane="P1",outcome="dropped"}')).toBe(10);
    expect(samples.get('qts_source_received_total{source="broker"}')).toBe(480);
    expect(samples.get('qts_source_reconnects_total{source="broker"}')).toBe(2);
    expect(samples.get('qts_source_paused{source="broker"}')).toBe(1);
    expect(samples.get('qts_source_paused{source="feed"}')).toBe(0);
  });

  it("counts from the house's figures: a second scrape repeats them and does not add them up", async () => {
    const metrics = createHouseMetrics({ processMetrics: false });
    await metrics.collect(exampleStatus(), stages);
    const samples = samplesOf(await metrics.collect(exampleStatus(), stages));
    expect(samples.get('qts_lane_handled_total{lane="P1"}')).toBe(119000);
    expect(samples.get('qts_stage_in_total{stage="guard"}')).toBe(95);
    expect(samples.get('qts_component_restarts_total{component="feed"}')).toBe(1);
  });

  it("forgets a position that was closed and a state that was left", async () => {
    const metrics = createHouseMetrics({ processMetrics: false });
    await metrics.collect(exampleStatus(), {});
    const samples = samplesOf(
      await metrics.collect(exampleStatus({ positions: { SPY: 1 }, safety: "FAIL", machines: { execution: "halted" } }), {}),
    );
    expect([...samples.keys()].filter((name) => name.startsWith("qts_position_lots"))).toEqual([
      'qts_position_lots{symbol="SPY"}',
    ]);
    expect([...samples.keys()].filter((name) => name.startsWith("qts_machine_state"))).toEqual([
      'qts_machine_state{actor="execution",state="halted"}',
    ]);
    expect(samples.get('qts_safety_state{state="NORMAL"}')).toBe(0);
    expect(samples.get('qts_safety_state{state="FAIL"}')).toBe(1);
  });

  it("speaks in seconds, with latency per statistic", async () => {
    const samples = await collect(exampleStatus(), {});
    expect(samples.get('qts_lane_latency_seconds{lane="P1",statistic="p99"}')).toBe(0.00625);
    expect(samples.get('qts_lane_latency_seconds{lane="P1",statistic="p50"}')).toBe(exampleStatus().lanes.P1.p50Ms / 1000);
    expect(samples.get('qts_lane_oldest_age_seconds{lane="P3"}')).toBe(5.2);
    expect(samples.get('qts_lane_paused{lane="P3"}')).toBe(1);
    expect(samples.get('qts_lane_paused{lane="P1"}')).toBe(0);
    expect(samples.get('qts_loop_delay_seconds{statistic="max"}')).toBe(0.012);
    expect(samples.get("qts_market_time_seconds")).toBe(Date.parse("2013-10-07T14:42:17.250Z") / 1000);
  });

  it("shows progress as not a number in live mode, where there is no end", async () => {
    expect((await collect(exampleStatus({ progress: null }), {})).get("qts_session_progress_ratio")).toBeNaN();
  });

  it("counts what the run lost, by kind, also what is still 0, and anew at every scrape", async () => {
    const losses = { alerts: 3, effectsWithheld: 1, signals: 0, deadLettersForgotten: 7, logLines: 2 };
    const metrics = createHouseMetrics({ processMetrics: false });
    await metrics.collect(exampleStatus({ losses }), {});
    const samples = samplesOf(await metrics.collect(exampleStatus({ losses }), {}));
    expect([...samples].filter(([name]) => name.startsWith("qts_losses_total"))).toEqual([
      ['qts_losses_total{kind="alerts"}', 3],
      ['qts_losses_total{kind="effects_withheld"}', 1],
      ['qts_losses_total{kind="signals"}', 0],
      ['qts_losses_total{kind="dead_letters_forgotten"}', 7],
      ['qts_losses_total{kind="log_lines"}', 2],
    ]);
  });

  it("has each number that a part shows, and leaves out words and what is no longer shown", async () => {
    const metrics = createHouseMetrics({ processMetrics: false });
    const parts = { "kill-switch": { state: "on", on: 1, since: null }, scout: { queriesOpen: 2.5 } };
    const samples = samplesOf(await metrics.collect(exampleStatus({ parts }), {}));
    const shown = () => [...samples].filter(([name]) => name.startsWith("qts_part_figure"));
    expect(shown()).toEqual([
      ['qts_part_figure{part="kill-switch",figure="on"}', 1],
      ['qts_part_figure{part="scout",figure="queries_open"}', 2.5],
    ]);
    const later = samplesOf(await metrics.collect(exampleStatus(), {}));
    expect([...later.keys()].filter((name) => name.startsWith("qts_part_figure"))).toEqual([]);
  });

  it("has every metric that the shipped alert rules watch", async () => {
    const names = new Set((await createHouseMetrics().collect(exampleStatus(), stages)).match(/^qts_\w+/gm));
    const watched = readFileSync(rules, "utf8").match(/\bqts_\w+/g) ?? [];
    expect(watched.length).toBeGreaterThan(10);
    expect(watched.filter((name) => !names.has(name))).toEqual([]);
  });

  it.skipIf(!promtool && !mustCheck)(`ships alert rules that are clean for \`promtool check rules\`${needs}`, () => {
    const checked = spawnSync("promtool", ["check", "rules", rules], { encoding: "utf8" });
    expect([checked.error, checked.stderr, checked.status]).toEqual([undefined, "", 0]);
  });

  // CI installs promtool (Debian: prometheus); there its absence is a failure, not a skip.
  it.skipIf(!promtool && !mustCheck)(`is clean for \`promtool check metrics\`${needs}`, async () => {
    const text = await createHouseMetrics().collect(exampleStatus(), stages);
    const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect(checked.error).toBeUndefined();
    expect(`${checked.stdout}${checked.stderr}`).toBe("");
    expect(checked.status).toBe(0);
  });
});
