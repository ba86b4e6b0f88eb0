/**
 * The tar format, names as bytes: headers are plain ustar, with a pax record where ustar has no room, as GNU tar reads them.
 * The fields are the tar library's work; names are done here, because it takes them for UTF-8 text without line breaks.
 */
import { Header, Pax } from "tar";
import { bytesOf, nameOf } from "./names.ts";

export const blockBytes = 512;
const nameBytes = 100;
const prefixAt = 345;
const prefixBytes = 155;
/** A name that needs more is no name; it keeps a damaged header from asking for all memory. */
const extensionBytesMax = 1 << 20;

export interface MemberHeader {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds, as tar holds them. */
  readonly mtime: Date;
}

/** The blocks before a member's content. */
export const headersOf = (member: MemberHeader): Buffer => {
  const { path, size, mtime } = member;
  if (!path.isWellFormed()) return headersOfBytes(member);
  const block = Buffer.alloc(blockBytes);
  const header = new Header({ ...member, type: "File" });
  // A path too long or not ASCII for ustar goes before it as a pax record.
  return header.encode(block) ? Buffer.concat([new Pax({ path, size, mtime }).encode(), block]) : block;
};

/** A name that is no UTF-8 goes into the header as it is, and into a pax record, as it is too, when it is too long. */
const headersOfBytes = (member: MemberHeader): Buffer => {
  const name = bytesOf(member.path);
  const block = Buffer.alloc(blockBytes);
  const needsPax = new Header({ ...member, path: "name", type: "File" }).encode(block);
  const slash = splitAt(name);
  const fits = name.length <= nameBytes || slash !== undefined;
  block.fill(0, 0, nameBytes);
  if (name.length <= nameBytes || slash === undefined) name.copy(block, 0, 0, nameBytes);
  else {
    name.copy(block, prefixAt, 0, slash);
    name.copy(block, 0, slash + 1);
  }
  sign(block);
  if (fits && !needsPax) return block;
  const records = Buffer.concat([
    recordOf("path", name),
    recordOf("mtime", Buffer.from(`${member.mtime.getTime() / 1000}`)),
    recordOf("size", Buffer.from(`${member.size}`)),
  ]);
  const before = Buffer.alloc(blockBytes + Math.ceil(records.length / blockBytes) * blockBytes);
  new Header({ ...member, path: "PaxHeader/name", mode: 0o644, size: records.length, type: "ExtendedHeader" }).encode(before);
  records.copy(before, blockBytes);
  return Buffer.concat([before, block]);
};

/** Where to divide a long name into prefix and name; undefined when it cannot be divided. */
const splitAt = (name: Buffer): number | undefined => {
  for (let slash = name.lastIndexOf("/"); slash > 0; slash = name.lastIndexOf("/", slash - 1)) {
    if (name.length - slash - 1 > nameBytes) return undefined;
    if (slash <= prefixBytes) return slash;
  }
  return undefined;
};

const sign = (block: Buffer): void => {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
};

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
const recordOf = (key: string, value: Buffer): Buffer => {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + `${rest.length}`.length;
  if (`${length}`.length > `${rest.length}`.length) length = rest.length + `${length}`.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
};

/** Values by key; a value may hold line breaks and any bytes. Throws when the lengths do not add up. */
const recordsOf = (records: Buffer): ReadonlyMap<string, Buffer> => {
  const values = new Map<string, Buffer>();
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(" ", at);
    const length = Number(records.toString("latin1", at, Math.max(at, space)));
    const equals = records.indexOf("=", space);
    const end = at + length;
    if (!Number.isSafeInteger(length) || length <= 0 || end > records.length || equals < space || equals >= end)
      throw new Error("an extended header is damaged");
    values.set(records.toString("latin1", space + 1, equals), records.subarray(equals + 1, end - 1));
    at = end;
  }
  return values;
};

const upToNul = (bytes: Buffer): Buffer => {
  const nul = bytes.indexOf(0);
  return nul === -1 ? bytes : bytes.subarray(0, nul);
};

