// What somebody else has set: named on the control page, and taken over after a second yes, with and without scripts.
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
    await expect(dialog.getByRole("button", { name: "Leave as they are" })).toBeFocused();
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
