/** The built page in a real Chromium, against a house in this process: what rules of accessibility can be counted, are (spec I23). */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttpServer } from "#adapters/host/page/http.ts";
import { createInspector } from "#adapters/host/page/inspector.ts";
import { createWorld } from "../../world.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const mustRun = process.env.CI === "true";
if (executablePath === undefined && !mustRun)
  process.stderr.write("No Chromium here: the page is not looked at (apt install chromium).\n");

const root = join(import.meta.dirname, "../../..");
const token = "ab".repeat(32);
const views = [
  "#/now",
  "#/now/24h",
  "#/machines",
  "#/machines/safety",
  "#/machines/orders",
  "#/orders",
  "#/time",
  "#/time/3",
  "#/ops",
];
/** One page in one browser for all of them: what is asked is the look, not the start. */
const timeoutMs = 300_000;

describe.skipIf(executablePath === undefined && !mustRun)("the page in a browser", () => {
  let browser: Browser;
  let url: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, "inspector/build.ts"), "--strict"], { cwd: root, stdio: "pipe" });
    const world = await createWorld();
    const { inspection } = world.root();
    await world.wait(30_000);
    await world.answer({ command: "lockdown", reason: "looked at in a test" });
    const server = createHttpServer({
      host: "127.0.0.1",
      port: 0,
      status: inspection.status,
      metrics: async () => "",
      inspector: createInspector({
        inspection,
        token: () => token,
        secrets: [],
        onFailure: (error) => {
          throw error;
        },
      }),
    });
    const listening = await server.listen();
    if (!listening.ok) throw new Error(listening.error.sentence);
    url = listening.value.url;
    close = () => server.close();
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"],
    });
  }, timeoutMs);
  afterAll(async () => {
    await browser?.close();
    await close?.();
  });

  const open = async (width: number, colorScheme: "light" | "dark"): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    page.setDefaultTimeout(timeoutMs);
    await page.goto(`${url}#token=${token}/now`);
    await page.getByText("Since you last looked").waitFor();
    return page;
  };
  const show = async (page: Page, view: string): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
    await page.locator(`nav a[href="#/${view.split("/")[1]}"][aria-current]`).waitFor();
    await page.locator("h1").first().waitFor();
  };

  it.each([
    [1440, "light"],
    [390, "light"],
    [390, "dark"],
  ] as const)(
    "breaks no rule of WCAG 2.2 AA that axe can count, in any view, at %d px, %s (I23)",
    async (width, theme) => {
      const page = await open(width, theme);
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
      const found: string[] = [];
      for (const view of views) {
        await show(page, view);
        const broken = (await page.evaluate(
          `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then(({ violations }) =>
            violations.map(({ id, impact, nodes }) => \`\${impact} \${id}: \${nodes[0].html.slice(0, 200)}\`))`,
        )) as string[];
        found.push(...broken.map((text) => `${view} ${text}`));
      }
      await page.close();
      expect(found).toEqual([]);
    },
    timeoutMs,
  );

  it.each([
    ["at 320 px", 320, "100%"],
    ["at 390 px with letters of twice the size", 390, "200%"],
  ])(
    "needs no scrolling sideways in any view %s (I23)",
    async (_, width, size) => {
      const page = await open(width, "light");
      await page.evaluate(`document.documentElement.style.fontSize = "${size}"`);
      const wide: string[] = [];
      for (const view of views) {
        await show(page, view);
        const over = Number(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"));
        if (over > 0) wide.push(`${view}: ${over} px`);
      }
      await page.close();
      expect(wide).toEqual([]);
    },
    timeoutMs,
  );

  it(
    "is walked through by keyboard: each view, a machine's states, and with one key out of the past (I8, I23)",
    async () => {
      const page = await open(1440, "light");
      await show(page, "#/time");
      // A key says nothing before there is a change to step to: it is pressed until it does.
      const press = (key: string): Promise<string> => page.keyboard.press(key).then(() => page.url());
      await expect.poll(() => press("["), { timeout: timeoutMs }).toMatch(/#\/time\/\d+$/);
      await page.getByText("nothing can be done from here").waitFor();
      await expect.poll(() => press("Escape"), { timeout: timeoutMs }).toMatch(/#\/time$/);
      await page.getByRole("heading", { level: 1, name: "Time" }).waitFor();
      await page.locator("nav a").first().focus();
      for (const name of ["Machines", "Orders", "Time", "Ops"]) {
        await page.keyboard.press("Tab");
        expect(await page.evaluate("document.activeElement.textContent")).toBe(name);
      }
      await show(page, "#/machines/safety");
      await page.getByRole("button", { name: "WARNING" }).focus();
      await page.keyboard.press("Enter");
      expect(await page.getByRole("button", { name: "WARNING" }).getAttribute("aria-pressed")).toBe("true");
      await page.close();
    },
    timeoutMs,
  );
});