/** The name in a ustar or GNU header; only ustar has a prefix. */
const nameIn = (block: Buffer): Buffer => {
  const name = upToNul(block.subarray(0, nameBytes));
  if (block.toString("latin1", 257, 263) !== "ustar\0") return name;
  const prefix = upToNul(block.subarray(prefixAt, prefixAt + prefixBytes));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
};

export interface Member {
  readonly path: string;
  readonly isFile: boolean;
  readonly size: number;
  readonly mode: number;
  readonly mtimeSeconds: number;
}
export interface Sink {
  readonly data: (piece: Buffer) => void;
  readonly end: () => void;
}

type Body = { readonly sink: Sink | undefined; left: number; padding: number };
const nothing: Buffer = Buffer.alloc(0);

/** Takes a tar apart while it streams by. Throws at a header that is damaged and at an end that comes too soon. */
export class TarReader {
  readonly #onMember: (member: Member) => Sink | undefined;
  #head: Buffer = nothing;
  #body: Body | undefined;
  /** What extended headers say of the next member. */
  #next: { path?: Buffer; size?: number } = {};
  #emptyBlocks = 0;

  constructor(onMember: (member: Member) => Sink | undefined) {
    this.#onMember = onMember;
  }

  write(piece: Buffer): void {
    let at = 0;
    while (at < piece.length && this.#emptyBlocks < 2) {
      if (this.#body !== undefined) {
        const { sink, left, padding } = this.#body;
        const content = Math.min(left, piece.length - at);
        if (content > 0) sink?.data(piece.subarray(at, at + content));
        this.#body.left -= content;
        at += content;
        const skipped = this.#body.left > 0 ? 0 : Math.min(padding, piece.length - at);
        this.#body.padding -= skipped;
        at += skipped;
        this.#endBody();
        continue;
      }
      const wanted = blockBytes - this.#head.length;
      this.#head = Buffer.concat([this.#head, piece.subarray(at, at + wanted)]);
      at += wanted;
      if (this.#head.length < blockBytes) return;
      const block = this.#head;
      this.#head = nothing;
      this.#begin(block);
    }
  }

  end(): void {
    if (this.#emptyBlocks === 0) throw new Error("it ends too soon");
  }

  #endBody(): void {
    const body = this.#body;
    if (body === undefined || body.left > 0 || body.padding > 0) return;
    this.#body = undefined;
    body.sink?.end();
  }

  #begin(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#emptyBlocks += 1;
      return;
    }
    this.#emptyBlocks = 0;
    const header = new Header(block);
    if (!header.cksumValid) throw new Error("a header is damaged");
    const type = String.fromCharCode(block[156] as number);
    const size = header.size ?? 0;
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (size > extensionBytesMax) throw new Error("an extended header is damaged");
      this.#collect(size, (bytes) => this.#extend(type, bytes));
      return;
    }
    const named = this.#next.path ?? nameIn(block);
    const length = this.#next.size ?? size;
    this.#next = {};
    const isFile = (type === "0" || type === "\0" || type === "7") && named.at(-1) !== 0x2f;
    const member: Member = {
      path: nameOf(named),
      isFile,
      // Only files have content, whatever the field says.
      size: isFile ? length : 0,
      mode: header.mode ?? 0o600,
      mtimeSeconds: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    };
    this.#start(member.size, this.#onMember(member));
  }

  #start(size: number, sink: Sink | undefined): void {
    this.#body = { sink, left: size, padding: (blockBytes - (size % blockBytes)) % blockBytes };
    this.#endBody();
  }

  #collect(size: number, use: (bytes: Buffer) => void): void {
    const pieces: Buffer[] = [];
    this.#start(size, { data: (piece) => void pieces.push(piece), end: () => use(Buffer.concat(pieces)) });
  }

  #extend(type: string, bytes: Buffer): void {
    if (type === "L") this.#next.path = upToNul(bytes);
    if (type !== "x") return;
    const values = recordsOf(bytes);
    const path = values.get("path");
    const size = values.get("size");
    if (path !== undefined) this.#next.path = path;
    if (size !== undefined) this.#next.size = Number(size.toString("latin1"));
  }
}
