// The room moves together: a speaker, viewers, a phone; wandering and coming back; one window at the wheel; the keys.
import AxeBuilder from "@axe-core/playwright";
import { current, joined, PHONE, post, shows, stage } from "./room.mjs";
import { expect, logIn, test, until } from "./talk.mjs";

/** Every test starts where the talk starts, with nobody at the wheel but a window that is already gone. */
test.beforeEach(async ({ request, talk }) => {
  await post(request, talk, { address: "1", click: 0, blank: "none", qr: false, take_over: true });
});

test("rapid presses end where the last one led, for everybody", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const viewer = await joined(browser, talk);
  await speaker.evaluate(() => {
    const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    for (let count = 0; count < 6; count += 1) press("PageDown");
    press("PageUp");
  });
  const address = await current(speaker).getAttribute("data-address");
  await shows(viewer, address);
  await until(speaker, (model, wanted) => model.position.address === wanted, { argument: address });
  await shows(speaker, address);
  await speaker.context().close();
  await viewer.context().close();
});

test("a latecomer lands on the current step, and a viewer may wander and return with one key", async ({ browser, request, talk }) => {
  await post(request, talk, { address: "9.2" });
  const viewer = await joined(browser, talk);
  await shows(viewer, "9.2");
  const line = viewer.getByRole("region", { name: "Following" });
  await expect(line).toContainText("Following the speaker");
  await viewer.keyboard.press("ArrowRight");
  await shows(viewer, "9.3");
  await expect(line).toContainText("Looking around");
  await post(request, talk, { address: "4" });
  await until(viewer, (model) => model.position.address === "4");
  await shows(viewer, "9.3");
  await viewer.keyboard.press("l");
  await shows(viewer, "4");
  await viewer.keyboard.press("Home");
  await line.getByRole("button", { name: "Back to live" }).click();
  await shows(viewer, "4");
  await post(request, talk, { address: "5.1" });
  await shows(viewer, "5.1");
  await viewer.context().close();
});

test("a link to a step stays there, and a reload keeps place and following", async ({ browser, request, talk }) => {
  const viewer = await joined(browser, talk, {}, "/9.2");
  await post(request, talk, { address: "3" });
  await until(viewer, (model) => model.position.address === "3");
  await shows(viewer, "9.2");
  await viewer.reload();
  await until(viewer, (model) => model.position !== null);
  await shows(viewer, "9.2");
  await viewer.keyboard.press("l");
  await shows(viewer, "3");
  await viewer.reload();
  await post(request, talk, { address: "4" });
  await shows(viewer, "4");
  await viewer.context().close();
});

test("a speaker whose network is gone goes on, and the room hears of it when it is back", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const viewer = await joined(browser, talk);
  await speaker.context().setOffline(true);
  await speaker.keyboard.press("PageDown");
  await speaker.keyboard.press("PageDown");
  await shows(speaker, "2.2");
  await speaker.context().setOffline(false);
  await shows(viewer, "2.2");
  await shows(speaker, "2.2");
  await speaker.context().close();
  await viewer.context().close();
});

test("a black screen from a page that was opened at a step is black at that step", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk, { path: "/9.2" });
  await speaker.keyboard.press("b");
  await until(speaker, (model) => model.position.blank === "black" && model.position.address === "9.2");
  await shows(speaker, "9.2");
  await speaker.context().close();
});

test("two windows of the speaker: one drives, the other is asked, and takes over by its button, a key, or again the same key", async ({ browser, talk }) => {
  const one = await stage(browser, talk);
  const two = await stage(browser, talk, { context: one.context() });
  const bar = (page) => page.getByRole("alert").filter({ hasText: "Another window drives" });
  await one.keyboard.press("PageDown");
  await shows(two, "2.1");
  await two.keyboard.press("PageDown");
  await expect(bar(two)).toBeVisible();
  await shows(two, "2.1");
  await two.keyboard.press("PageDown");
  await shows(one, "2.2");
  await expect(bar(two)).toBeHidden();
  await one.keyboard.press("PageDown");
  await expect(bar(one)).toBeVisible();
  await one.keyboard.press("t");
  await shows(two, "3");
  await two.keyboard.press("PageUp");
  await bar(two).getByRole("button", { name: "Take over" }).click();
  await shows(one, "2.2");
  await one.context().close();
});

