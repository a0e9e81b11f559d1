// The speaker's pages: they agree with each other and with the room, keys and thumbs turn, and nothing fires by a slip.
import { act, deployed, expect, logIn, test, until } from "./talk.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Every test starts at the start of the talk, with nobody at the wheel but a window that is not there. */
test.beforeEach(async ({ request, talk }) => {
  const headers = { Accept: "application/json", Authorization: `Bearer ${talk.key}` };
  const change = { window: "w-script", kind: "stage", address: "1", click: 0, blank: "none", qr: false, take_over: true };
  await request.post(`${talk.url}/position`, { headers, data: change });
  await request.post(`${talk.url}/position/clock`, { headers, data: { window: "w-script", do: "reset" } });
});

/** Opens pages in one logged-in browser; the context is closed by the fixture. */
const open = async (browser, talk, paths, options = {}) => {
  const context = await browser.newContext(options);
  const pages = [];
  for (const path of paths) {
    const page = await context.newPage();
    if (pages.length === 0) await logIn(page, talk);
    await page.goto(talk.url + path);
    await until(page, (model) => model.connection === "live" && model.position !== null);
    pages.push(page);
  }
  return pages;
};

const now = (page) => page.locator('[data-pane="now"] .slide');
const isAt = (page, address) => expect(now(page)).toHaveAttribute("data-address", address);
const spikes = (page) => page.evaluate(() => window.podium.model.actions.filter(({ kind }) => kind === "spike").length);

test("the presenter shows the step, the next one and the notes, and the room follows", async ({ browser, talk }) => {
  const [presenter, room] = await open(browser, talk, ["/presenter", "/"]);
  await presenter.keyboard.press("PageDown");
  await isAt(presenter, "2.1");
  await expect(presenter.locator('[data-pane="next"] .slide')).toHaveAttribute("data-address", "2.2");
  await expect(presenter.locator('[data-notes="2.1"]')).toBeVisible();
  await expect(presenter.locator("[data-notes]:visible")).toHaveCount(1);
  await expect(room.locator(".slide.current")).toHaveAttribute("data-address", "2.1");
  await expect(presenter.locator("[data-driver]")).toHaveText("This window drives.");
  // The first move off the first step started the clock.
  await until(presenter, (model) => model.position.clock.running_since !== null);
  await expect(presenter.locator("[data-elapsed]")).not.toHaveText("0:00");
});

test("clicks are steps of the presenter too: what is revealed now, and what the next press reveals", async ({ browser, talk }) => {
  const [presenter, remote] = await open(browser, talk, ["/presenter", "/remote"]);
  await presenter.bringToFront();
  for (const key of ["3", "Enter"]) await presenter.keyboard.press(key);
  await isAt(presenter, "3");
  const next = presenter.locator('[data-pane="next"] .slide');
  const held = '.rest[data-click="1"]';
  await expect(now(presenter).locator(held)).toBeHidden();
  await expect(next).toHaveAttribute("data-address", "3");
  await expect(next.locator(held)).toBeVisible();
  await expect(presenter.locator('[data-notes="3"] .click-mark')).not.toHaveClass(/here/);
  await presenter.keyboard.press("PageDown");
  await expect(now(presenter).locator(held)).toBeVisible();
  await expect(presenter.locator('[data-notes="3"] .click-mark')).toHaveClass(/here/);
  await expect(next).toHaveAttribute("data-address", "4");
  await until(remote, (model) => model.position.address === "3" && model.position.click === 1);
});

test("ids stay unique wherever the slides stand", async ({ browser, talk }) => {
  const [presenter] = await open(browser, talk, ["/presenter/9.1"]);
  for (const key of ["End", "PageUp", "Home", "PageDown"]) {
    await presenter.keyboard.press(key);
    const doubles = await presenter.evaluate(() => {
      const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
      return ids.filter((id, at) => ids.indexOf(id) !== at);
    });
    expect(doubles).toEqual([]);
  }
});

test("a second window asks before it drives, and the same key again takes over", async ({ browser, talk }) => {
  const [presenter, remote] = await open(browser, talk, ["/presenter", "/remote"]);
  await presenter.bringToFront();
  await presenter.keyboard.press("ArrowRight");
  await isAt(presenter, "2.1");
  await expect(remote.locator("[data-now-title]")).toContainText("2.1");
  const next = remote.locator('[data-turn="next"]');
  await next.click();
  const bar = remote.locator(".take-over");
  await expect(bar).toContainText("Another window drives");
  await expect(remote.locator("[data-now-title]")).toContainText("2.1");
  await next.click();
  await expect(bar).toBeHidden();
  await isAt(presenter, "2.2");
  await expect(presenter.locator("[data-driver]")).toHaveText("A remote drives.");
  await presenter.locator("[data-take-over]").click();
  await expect(presenter.locator("[data-driver]")).toHaveText("This window drives.");
});

