import fc from "fast-check";
import { expect, it } from "vitest";
import { Lines } from "#archive/lines.ts";

it("are the bytes of their text, however long and in whatever script, and empty again after clearing", () =>
  fc.assert(
    fc.property(fc.array(fc.array(fc.string({ unit: "binary", maxLength: 3000 })), { maxLength: 4 }), (batches) => {
      const lines = new Lines();
      for (const batch of batches) {
        for (const line of batch) lines.append(line);
        const text = batch.join("");
        expect(Buffer.from(lines.bytes).equals(Buffer.from(text))).toBe(true);
        expect(lines.length).toBe(Buffer.byteLength(text));
        lines.clear();
        expect(lines.length).toBe(0);
      }
    }),
  ));
