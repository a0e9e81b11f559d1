// axe on all pages, in both themes and two sizes, and with each dialog open. What axe cannot see is in keyboard.spec.mjs.
import AxeBuilder from "@axe-core/playwright";
import { expect, logIn, test, until } from "./talk.mjs";

/** Pages besides the slides. A page more is a line more. */
const PAGES = [
  "/control", "/presenter", "/remote", "/login", "/qr", "/dead-letters", "/preflight", "/print", "/notes", "/runs", "/99",
  "/docs/architecture.md", "/manifests/deployment.yaml",
];
/** What can be open over a slide: its key, and what it opens. */
const DIALOGS = { "?": "#help", o: "#overview", q: "#qr" };
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SCREENS = { "a laptop": { width: 1280, height: 720 }, "a phone": { width: 390, height: 844 } };

/** `rules`: these alone; otherwise all that carry one of the tags. */
async function violations(page, where, rules = null) {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(TAGS)).analyze();
  return violations.map(({ id, nodes }) => `${where} ${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

/** The speaker's page: there is more on it than on a viewer's. */
async function speakerOn(browser, talk, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await logIn(page, talk);
  return page;
}

const addresses = (page) => page.locator(".stage > .slide").evaluateAll((all) => all.map((one) => one.dataset.address));

for (const [screen, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing on ${screen}, ${colorScheme}`, async ({ browser, talk }) => {
      test.setTimeout(240_000);
      // The dark theme is the same page in other colours.
      const rules = colorScheme === "dark" ? ["color-contrast"] : null;
      const page = await speakerOn(browser, talk, { colorScheme, viewport, reducedMotion: "reduce" });
      const found = [];
      await page.goto(`${talk.url}/1`);
      await until(page, (model) => model.connection === "live");
      for (const address of await addresses(page)) {
        await page.goto(`${talk.url}/${address}`);
        found.push(...(await violations(page, address, rules)));
      }
      for (const path of PAGES) {
        await page.goto(talk.url + path);
        found.push(...(await violations(page, path, rules)));
      }
      await page.goto(`${talk.url}/2`);
      await until(page, (model) => model.connection === "live");
      for (const [key, dialog] of Object.entries(DIALOGS)) {
        await page.keyboard.press(key);
        await expect(page.locator(dialog)).toHaveJSProperty("open", true);
        found.push(...(await violations(page, dialog, rules)));
        await page.keyboard.press("Escape");
        await expect(page.locator(dialog)).toHaveJSProperty("open", false);
      }
      await page.context().close();
      expect(found).toEqual([]);
    });
  }
}

test("axe finds nothing on a viewer's page", async ({ browser, talk }) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(talk.url);
  await until(page, (model) => model.connection === "live");
  expect(await violations(page, "/")).toEqual([]);
  await page.context().close();
});