test("blackout blanks the room, not the speaker, and a move ends it", async ({ browser, talk }) => {
  const [presenter, room] = await open(browser, talk, ["/presenter", "/"]);
  await presenter.keyboard.press(".");
  await expect(room.locator("#blackout")).toBeVisible();
  await expect(presenter.locator("[data-dark-mark]")).toHaveText("The room is black");
  await expect(now(presenter)).toBeVisible();
  await presenter.keyboard.press("b");
  await expect(room.locator("#blackout")).toBeHidden();
  await presenter.keyboard.press("b");
  await presenter.keyboard.press("PageDown");
  await expect(room.locator("#blackout")).toBeHidden();
  await expect(presenter.locator("[data-dark-mark]")).toBeHidden();
});

test("the size of the notes is remembered", async ({ browser, talk }) => {
  const [presenter] = await open(browser, talk, ["/presenter"]);
  const size = () => presenter.locator("[data-notes-text]").evaluate((notes) => parseFloat(getComputedStyle(notes).fontSize));
  const plain = await size();
  await presenter.keyboard.press("+");
  await presenter.keyboard.press("+");
  const larger = await size();
  expect(larger).toBeGreaterThan(plain);
  await presenter.reload();
  expect(await size()).toBe(larger);
  await presenter.keyboard.press("-");
  expect(await size()).toBeLessThan(larger);
});

test("no clicker key presses a button of the demo", async ({ browser, request, talk }) => {
  const [presenter] = await open(browser, talk, ["/presenter"]);
  await deployed(presenter, request, talk);
  const button = presenter.locator("form[data-deed=spike] button");
  const earlier = await spikes(presenter);
  await button.click();
  await until(presenter, (model, earlier) => model.actions.filter((action) => action.kind === "spike").length > earlier, { argument: earlier });
  const before = await spikes(presenter);
  for (const key of [" ", "PageDown", "PageUp", "b", ".", "F5", "Escape", " "]) await presenter.keyboard.press(key);
  await until(presenter, (model) => model.action("spike")?.state !== "running", { timeout: 20_000 });
  expect(await spikes(presenter)).toBe(before);
  await act(request, talk, "purge", { confirm: "yes" });
});

test("the remote's announcement is held, not tapped", async ({ browser, request, talk }) => {
  const [remote] = await open(browser, talk, ["/remote"], PHONE);
  await deployed(remote, request, talk);
  await until(remote, (model) => model.action("spike")?.state !== "running", { timeout: 20_000 });
  const before = await spikes(remote);
  const button = remote.locator("form[data-deed=spike] button");
  await expect(button).toBeEnabled();
  await button.tap();
  await expect(remote.locator("form[data-deed=spike]")).toHaveAttribute("data-tapped", "");
  await button.focus();
  await remote.keyboard.press("Enter");
  expect(await spikes(remote)).toBe(before);
  const box = await button.boundingBox();
  await remote.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await remote.mouse.down();
  await expect(button).toHaveAttribute("data-holding", "");
  await until(remote, (model, before) => model.actions.filter(({ kind }) => kind === "spike").length > before, { argument: before });
  await remote.mouse.up();
  await until(remote, (model) => model.action("spike").state !== "running", { timeout: 20_000 });
  expect(await spikes(remote)).toBe(before + 1);
  await act(request, talk, "purge", { confirm: "yes" });
});

for (const [width, height] of [[1024, 768], [1280, 720], [1920, 1080]]) {
  test(`the presenter's page fits ${width}×${height}`, async ({ browser, talk }) => {
    const [presenter] = await open(browser, talk, ["/presenter"], { viewport: { width, height } });
    await presenter.keyboard.press("End");
    const page = await presenter.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    expect(page).toEqual([width, height]);
    for (const part of ["now", "next", "notes", "watch", "bench"]) await expect(presenter.locator(`.lectern-${part}`)).toBeInViewport({ ratio: 1 });
  });
}

for (const [width, height] of [[390, 844], [844, 390]]) {
  test(`the remote fits ${width}×${height}, zones as large as a thumb`, async ({ browser, talk }) => {
    const [remote] = await open(browser, talk, ["/remote"], { ...PHONE, viewport: { width, height } });
    const page = await remote.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    expect(page).toEqual([width, height]);
    for (const name of ["back", "next"]) {
      const zone = remote.locator(`[data-turn="${name}"]`);
      await expect(zone).toBeInViewport({ ratio: 1 });
      const box = await zone.boundingBox();
      expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(72);
    }
  });
}

test("without JavaScript the presenter turns by its links", async ({ browser, talk }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page, talk);
  await page.goto(`${talk.url}/presenter/9.2`);
  await isAt(page, "9.2");
  await page.getByRole("link", { name: "Next →" }).click();
  await expect(page).toHaveURL(/\/presenter\/9\.3$/);
  await isAt(page, "9.3");
  await expect(page.locator('[data-notes="9.3"]')).toBeVisible();
  await context.close();
});
