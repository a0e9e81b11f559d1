// axe on all pages, in both themes and two sizes, and with each dialog open. What axe cannot see is in keyboard.spec.mjs.
import { inBothThemes, violations } from "./axe.mjs";
import { expect, logIn, test, until } from "./talk.mjs";

/** Pages besides the slides. A page more is a line more. */
const PAGES = [
  "/control", "/presenter", "/remote", "/login", "/qr", "/dead-letters", "/preflight", "/print", "/notes", "/runs", "/99",
  "/docs/architecture.md", "/manifests/deployment.yaml",
];
/** What can be open over a slide: its key, and what it opens. */
const DIALOGS = { "?": "#help", o: "#overview", q: "#qr" };
const SCREENS = { "a laptop": { width: 1280, height: 720 }, "a phone": { width: 390, height: 844 } };

/** The speaker's page: there is more on it than on a viewer's. */
async function speakerOn(browser, talk, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await logIn(page, talk);
  return page;
}

const addresses = (page) => page.locator(".stage > .slide").evaluateAll((all) => all.map((one) => one.dataset.address));

for (const [screen, viewport] of Object.entries(SCREENS)) {
  test(`axe finds nothing on ${screen}, in either theme`, async ({ browser, talk }) => {
    test.setTimeout(240_000);
    const page = await speakerOn(browser, talk, { colorScheme: "light", viewport, reducedMotion: "reduce" });
    const found = [];
    await page.goto(`${talk.url}/1`);
    await until(page, (model) => model.connection === "live");
    for (const address of await addresses(page)) {
      await page.goto(`${talk.url}/${address}`);
      found.push(...(await inBothThemes(page, address)));
    }
    for (const path of PAGES) {
      await page.goto(talk.url + path);
      found.push(...(await inBothThemes(page, path)));
    }
    await page.goto(`${talk.url}/2`);
    await until(page, (model) => model.connection === "live");
    for (const [key, dialog] of Object.entries(DIALOGS)) {
      await page.keyboard.press(key);
      await expect(page.locator(dialog)).toHaveJSProperty("open", true);
      found.push(...(await inBothThemes(page, dialog)));
      await page.keyboard.press("Escape");
      await expect(page.locator(dialog)).toHaveJSProperty("open", false);
    }
    await page.context().close();
    expect(found).toEqual([]);
  });
}

test("axe finds nothing on a viewer's page", async ({ browser, talk }) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(talk.url);
  await until(page, (model) => model.connection === "live");
  expect(await violations(page, "/")).toEqual([]);
  await page.context().close();
});
