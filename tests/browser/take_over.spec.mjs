// What stands in Deploy's way: what the preflight finds is told before it is pressed; what somebody else has set is named on the control page, and taken over after a second yes, with and without scripts.
import AxeBuilder from "@axe-core/playwright";
import { execFileSync } from "node:child_process";
import { act, deployed, expect, logIn, start, test, until } from "./talk.mjs";

/** Sets a field as another field manager does. */
function set(talk, object, patch, manager = "chief") {
  const arguments_ = ["patch", object, "-n", "keda-demo", "--type", "merge", "--field-manager", manager, "-p", JSON.stringify(patch)];
  execFileSync("kubectl", arguments_, { env: { ...process.env, KUBECONFIG: talk.kubeconfig } });
}
const failed = (page) => until(page, (model) => model.action("deploy")?.state === "failed", { timeout: 20_000 });

test.describe("with fields of others in the way", () => {
  let talk;
  test.beforeAll(async () => (talk = await start()));
  test.afterAll(() => talk.stop());

  test("what the preflight finds is told at the button before Deploy, which asks back where it would fail", async ({ page }) => {
    await page.route("**/preflight", async (route) => {
      const row = (title, state, more) => `<li class="check" data-check="${title}" data-state="${state}" ${more}><span class="check-detail">as told</span><p class="check-fix"><code>helm install</code></p></li>`;
      const lines = [{ place: 0, of: 3, row: row("API", "ok", "") }, { place: 2, of: 3, row: row("Redis", "ok", "") }, { place: 1, of: 3, row: row("KEDA", "failed", "data-stops-deploy") }, { summary: "Not ready: 1 failed." }];
      await route.fulfill({ contentType: "application/x-ndjson", body: lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
    });
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    await expect(page.locator("[data-preflight-note]")).toHaveText("Preflight: 2 of 3 fine, 1 to fix: KEDA.");
    const link = page.getByRole("link", { name: /^✗?\s*Preflight \d\d:\d\d:\d\d$/ });
    await page.locator("form[data-deed=deploy]").getByRole("button", { name: "Deploy demo" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("KEDA: as told");
    await expect(dialog.getByRole("button", { name: "Not yet" })).toBeFocused();
    await page.keyboard.press("Escape");
    // By the keyboard: what failed comes first, and Esc leads back.
    await link.focus();
    await page.keyboard.press("Enter");
    const sheet = page.getByRole("dialog", { name: "Preflight" });
    await expect(sheet).toContainText(/2 of 3 fine, checked at \d\d:\d\d:\d\d/);
    await expect(sheet.locator("[data-check]").first()).toHaveAttribute("data-check", "KEDA");
    await sheet.locator("[data-check=KEDA]").getByRole("button", { name: "Copy: helm install" }).click();
    await expect(sheet.locator("[data-check=KEDA] .copy")).toHaveText("Copied");
    await page.keyboard.press("Escape");
    await expect(sheet).toBeHidden();
    await expect(link).toBeFocused();
    expect(await page.evaluate(() => window.podium.model.action("deploy"))).toBeNull();
  });

  test("each field is named, and what was shown is taken over after a second yes", async ({ page, request }) => {
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    await deployed(page, request, talk);
    set(talk, "so/queue-worker", { spec: { maxReplicaCount: 7 } });
    set(talk, "deploy/redis", { metadata: { labels: { "app.kubernetes.io/part-of": "crew" } } }, "crew");
    const deed = page.locator("form[data-deed=deploy]");
    await deed.getByRole("button", { name: "Deploy again" }).click();
    await failed(page);
    const log = page.getByRole("log");
    await expect(log).toContainText("chief owns .spec.maxReplicaCount of scaledobject/queue-worker: it has 7, the demo wants 48.");
    await expect(log).toContainText('crew owns .metadata.labels.app.kubernetes.io/part-of of deployment/redis: it has "crew"');

    const button = deed.getByRole("button", { name: "Take over these 2 fields…" });
    const dialog = page.getByRole("dialog");
    await button.click();
    await expect(dialog).toContainText("Take over 2 fields?");
    await expect(dialog.getByRole("listitem").filter({ hasText: "owns" })).toHaveCount(2);
    await expect(dialog.getByRole("button", { name: "Leave them" })).toBeFocused();
    const { violations } = await new AxeBuilder({ page }).include("[data-ask]").analyze();
    expect(violations).toEqual([]);
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();

    // What has changed since it was shown is not taken over unseen.
    set(talk, "so/queue-worker", { spec: { maxReplicaCount: 9 } });
    await button.click();
    const before = await page.evaluate(() => window.podium.model.action("deploy").id);
    await dialog.getByRole("button", { name: "Take them over" }).click();
    await until(page, (model, id) => model.action("deploy").id > id && model.action("deploy").state === "failed", { argument: before, timeout: 20_000 });
    await expect(log).toContainText("it has 9, the demo wants 48.");
    await deed.getByRole("button", { name: "Take over this field…" }).click();
    await dialog.getByRole("button", { name: "Take it over" }).click();
    await until(page, (model) => model.action("deploy")?.state === "done", { timeout: 20_000 });
    await expect(log).toContainText("Taken from chief: .spec.maxReplicaCount of scaledobject/queue-worker, which had 9 and has 48 now.");
    await expect(button).toHaveCount(0);
  });

  test("without scripts a tick does it", async ({ browser, request, page: watching }) => {
    await logIn(watching, talk);
    await watching.goto(`${talk.url}/control`);
    await deployed(watching, request, talk);
    set(talk, "so/queue-worker", { spec: { maxReplicaCount: 5 } });
    await act(request, talk, "deploy");
    await failed(watching);
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    const form = page.locator("form.take-over");
    await expect(page.locator(".notices .contested li")).toHaveText("chief owns .spec.maxReplicaCount of scaledobject/queue-worker: it has 5, the demo wants 48.");
    await form.getByRole("checkbox").check();
    await form.getByRole("button", { name: "Take over these fields" }).click();
    await expect(page).toHaveURL(/\/control$/);
    await until(watching, (model) => model.action("deploy")?.state === "done", { timeout: 20_000 });
    await page.reload();
    await expect(form).toHaveCount(0);
    await context.close();
  });
});
