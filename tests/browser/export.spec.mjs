// The exported file, opened as people open it: from the disk, by double click. And the pages made for paper.
import AxeBuilder from "@axe-core/playwright";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { overflow } from "./labels.mjs";
import { expect, logIn, test } from "./talk.mjs";

const BINARY = process.env.PODIUM_BIN ?? "target/debug/podium";
let folder;
const file = (name) => `file://${join(folder, name)}`;
const exported = (name, ...more) =>
  execFileSync(BINARY, ["export", "--state-dir", folder, "--html", join(folder, name), ...more], { stdio: "pipe" });

test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "podium-export-"));
  exported("deck.html");
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

const current = (page) => page.locator(".sheet.current");
const at = (page, address) => expect(current(page)).toHaveAttribute("id", `/${address}`);

test("an exported file turns its slides by keys, links and address, and asks for nothing", async ({ page }) => {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("request", (request) => /^(file:\/\/.*deck\.html|data:)/.test(request.url()) || complaints.push(request.url()));
  await page.goto(file("deck.html"));
  await at(page, "1");
  await expect(page.locator(".sheet:visible")).toHaveCount(1);
  await page.keyboard.press("End");
  await at(page, "12");
  await page.keyboard.press("Home");
  await page.keyboard.press(" ");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("ArrowLeft");
  await at(page, await page.locator(".sheet").nth(1).evaluate((sheet) => sheet.id.slice(1)));
  await page.goto(`${file("deck.html")}#/9.2`);
  await at(page, "9.2");
  await page.getByRole("link", { name: /next/i }).click();
  await at(page, "9.3");
  await page.keyboard.press("ArrowUp");
  await at(page, "8");
  await page.keyboard.press("ArrowDown");
  await at(page, "9.1");
  expect(page.url()).toMatch(/#\/9\.1$/);
  await expect(current(page).locator("svg").first()).toBeVisible();
  expect(await page.evaluate(() => document.fonts.check('20px "Podium Sans"'))).toBe(true);
  expect(complaints).toEqual([]);
});

test("no exported slide overflows", async ({ page }) => {
  await page.goto(file("deck.html"));
  const problems = [];
  for (const id of await page.locator(".sheet").evaluateAll((sheets) => sheets.map((sheet) => sheet.id))) {
    await at(page, id.slice(1));
    (await overflow(page)).forEach((what) => problems.push(`${id}: ${what}`));
    await page.keyboard.press("ArrowRight");
  }
  expect(problems).toEqual([]);
});

test("without JavaScript an exported file is scrolled, and its addresses still lead to the slides", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${file("deck.html")}#/9.2`);
  await expect(page.locator(".sheet:visible")).toHaveCount(18);
  await expect(page.locator('.sheet[id="/9.2"]')).toBeInViewport();
  await context.close();
});

test("on a phone an exported file reads as a page and does not scroll sideways", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(file("deck.html"));
  await expect(page.locator(".sheet:visible")).toHaveCount(18);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await context.close();
});

test("with notes, they stand below the slide", async ({ page }) => {
  exported("notes.html", "--with-notes");
  await page.goto(`${file("notes.html")}#/9.1`);
  await expect(current(page).locator(".sheet-notes")).toContainText("Left to right");
  await expect(current(page).locator(".slide")).toBeInViewport({ ratio: 1 });
});

test("the page for paper shows every step, one a page, and nothing of it is cut", async ({ page, talk }) => {
  await page.goto(`${talk.url}/print`);
  await expect(page.locator(".sheet")).toHaveCount(18);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => document.fonts.ready);
  const cut = await page.locator(".sheet .content").evaluateAll((contents) =>
    contents
      .filter((content) => content.scrollHeight > content.clientHeight + 2 || content.scrollWidth > content.clientWidth + 2)
      .map((content) => content.closest(".slide").dataset.address));
  expect(cut).toEqual([]);
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  expect(pdf.toString("latin1").match(/\/Type \/Page\b/g)).toHaveLength(18);
  expect(pdf.toString("latin1")).toContain("/MediaBox [0 0 960 540]");
});

test("the handout is the speaker's: each slide above its notes, one a page", async ({ page, talk }) => {
  await logIn(page, talk);
  await page.goto(`${talk.url}/notes`);
  await expect(page.getByRole("article", { name: "Slide 9.1 and its notes" })).toContainText("Left to right");
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  expect(pdf.toString("latin1").match(/\/Type \/Page\b/g)).toHaveLength(18);
});

test("what is taken home can be read by everyone", async ({ page, talk }) => {
  await logIn(page, talk);
  const found = [];
  for (const url of [`${talk.url}/print`, `${talk.url}/notes`, `${talk.url}/runs`, `${file("deck.html")}#/9.2`]) {
    await page.goto(url);
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
    for (const { id, nodes } of violations) found.push(`${url} ${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
  }
  expect(found).toEqual([]);
});
