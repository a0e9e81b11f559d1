// How slides look, measured: a deck with every layout and with slides that are too full, on three screens.
// `slides.spec.mjs` measures the shipped deck in the same way.
import { labelsOutside, labelsOverlapping, overflow, tooSmall } from "./labels.mjs";
import { expect, start, test as base } from "./talk.mjs";

const SCREENS = [
  { name: "1280×720", width: 1280, height: 720 },
  { name: "1920×1080", width: 1920, height: 1080 },
  { name: "a phone", width: 390, height: 844 },
];
const SMALLEST_PX = 18;

const test = base.extend({
  layouts: [
    async ({}, use) => {
      const talk = await start(["--deck", "tests/decks/layouts/slides.md"]);
      await use(talk);
      await talk.stop();
    },
    { scope: "worker", timeout: 20_000 },
  ],
});

const current = (page) => page.locator(".slide.current");
const slideTitled = (page, title) => page.locator(".slide", { has: page.getByRole("heading", { level: 1, name: title, exact: true, includeHidden: true }) });

/** Two frames: whatever a change sets off in the page has been drawn. */
const drawn = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

/** Opens the step with this heading, with the fonts it is measured in. */
async function open(page, talk, title) {
  await page.goto(`${talk.url}/1`);
  const address = await slideTitled(page, title).getAttribute("data-address");
  await page.goto(`${talk.url}/${address}`);
  await page.evaluate(() => document.fonts.ready);
  await drawn(page);
  return current(page);
}

const fitOf = (slide) => slide.evaluate((element) => Number(element.style.getPropertyValue("--fit") || "1"));

async function measured(page, screen) {
  const found = [...(await labelsOutside(page)), ...(await labelsOverlapping(page))];
  if (screen.width > screen.height) {
    return [...found, ...(await overflow(page)), ...(await tooSmall(page, (SMALLEST_PX * screen.width) / 1280))];
  }
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  return sideways ? [...found, "scrolls sideways"] : found;
}

for (const screen of SCREENS) {
  test(`every layout and every crowded slide fits ${screen.name}`, async ({ browser, layouts }) => {
    const context = await browser.newContext({ viewport: { width: screen.width, height: screen.height } });
    const page = await context.newPage();
    await page.goto(`${layouts.url}/1`);
    const all = await page.locator(".slide").evaluateAll((slides) => slides.map((slide) => slide.dataset.address));
    expect(all.length).toBeGreaterThan(20);
    const problems = [];
    for (const address of all) {
      await page.goto(`${layouts.url}/${address}`);
      await page.evaluate(() => document.fonts.ready);
      await drawn(page);
      for (const what of await measured(page, screen)) problems.push(`${address}: ${what}`);
    }
    await context.close();
    expect(problems).toEqual([]);
  });
}

test("what does not fit is set smaller, what fits is left alone", async ({ page, layouts }) => {
  const crowded = await open(page, layouts, "Crowded with words");
  expect(await fitOf(crowded)).toBeLessThan(1);
  await expect(crowded).not.toHaveAttribute("data-overflow", /.*/);
  expect(await fitOf(await open(page, layouts, "Plain text"))).toBe(1);
});

test("a long line of code is wrapped and does not shrink the words beside it", async ({ page, layouts }) => {
  const slide = await open(page, layouts, "Two columns");
  expect(await fitOf(slide)).toBe(1);
  await expect(slide.locator("pre")).toHaveAttribute("data-wrapped", "");
});

test("a high diagram moves beside the text before either becomes too small", async ({ page, layouts }) => {
  const slide = await open(page, layouts, "Crowded with a diagram");
  await expect(slide).toHaveAttribute("data-beside", "");
  const [text, drawing] = [await slide.locator("ul").boundingBox(), await slide.locator(".diagram svg").boundingBox()];
  expect(text.x + text.width).toBeLessThan(drawing.x);
});

test("a slide that nothing can make fit is marked for its author", async ({ page, layouts }) => {
  const slide = await open(page, layouts, "Crowded with words");
  await slide.locator("ul").evaluate((list) => {
    for (const item of [...list.children, ...list.children, ...list.children]) list.append(item.cloneNode(true));
  });
  await expect(slide).toHaveAttribute("data-overflow", "");
  expect(await fitOf(slide)).toBe(0.55);
});

test("content that grows and shrinks again does not make the slide jitter", async ({ page, layouts }) => {
  const slide = await open(page, layouts, "Plain text");
  const list = slide.locator("ul").first();
  await list.evaluate((element) => {
    for (let count = 0; count < 8; count += 1) element.append(element.firstElementChild.cloneNode(true));
  });
  await expect.poll(() => fitOf(slide)).toBeLessThan(1);
  const smaller = await fitOf(slide);
  await list.evaluate((element) => {
    while (element.children.length > 2) element.lastElementChild.remove();
  });
  await drawn(page);
  expect(await fitOf(slide)).toBe(smaller);
});

test("a resized window fits afresh", async ({ page, layouts }) => {
  const slide = await open(page, layouts, "Crowded with words");
  expect(await fitOf(slide)).toBeLessThan(1);
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => fitOf(slide)).toBe(1);
  await page.setViewportSize({ width: 1280, height: 720 });
  await expect.poll(() => fitOf(slide)).toBeLessThan(1);
});

test("on a phone a sideways flow runs downwards, with the same live values", async ({ browser, talk }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(`${talk.url}/9.2`);
  const drawings = current(page).locator(".diagram > svg");
  await expect(drawings).toHaveCount(2);
  await expect(drawings.first()).toBeHidden();
  await expect(drawings.last()).toBeVisible();
  const box = await drawings.last().boundingBox();
  expect(box.height).toBeGreaterThan(box.width);
  expect(box.x + box.width).toBeLessThanOrEqual(390);
  const fields = (drawing) => drawing.locator("[data-live]").evaluateAll((all) => all.map((one) => one.dataset.live).sort());
  expect(await fields(drawings.last())).toEqual(await fields(drawings.first()));
  await context.close();
});

test("a slide comes in without being waited for, and stands still for who asked for less motion", async ({ browser, layouts }) => {
  const turned = async (reducedMotion) => {
    const context = await browser.newContext({ reducedMotion });
    const page = await context.newPage();
    await page.goto(`${layouts.url}/1`);
    await page.evaluate(() => {
      window.started = [];
      document.addEventListener("animationstart", ({ animationName, target }) => {
        if (animationName.startsWith("turn-")) window.started.push(Math.max(...target.getAnimations().map((one) => one.effect.getTiming().duration)));
      });
    });
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(current(page)).toHaveAttribute("data-address", "3");
    if (reducedMotion === "reduce") await drawn(page);
    else await expect.poll(() => page.evaluate(() => window.started.length)).toBeGreaterThan(0);
    const started = await page.evaluate(() => window.started);
    await context.close();
    return started;
  };
  expect(Math.max(...(await turned("no-preference")))).toBeLessThanOrEqual(200);
  expect(await turned("reduce")).toEqual([]);
});

test("words on an author's colour are read: the theme follows the ground", async ({ browser, layouts }) => {
  const context = await browser.newContext({ colorScheme: "light" });
  const page = await context.newPage();
  const slide = await open(page, layouts, "A colour of its own");
  const [ground, ink] = await slide.locator(".canvas").evaluate((canvas) => {
    const style = getComputedStyle(canvas);
    return [style.backgroundColor, style.color];
  });
  expect(ground).toBe("rgb(20, 52, 43)");
  expect(Number(ink.match(/\d+/)[0])).toBeGreaterThan(200);
  await context.close();
});
