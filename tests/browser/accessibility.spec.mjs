// axe on the pages a person meets, in both themes.
import AxeBuilder from "@axe-core/playwright";
import { expect, logIn, test, until } from "./talk.mjs";

const PAGES = ["/1", "/9", "/9.2", "/9.3", "/control", "/presenter", "/remote", "/login", "/99"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

for (const colorScheme of ["light", "dark"]) {
  test(`no accessibility violations, ${colorScheme}`, async ({ browser, talk }) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    await logIn(page, talk);
    const found = [];
    for (const path of PAGES) {
      await page.goto(talk.url + path);
      if (!["/login", "/99"].includes(path)) await until(page, (model) => model.connection === "live");
      const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
      for (const { id, nodes } of violations) found.push(`${path} ${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
    }
    await context.close();
    expect(found).toEqual([]);
  });
}
