/** Bytes ⇒ lines of text, one at a time, with a bound for each: a file without line breaks must not fill the memory. */
import { err, ok, type Result } from "#core/result.ts";

/** A trade has 100 bytes; a line of QTS's archive 500. */
export const lineBytesMax = 65_536;

export interface LineSplitter {
  /** Gives each whole line, without its end, to `take`; the sentence of what is wrong ends it. */
  push(piece: Uint8Array, take: (line: string, number: number) => string | undefined): Result<void, LineProblem>;
  /** The last line may have no end. */
  end(take: (line: string, number: number) => string | undefined): Result<void, LineProblem>;
}

export interface LineProblem {
  readonly line: number;
  /** The end of a sentence that begins with the line's place. */
  readonly problem: string;
}

export const createLineSplitter = (): LineSplitter => {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  let number = 0;
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  const textOf = (piece: Uint8Array): Result<string, string> => {
    let bytes = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
    rest = [];
    restBytes = 0;
    if (number === 1) {
      if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
        return err("is UTF-16; save the file as UTF-8");
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    if (bytes.length > lineBytesMax) return err(tooLong);
    if (bytes.at(-1) === 0x0d) bytes = bytes.subarray(0, -1);
    if (bytes.includes(0)) return err("has a NUL byte: this is no text; give a CSV or JSON lines file");
    try {
      return ok(strict.decode(bytes));
    } catch {
      return err("is not UTF-8; save the file as UTF-8");
    }
  };
  const tooLong = `is longer than ${lineBytesMax} bytes: this is no file of trades, or its line breaks are missing`;

  const give = (piece: Uint8Array, take: (line: string, number: number) => string | undefined): LineProblem | undefined => {
    number += 1;
    const text = textOf(piece);
    const problem = text.ok ? take(text.value, number) : text.error;
    return problem === undefined ? undefined : { line: number, problem };
  };

  return {
    push: (piece, take) => {
      let from = 0;
      for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
        const problem = give(piece.subarray(from, end), take);
        if (problem !== undefined) return err(problem);
        from = end + 1;
      }
      if (from < piece.length) rest.push(piece.slice(from));
      restBytes += piece.length - from;
      return restBytes > lineBytesMax ? err({ line: number + 1, problem: tooLong }) : ok(undefined);
    },
    end: (take) => {
      if (restBytes === 0) return ok(undefined);
      const problem = give(new Uint8Array(), take);
      return problem === undefined ? ok(undefined) : err(problem);
    },
  };
};
