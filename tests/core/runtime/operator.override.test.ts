import { describe, expect, it } from "vitest";
import { createWorld } from "../../world.ts";

const hour = 3_600_000;

describe("an override", () => {
  it("of a colleague that still holds is replaced only when one says so, and the answer names both (S15)", async () => {
    const world = await createWorld({ config: { maintenance: { enabled: false } } });
    const pin = async (operator: string, state: "DEFENSIVE" | "BALANCED", forMs: number, over: object = {}) => {
      const { exitCode, body } = await world.answer({
        ...{ command: "override.set", state, forMs, operator, reason: "elections" },
        ...over,
      } as never);
      return [exitCode, (body as { readonly sentence: string }).sentence];
    };
    expect((await pin("kim", "DEFENSIVE", hour))[0]).toBe(0);
    const [code, sentence] = await pin("mina", "BALANCED", hour);
    expect(code).toBe(4);
    expect(sentence).toMatch(/^DEFENSIVE is pinned by kim until .* UTC \(elections\); give --replace to take its place\.$/);
    // One's own is one's own.
    expect((await pin("kim", "DEFENSIVE", 2 * hour))[1]).toMatch(/in place of DEFENSIVE by kim\.$/);
    expect((await pin("mina", "BALANCED", hour, { replace: true }))[1]).toMatch(
      /^BALANCED is pinned by mina until .* UTC, in place of DEFENSIVE by kim\.$/,
    );
    // One that is over is nobody's.
    await world.advance(2 * hour);
    expect((await pin("lee", "DEFENSIVE", hour))[1]).toMatch(/^DEFENSIVE is pinned by lee until .* UTC\.$/);
  });
});
