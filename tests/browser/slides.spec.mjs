// The deck as the room sees it: every slide on three screens; by key, by link, by address, and without JavaScript. In
// one theme: `contrast.spec.mjs` holds that the other differs in colours alone.
import { clippedLabels } from "./diagrams.mjs";
import { labelsOutside, labelsOverlapping, overflow, tooSmall } from "./labels.mjs";
import { expect, test, until } from "./talk.mjs";

const SCREENS = [
  { name: "1280×720", width: 1280, height: 720 },
  { name: "1920×1080", width: 1920, height: 1080 },
  { name: "a phone", width: 390, height: 844 },
];
const SMALLEST_PX = 18;

const addresses = async (page, talk) => {
  await page.goto(`${talk.url}/1`);
  return page.locator(".slide").evaluateAll((slides) => slides.map((slide) => slide.dataset.address));
};
const current = (page) => page.locator(".slide.current");

for (const screen of SCREENS) {
  test(`every slide fits ${screen.name}`, async ({ browser, talk }) => {
    const context = await browser.newContext({ viewport: { width: screen.width, height: screen.height } });
    const page = await context.newPage();
    const problems = [];
    const all = await addresses(page, talk);
    expect(all.length).toBeGreaterThanOrEqual(12);
    for (const address of all) {
      await page.goto(`${talk.url}/${address}`);
      await page.evaluate(() => document.fonts.ready);
      await expect(current(page)).toHaveAttribute("data-address", address);
      const note = (what) => problems.push(`${address}: ${what}`);
      (await labelsOutside(page)).forEach(note);
      (await labelsOverlapping(page)).forEach(note);
      if (screen.width > screen.height) {
        (await overflow(page)).forEach(note);
        (await tooSmall(page, SMALLEST_PX)).forEach(note);
      } else if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) {
        note("scrolls sideways");
      }
    }
    await context.close();
    expect(problems).toEqual([]);
  });
}

test("with the widest live values, every label of every diagram stays in its box", async ({ page, talk }) => {
  expect(await clippedLabels(page, `${talk.url}/1`)).toEqual([]);
});

test("a broken page would be seen: no script error, nothing refused by the content policy", async ({ page, talk }) => {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(`${talk.url}/9.2`);
  await until(page, (model) => model.connection === "live");
  await page.keyboard.press("ArrowRight");
  expect(complaints).toEqual([]);
});

test("arrow keys and links turn the same pages", async ({ page, talk }) => {
  await page.goto(`${talk.url}/9`);
  await expect(current(page)).toHaveAttribute("data-address", /^9(\.1)?$/);
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/\/9\.2$/);
  await expect(current(page)).toHaveAttribute("data-address", "9.2");
  await page.keyboard.press("ArrowLeft");
  await expect(current(page)).toHaveAttribute("data-address", /^9(\.1)?$/);
  await page.getByRole("link", { name: /next/i }).click();
  await expect(current(page)).toHaveAttribute("data-address", "9.2");
  await page.getByRole("link", { name: /back/i }).click();
  await expect(current(page)).toHaveAttribute("data-address", /^9(\.1)?$/);
});

test("without JavaScript the deck is read by its links", async ({ browser, talk }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${talk.url}/9.2`);
  await expect(current(page)).toBeVisible();
  await expect(current(page)).toHaveAttribute("data-address", "9.2");
  await page.getByRole("link", { name: /next/i }).click();
  await expect(current(page)).toHaveAttribute("data-address", "9.3");
  await page.getByRole("link", { name: /back/i }).click();
  await expect(current(page)).toHaveAttribute("data-address", "9.2");
  await context.close();
});

test("slide 9 draws exactly the five nodes and four edges of the flow, live", async ({ page, talk }) => {
  await page.goto(`${talk.url}/9.2`);
  const names = (attribute) => current(page).locator(`[data-${attribute}]`).evaluateAll((all, key) => [...new Set(all.map((one) => one.dataset[key]))].sort(), attribute);
  expect(await names("node")).toEqual(["EventSource", "FunctionPods", "HPA", "KedaScaler", "MetricsAPI"]);
  expect(await names("edge")).toEqual(["EventSource-KedaScaler", "HPA-FunctionPods", "KedaScaler-MetricsAPI", "MetricsAPI-HPA"]);
  await expect(current(page).locator("figure.chart canvas")).toHaveCount(2);
  await expect(current(page).locator(".phase-strip [data-phase]")).toHaveText([/^Idle/, /^Trigger/, /^Response/, /^Recovery/]);
});

test("a slide that does not exist says so and leads on", async ({ page, talk }) => {
  const answer = await page.goto(`${talk.url}/99`);
  expect(answer.status()).toBe(404);
  await expect(page.getByRole("main")).toContainText("99");
  await page.getByRole("link", { name: /slides/i }).first().click();
  await expect(current(page)).toBeVisible();
});