test("a driver whose window is closed leaves the wheel to the next", async ({ browser, talk }) => {
  const one = await stage(browser, talk);
  const two = await stage(browser, talk, { context: one.context() });
  await one.keyboard.press("PageDown");
  await shows(two, "2.1");
  await one.close();
  // The server learns of it in its own time; a press before that is refused and asks.
  await expect(async () => {
    await two.keyboard.press("End");
    await until(two, (model) => model.position.address === "12", { timeout: 500 });
  }).toPass({ timeout: 5_000 });
  await two.context().close();
});

test("blackout covers the room until the same key or a move; a viewer's own keys do not", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const viewer = await joined(browser, talk);
  const cover = (page) => page.locator("#blackout");
  await speaker.keyboard.press("b");
  await expect(cover(viewer)).toBeVisible();
  await expect(cover(speaker)).toBeVisible();
  await speaker.keyboard.press(".");
  await expect(cover(viewer)).toBeHidden();
  await speaker.keyboard.press("w");
  await expect(cover(viewer)).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await speaker.keyboard.press("PageDown");
  await expect(cover(viewer)).toBeHidden();
  await shows(viewer, "2.1");
  await viewer.keyboard.press("b");
  await viewer.keyboard.press("q");
  await expect(cover(viewer)).toBeHidden();
  await until(speaker, (model) => model.position.blank === null && model.position.qr === false);
  await speaker.keyboard.press("q");
  await until(viewer, (model) => model.position.qr);
  await speaker.context().close();
  await viewer.context().close();
});

test("the overview goes by arrow, Enter and click, and Escape closes and opens it", async ({ browser, talk }) => {
  const page = await joined(browser, talk, {}, "/3");
  const overview = page.getByRole("dialog", { name: "All slides" });
  await page.keyboard.press("o");
  await expect(overview).toBeVisible();
  await expect(overview.getByRole("button", { name: /^Slide 3:/ })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect(overview).toBeHidden();
  await shows(page, "4");
  await page.keyboard.press("Escape");
  await expect(overview).toBeVisible();
  await overview.getByRole("button", { name: /^Slide 9\.2:/ }).click();
  await shows(page, "9.2");
  await page.keyboard.press("`");
  await page.keyboard.press("Escape");
  await expect(overview).toBeHidden();
  expect(await page.evaluate(() => [...document.querySelectorAll("[id]")].length === new Set([...document.querySelectorAll("[id]")].map(({ id }) => id)).size)).toBe(true);
  await page.context().close();
});

test("digits go to a step, Home and End to the ends, ? shows the keys, and a clicker's F5 never reloads", async ({ browser, talk }) => {
  const page = await joined(browser, talk, {}, "/1");
  await page.evaluate(() => (window.notReloaded = true));
  for (const key of ["9", ".", "2", "Enter"]) await page.keyboard.press(key);
  await shows(page, "9.2");
  await page.keyboard.press("g");
  for (const key of ["4", "Enter"]) await page.keyboard.press(key);
  await shows(page, "4");
  await page.keyboard.press("End");
  await shows(page, "12");
  await page.keyboard.press("Home");
  await shows(page, "1");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await expect(help).toBeVisible();
  await expect(help).not.toContainText("QR");
  await page.keyboard.press("PageDown");
  await expect(help).toBeHidden();
  await page.keyboard.press("F5");
  expect(await page.evaluate(() => window.notReloaded)).toBe(true);
  await page.context().close();
});

test("no key of a clicker presses a button of the demo", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk, { path: "/9.2" });
  const pressed = [];
  speaker.on("request", (one) => one.url().includes("/actions/") && pressed.push(one.url()));
  await speaker.locator(".slide.current .controls button").evaluate((button) => button.focus());
  for (const key of [" ", "PageDown", "PageUp", "b", ".", "b", "F5", "Escape", "Escape"]) await speaker.keyboard.press(key);
  expect(pressed).toEqual([]);
  await speaker.context().close();
});

