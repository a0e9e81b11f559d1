// Two of everything on stage: a double click, two speakers, a page that is loaded again in the middle, a second thought.
import { act, deployed, expect, logIn, start, test as base, until } from "./talk.mjs";

/** A server of its own: what runs here for minutes would stand in the way of other tests. */
const test = base.extend({
  talk: [
    async ({}, use) => {
      const talk = await start();
      await use(talk);
      await talk.stop();
    },
    { scope: "worker", timeout: 30_000 },
  ],
});

const deed = (page, kind) => page.locator(`form[data-deed=${kind}]`);
const main = (page, kind) => deed(page, kind).locator("button.button[type=submit]");
const cancelOf = (page, kind) => deed(page, kind).getByRole("button", { name: /^Cancel/ });
const countOf = (page, kind) => page.evaluate((kind) => window.podium.model.actions.filter((action) => action.kind === kind).length, kind);

async function secondSpeaker(browser, talk) {
  const page = await (await browser.newContext()).newPage();
  await logIn(page, talk);
  await page.goto(`${talk.url}/control`);
  await until(page, (model) => model.connection === "live");
  return page;
}

async function enqueueSlowly(page) {
  await deed(page, "enqueue").locator("[name=count]").fill("500");
  await deed(page, "enqueue").locator("[name=delay_ms]").fill("60000");
  await main(page, "enqueue").click();
  await until(page, (model) => model.action("enqueue")?.state === "running" && model.action("enqueue").done === 1);
}

test("a double click on a button begins one action", async ({ speaker, request, talk }) => {
  await main(speaker, "deploy").dblclick();
  await until(speaker, (model) => model.action("deploy")?.state === "done", { timeout: 20_000 });
  expect(await countOf(speaker, "deploy")).toBe(1);
  await deployed(speaker, request, talk);
  await deed(speaker, "spike").locator("[name=count]").fill("50");
  for (const kind of ["enqueue", "spike"]) {
    const before = await countOf(speaker, kind);
    await main(speaker, kind).dblclick({ delay: 0 });
    await until(speaker, (model, kind) => model.action(kind)?.state === "done", { argument: kind, timeout: 10_000 });
    // The second click of the two comes while the first is on its way, when the button is off.
    expect(await countOf(speaker, kind)).toBe(before + 1);
  }
  for (const kind of ["purge", "remove"]) {
    // The first click opens the question, which takes the second.
    await main(speaker, kind).dblclick();
    await speaker.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    await expect(speaker.getByRole("dialog")).toBeHidden();
    expect(await countOf(speaker, kind)).toBe(0);
  }
});

test("what one speaker begins, the other sees run, and can cancel with the keyboard", async ({ speaker, browser, request, talk }) => {
  await deployed(speaker, request, talk);
  const other = await secondSpeaker(browser, talk);
  await enqueueSlowly(speaker);
  await expect(main(other, "enqueue")).toBeDisabled();
  await expect(main(other, "enqueue")).toContainText("1 of 500");
  const refused = await act(request, talk, "enqueue", { count: "5" });
  expect(refused.status).toBe(409);
  expect(refused.body.error.remedy).toContain("cancel");

  await expect(cancelOf(other, "enqueue")).toBeVisible();
  await deed(other, "enqueue").locator("[name=delay_ms]").focus();
  await other.keyboard.press("Tab");
  await expect(cancelOf(other, "enqueue")).toBeFocused();
  await other.keyboard.press("Enter");
  for (const page of [speaker, other]) {
    await until(page, (model) => model.action("enqueue").state === "cancelled");
    await expect(cancelOf(page, "enqueue")).toHaveCount(0);
    await expect(deed(page, "enqueue").locator("[data-note]")).toContainText("1 of 500 jobs enqueued");
    await expect(main(page, "enqueue")).toBeEnabled();
    await expect(page.locator(".log-entry[data-state=cancelled]").first()).toContainText("cancelled");
  }
  await other.context().close();
});

test("a page loaded again in the middle shows what runs, and its end", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await enqueueSlowly(speaker);
  await speaker.reload();
  await expect(main(speaker, "enqueue")).toContainText("1 of 500");
  await expect(speaker.locator(".log-entry[data-state=running]").first()).toContainText("1 of 500");
  await act(request, talk, "cancel");
  await until(speaker, (model) => model.action("enqueue").state === "cancelled");
  await expect(main(speaker, "enqueue")).toBeEnabled();
});

test("without JavaScript what runs is named and can be cancelled", async ({ speaker, browser, request, talk }) => {
  await deployed(speaker, request, talk);
  await enqueueSlowly(speaker);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page, talk);
  await page.goto(`${talk.url}/control`);
  await expect(page.locator("form.notice")).toContainText("is running: 1 of 500");
  await page.getByRole("button", { name: "Cancel it" }).click();
  await expect(page).toHaveURL(/\/control$/);
  await until(speaker, (model) => model.action("enqueue").state === "cancelled");
  await page.reload();
  await expect(page.getByRole("button", { name: "Cancel it" })).toHaveCount(0);
  await context.close();
});

test("a removal wins over an enqueueing, and both say so", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await enqueueSlowly(speaker);
  await main(speaker, "remove").click();
  await speaker.getByRole("dialog").getByRole("button", { name: "Remove the demo" }).click();
  await until(speaker, (model) => model.action("remove")?.state === "done", { timeout: 20_000 });
  const enqueue = await speaker.evaluate(() => window.podium.model.action("enqueue"));
  expect(enqueue.state).toBe("cancelled");
  expect(enqueue.message).toContain("the demo is being removed");
});
