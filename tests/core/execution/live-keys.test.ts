import { describe, expect, it, test } from "vitest";
import { liveAcknowledgement, liveProblem, missingLiveKeys } from "#core/execution/live-keys.ts";

const paper = { name: "paper", live: false };
const real = { name: "kis", live: true };
const all = { liveEnabled: true, tradingEnabled: true, acknowledgement: liveAcknowledgement };

describe("live needs three keys (O10)", () => {
  test.each([
    { keys: { ...all, liveEnabled: false }, missing: ["live.enabled"] },
    { keys: { ...all, tradingEnabled: false }, missing: ["trading.enabled"] },
    { keys: { ...all, acknowledgement: undefined }, missing: [`QTS_LIVE_ACK=${liveAcknowledgement}`] },
    { keys: { ...all, acknowledgement: "true" }, missing: [`QTS_LIVE_ACK=${liveAcknowledgement}`] },
    { keys: all, missing: [] },
  ])("without $missing a real broker is refused (O10)", ({ keys, missing }) => {
    expect(missingLiveKeys(keys)).toEqual(missing);
    expect(liveProblem(keys, real) === undefined).toBe(missing.length === 0);
    for (const key of missing) expect(liveProblem(keys, real)).toContain(key);
  });

  it("does not trade on paper while everything says live", () => {
    expect(liveProblem(all, paper)).toContain("paper");
    expect(liveProblem({ ...all, liveEnabled: false }, paper)).toBeUndefined();
  });
});
