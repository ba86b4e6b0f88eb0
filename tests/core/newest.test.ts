import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NewestMap, NewestSet } from "#core/newest.ts";

describe("a map of a bounded size", () => {
  it("forgets what was put in first, and says what that was", () => {
    const kept = new NewestMap<string, number>(2);
    expect(kept.set("a", 1)).toBeUndefined();
    expect(kept.set("b", 2)).toBeUndefined();
    expect(kept.set("c", 3)).toEqual(["a", 1]);
    expect([...kept]).toEqual([
      ["b", 2],
      ["c", 3],
    ]);
    expect(kept.has("a")).toBe(false);
    expect(kept.get("b")).toBe(2);
  });

  it("forgets nothing for a key that it has, and that key keeps its place", () => {
    const kept = new NewestMap<string, number>(2);
    for (const key of ["a", "b"]) kept.set(key, 1);
    expect(kept.set("a", 2)).toBeUndefined();
    expect(kept.set("c", 3)).toEqual(["a", 2]);
  });

  it("has room again for each key that was deleted", () => {
    const kept = new NewestMap<string, number>(1);
    kept.set("a", 1);
    expect(kept.delete("a")).toBe(true);
    expect(kept.delete("a")).toBe(false);
    expect(kept.set("b", 2)).toBeUndefined();
    expect(kept.size).toBe(1);
  });

  it("loses no entry unseen: each that was set is kept, deleted, set again or given back", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), remove: fc.boolean() }), { maxLength: 100 }),
        (capacity, steps) => {
          const kept = new NewestMap<number, number>(capacity);
          const model = new Map<number, number>();
          steps.forEach(({ key, remove }, step) => {
            if (remove) expect(kept.delete(key)).toBe(model.delete(key));
            else {
              model.set(key, step);
              const forgotten = kept.set(key, step);
              if (forgotten !== undefined) {
                expect(forgotten).toEqual([...model][0]);
                model.delete(forgotten[0]);
              }
            }
            expect([...kept]).toEqual([...model]);
            expect(kept.size).toBeLessThanOrEqual(capacity);
          });
        },
      ),
    ));
});

describe("a set of a bounded size", () => {
  it("forgets what was added first, not what was added again", () => {
    const kept = new NewestSet<string>(2);
    for (const member of ["a", "b", "b", "c"]) kept.add(member);
    expect(["a", "b", "c"].map((member) => kept.has(member))).toEqual([false, true, true]);
    expect(kept.delete("b")).toBe(true);
    expect(kept.has("b")).toBe(false);
  });
});