test("fragments: shown click by click, whole when one comes back, and in the address", async ({ browser, request, talk }) => {
  await post(request, talk, { address: "3", click: 0, take_over: true });
  const speaker = await stage(browser, talk);
  const viewer = await joined(browser, talk);
  const rest = (page) => page.locator("#s3 .rest[data-click]");
  await expect(rest(viewer)).toBeHidden();
  await speaker.keyboard.press("PageDown");
  for (const page of [speaker, viewer]) await expect(rest(page)).toBeVisible();
  await expect(speaker).toHaveURL(/\/3\?clicks=1$/);
  await speaker.keyboard.press("PageDown");
  await shows(viewer, "4");
  await speaker.keyboard.press("PageUp");
  await shows(viewer, "3");
  await expect(rest(viewer)).toBeVisible();
  await speaker.keyboard.press("ArrowDown");
  await shows(viewer, "4");
  await expect(speaker).toHaveURL(/\/4$/);
  await post(request, talk, { address: "3", click: 0, take_over: true });
  await shows(viewer, "3");
  await expect(rest(viewer)).toBeHidden();
  await speaker.context().close();
  await viewer.context().close();
});

test("stepped code lights its lines click by click, for everybody", async ({ browser, request, talk }) => {
  await post(request, talk, { address: "4", click: 0, take_over: true });
  const speaker = await stage(browser, talk);
  const viewer = await joined(browser, talk);
  const lit = (page) => page.locator("#s4 .line").evaluateAll((lines) => lines.flatMap((line, at) => (line.classList.contains("lit") ? [at + 1] : [])));
  for (const [click, lines] of [[0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], [1, [3]], [2, [4, 5]], [3, [6, 7, 8, 9]]]) {
    if (click > 0) await speaker.keyboard.press("PageDown");
    await expect.poll(() => lit(viewer)).toEqual(lines);
    expect(await lit(speaker)).toEqual(lines);
  }
  await speaker.context().close();
  await viewer.context().close();
});

test("a swipe turns, a swipe up scrolls, and the room comes along", async ({ browser, talk }) => {
  const context = await browser.newContext(PHONE);
  await logIn(await context.newPage(), talk);
  const speaker = await stage(browser, talk, { context });
  const viewer = await joined(browser, talk);
  const session = await context.newCDPSession(speaker);
  const swipe = async (...points) => {
    for (const [at, [x, y]] of points.entries()) {
      await session.send("Input.dispatchTouchEvent", { type: at === 0 ? "touchStart" : "touchMove", touchPoints: [{ x, y }] });
    }
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await swipe([320, 300], [200, 304], [80, 306]);
  await shows(viewer, "2.1");
  await swipe([200, 600], [196, 400], [190, 200]);
  await swipe([80, 300], [200, 300], [320, 302]);
  await shows(viewer, "1");
  await context.close();
  await viewer.context().close();
});

test("the screen is asked to stay awake, and asked again when the page is seen again", async ({ browser, talk }) => {
  const page = await (await browser.newContext()).newPage();
  await page.addInitScript(() => {
    window.asked = [];
    const wakeLock = { request: async (kind) => window.asked.push(kind) };
    Object.defineProperty(navigator, "wakeLock", { value: wakeLock });
  });
  await page.goto(talk.url);
  await until(page, (model) => model.connection === "live");
  expect(await page.evaluate(() => window.asked)).toEqual(["screen"]);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  expect(await page.evaluate(() => window.asked)).toEqual(["screen", "screen"]);
  await page.context().close();
});

test("no accessibility violations while following, while looking around, and in the overview", async ({ browser, talk }) => {
  const page = await joined(browser, talk);
  const found = [];
  const check = async (when) => {
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
    for (const { id, nodes } of violations) found.push(`${when}: ${id} ${nodes[0].target.join(" ")}`);
  };
  await check("following");
  await page.keyboard.press("ArrowRight");
  await check("looking around");
  await page.keyboard.press("o");
  await expect(page.getByRole("dialog", { name: "All slides" })).toBeVisible();
  await check("overview");
  expect(found).toEqual([]);
  await page.context().close();
});
