// Without a mouse, without motion, without colours, without eyes: what axe cannot see.
import { act, deployed, expect, logIn, test, until } from "./talk.mjs";

/** What can be open over a slide: its key, and what it opens. */
const DIALOGS = { "?": "#help", o: "#overview", q: "#qr" };

async function speakerOn(browser, talk, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await logIn(page, talk);
  return page;
}

test("a dialog takes the focus, keeps it, and gives it back", async ({ browser, talk }) => {
  const page = await speakerOn(browser, talk);
  await page.goto(`${talk.url}/2`);
  await until(page, (model) => model.connection === "live");
  for (const [key, dialog] of Object.entries(DIALOGS)) {
    const link = page.locator(".slide.current a[rel=next]");
    await link.focus();
    await page.keyboard.press(key);
    await expect(page.locator(dialog)).toHaveJSProperty("open", true);
    for (let press = 0; press < 4; press += 1) {
      await page.keyboard.press("Tab");
      const inside = await page.evaluate((id) => document.activeElement === document.body || document.querySelector(id).contains(document.activeElement), dialog);
      expect(inside, `${dialog} after ${press + 1} tabs`).toBe(true);
    }
    await page.keyboard.press("Escape");
    await expect(page.locator(dialog)).toHaveJSProperty("open", false);
    await expect(link).toBeFocused();
  }
  await page.context().close();
});

test("the control page is walked by keyboard in the order one reads it, and everything on it is reached", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await expect(speaker.locator("[data-deed=remove] button")).toBeEnabled();
  await speaker.mouse.click(1, 1);
  const walked = [];
  for (let press = 0; press < 60; press += 1) {
    await speaker.keyboard.press("Tab");
    const stop = await speaker.evaluate(() => {
      const one = document.activeElement;
      if (one === document.body) return null;
      one.dataset.walked = "";
      const box = one.getBoundingClientRect();
      const outline = getComputedStyle(one).outlineStyle;
      const deed = one.closest("[data-deed]")?.dataset.deed ?? null;
      return { deed, name: one.name || one.localName, seen: box.width > 0 && box.height > 0, outline };
    });
    if (stop === null) break;
    walked.push(stop);
  }
  expect(walked.every(({ seen }) => seen)).toBe(true);
  expect(walked.filter(({ outline }) => outline === "none")).toEqual([]);
  const order = walked.map(({ deed }) => deed).filter((deed, at, all) => deed && deed !== all[at - 1]);
  // A button that cannot be pressed now, such as Purge of an empty queue, is passed over.
  const ready = await speaker.locator("[data-deed]").evaluateAll((all) =>
    all.filter((one) => [...one.querySelectorAll("button:enabled, input:enabled")].some((field) => field.checkVisibility())).map((one) => one.dataset.deed));
  expect(order).toEqual(ready);
  expect(ready).toEqual(expect.arrayContaining(["spike", "enqueue", "remove"]));
  const unreached = await speaker.evaluate(() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
    .filter((one) => one.checkVisibility() && !one.disabled && one.dataset.walked === undefined)
    .map((one) => one.outerHTML));
  expect(unreached).toEqual([]);
});

test("the tour is announced, and the demo not removed, by keyboard alone", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await speaker.locator("[data-deed=spike] input").focus();
  await speaker.keyboard.press("ControlOrMeta+a");
  await speaker.keyboard.type("20");
  await speaker.keyboard.press("Enter");
  await until(speaker, (model) => model.action("spike")?.total === 20 && model.action("spike").state === "done", { timeout: 15_000 });
  const remove = speaker.locator("[data-deed=remove] button");
  await remove.focus();
  await speaker.keyboard.press("Enter");
  const ask = speaker.locator("dialog[data-ask]");
  await expect(ask).toHaveJSProperty("open", true);
  await expect(ask.locator("[data-ask-no]")).toBeFocused();
  await speaker.keyboard.press("Enter");
  await expect(ask).toHaveJSProperty("open", false);
  expect(await speaker.evaluate(() => window.podium.model.action("remove"))).toBe(null);
});

test("under reduced motion nothing is animated", async ({ browser, talk }) => {
  const page = await speakerOn(browser, talk, { reducedMotion: "reduce" });
  for (const path of ["/9.2", "/control"]) {
    await page.goto(talk.url + path);
    await until(page, (model) => model.connection === "live");
    expect(await page.evaluate(() => document.getAnimations().length), path).toBe(0);
  }
  await page.context().close();
});

test("with forced colours the focus is still seen and buttons have edges", async ({ browser, talk }) => {
  const page = await speakerOn(browser, talk, { forcedColors: "active" });
  await page.goto(`${talk.url}/control`);
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return { outlineStyle, outlineWidth: parseFloat(outlineWidth) };
  });
  expect(outline.outlineStyle).not.toBe("none");
  expect(outline.outlineWidth).toBeGreaterThanOrEqual(2);
  for (const path of ["/control", "/9.2"]) {
    await page.goto(talk.url + path);
    await page.mouse.click(1, 1);
    const bare = await page.locator("button:visible").evaluateAll((all) => all.filter((one) => {
      const { borderStyle, outlineStyle } = getComputedStyle(one);
      return borderStyle === "none" && outlineStyle === "none";
    }).map((one) => one.outerHTML));
    expect(bare, path).toEqual([]);
  }
  await page.context().close();
});

test("a graph says in words what it shows, and a phase is told once", async ({ page, request, talk }) => {
  await page.goto(`${talk.url}/9.2`);
  await deployed(page, request, talk);
  const plot = page.locator(".slide.current .plot").first();
  await expect(plot).toHaveAttribute("role", "img");
  await expect(plot).toHaveAttribute("aria-label", /^Backlog over time, in jobs\. Now: /);
  const said = page.locator("[data-spoken]");
  await page.evaluate(() => {
    window.said = [];
    const region = document.querySelector("[data-spoken]");
    new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true });
  });
  await act(request, talk, "spike", { count: "300" });
  await expect(said).toContainText(/^(Trigger|Response): /, { timeout: 15_000 });
  // What waits is taken away once there are more replicas to come back from: working it off takes longer than it tells.
  await until(page, (model) => model.sample?.phase === "response" && model.sample.replicas > 1, { timeout: 25_000 });
  await act(request, talk, "purge", { confirm: "yes" });
  await until(page, (model) => model.sample?.phase === "recovery", { timeout: 10_000 });
  await expect(said).toContainText(/^Recovery: /);
  const sentences = await page.evaluate(() => window.said);
  expect(sentences.length).toBe(new Set(sentences).size);
  expect(sentences.length).toBeLessThanOrEqual(4);
});
