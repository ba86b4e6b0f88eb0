/**
 * The page's files as Vite has built them into inspector/dist: read once, sent compressed to whoever takes that.
 *
 * Without them the house runs all the same, and the address says what to do.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzip: Buffer;
  /** Its name has its hash: it never changes. */
  readonly isHashed: boolean;
}

const types: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export const builtPage = fileURLToPath(new URL("../../../../inspector/dist/", import.meta.url));

const unbuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>QTS</title>
<p>The page has not been built: <code>npm run page</code> does it, <code>npm start</code> does it by itself.</p>
<p>Meanwhile: <a href="/status">status</a>, <a href="/health">health</a>, <a href="/ready">ready</a>, <a href="/metrics">metrics</a>.</p></html>
`;

const fileOf = (name: string, body: Buffer): PageFile => ({
  type: types[extname(name)] ?? "application/octet-stream",
  body,
  gzip: gzipSync(body),
  isHashed: name.startsWith("/assets/"),
});

/** @returns the files by their path; "/" is the page itself, or a sentence in its place */
export const pageFiles = (folder: string = builtPage): ReadonlyMap<string, PageFile> => {
  try {
    return builtFiles(folder);
  } catch {
    // Not built, not ours to read, or another start is just putting a newer one in its place.
    return new Map([["/", fileOf("/index.html", Buffer.from(unbuilt))]]);
  }
};

const builtFiles = (folder: string): ReadonlyMap<string, PageFile> => {
  const assets = existsSync(join(folder, "assets")) ? readdirSync(join(folder, "assets")) : [];
  return new Map([
    ["/", fileOf("/index.html", readFileSync(join(folder, "index.html")))],
    ...assets.map((name): [string, PageFile] => [
      `/assets/${name}`,
      fileOf(`/assets/${name}`, readFileSync(join(folder, "assets", name))),
    ]),
  ]);
};
