// The preflight on the control page: a sheet over the desk that fills as the checks are answered.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "./talk.mjs";

const SCREENS = { "a laptop": { width: 1280, height: 720 }, "a phone": { width: 390, height: 844 } };

for (const [screen, viewport] of Object.entries(SCREENS)) {
  test(`the checks come in their order into a sheet that fits ${screen}`, async ({ talk, speaker: page }) => {
    await page.setViewportSize(viewport);
    await page.goto(`${talk.url}/control`);
    await page.getByRole("link", { name: "Preflight" }).click();
    const sheet = page.getByRole("dialog", { name: "Preflight" });
    await expect(sheet.getByRole("status")).toHaveText("Ready to deploy.");
    const titles = await sheet.locator("[data-check]").evaluateAll((rows) => rows.map((row) => row.dataset.check));
    expect(titles[0]).toBe("Kubernetes API");
    expect(titles.at(-1)).toBe("Redis");
    await expect(sheet.locator('[data-state="ok"]')).toHaveCount(titles.length);
    const { x, y, width, height } = await sheet.boundingBox();
    expect(x >= 0 && y >= 0 && x + width <= viewport.width && y + height <= viewport.height).toBe(true);
    const { violations } = await new AxeBuilder({ page }).include("[data-preflight-sheet]").analyze();
    expect(violations).toEqual([]);
    if (process.env.PODIUM_SHOTS) await page.screenshot({ path: `${process.env.PODIUM_SHOTS}/sheet-${viewport.width}.png` });
    await sheet.getByRole("button", { name: "Close" }).click();
    await expect(sheet).toBeHidden();
    if (process.env.PODIUM_SHOTS) await page.screenshot({ path: `${process.env.PODIUM_SHOTS}/control-${viewport.width}.png` });
  });
}

test("what fails is told with its command, and checking again tells that it is mended", async ({ talk, speaker: page }) => {
  await page.route("**/preflight", async (route) => {
    const row = `<li class="check" data-check="KEDA" data-state="failed"><div>not installed <code>helm install keda</code></div></li>`;
    const lines = [{ place: 1, row }, { place: 0, row: row.replaceAll("KEDA", "API") }, { summary: "Not ready: 2 failed." }];
    await route.fulfill({ contentType: "application/x-ndjson", body: lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
  });
  await page.goto(`${talk.url}/control`);
  await page.getByRole("link", { name: "Preflight" }).click();
  const sheet = page.getByRole("dialog", { name: "Preflight" });
  await expect(sheet.getByRole("status")).toHaveText("Not ready: 2 failed.");
  await expect(sheet.locator("[data-check]").first()).toHaveAttribute("data-check", "API");
  await page.unroute("**/preflight");
  await sheet.getByRole("button", { name: "Check again" }).click();
  await expect(sheet.getByRole("status")).toHaveText("Ready to deploy.");
  await page.route("**/preflight", (route) => route.abort());
  await sheet.getByRole("button", { name: "Check again" }).click();
  await expect(sheet.getByRole("status")).toContainText("broken off");
});
