// What axe finds on a page, in words. Our pages have no frames, so that axe can end its work where it began; otherwise it
// would open a blank page for each of its answers, and there are some two hundred.
import AxeBuilder from "@axe-core/playwright";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const told = ({ violations }, where) =>
  violations.map(({ id, nodes }) => `${where} ${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);

/** What is wrong with the page as it stands; `within` a selector, if given. */
export async function violations(page, where, within = null) {
  const axe = new AxeBuilder({ page }).setLegacyMode().withTags(TAGS);
  return told(await (within ? axe.include(within) : axe).analyze(), where);
}

/** The same in both themes. The dark one is the same page in other colours, so it is asked for its contrast alone. */
export async function inBothThemes(page, where) {
  await page.emulateMedia({ colorScheme: "light" });
  const light = await violations(page, where);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await new AxeBuilder({ page }).setLegacyMode().withRules(["color-contrast"]).analyze();
  await page.emulateMedia({ colorScheme: "light" });
  return [...light, ...told(dark, `${where}, dark,`)];
}
