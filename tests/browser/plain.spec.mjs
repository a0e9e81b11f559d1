// Without JavaScript: the slides are read and turned by their links, the speaker gets in, and every form works.
import { expect, test, until } from "./talk.mjs";

test.use({ javaScriptEnabled: false });

const current = (page) => page.locator(".slide.current");

async function logIn(page, talk) {
  await page.goto(`${talk.url}/login`);
  await page.getByLabel("Speaker key").fill(talk.key);
  await page.getByRole("button").click();
}

test("the whole deck is walked by its links, and nothing on it waits for a script", async ({ page, talk }) => {
  await page.goto(`${talk.url}/1`);
  const all = await page.locator(".stage > .slide").count();
  for (let at = 1; at < all; at += 1) {
    await expect(current(page)).toHaveCount(1);
    const hidden = current(page).locator("[data-click]:not(:visible), .unlit");
    expect(await hidden.count()).toBe(0);
    await page.getByRole("link", { name: /next/i }).click();
  }
  await expect(page.getByRole("link", { name: /next/i })).toHaveCount(0);
  await page.getByRole("link", { name: /back/i }).click();
  await expect(page.getByRole("link", { name: /next/i })).toHaveCount(1);
});

test("the speaker logs in, a wrong key is told", async ({ page, talk }) => {
  await page.goto(`${talk.url}/control`);
  await expect(page).toHaveURL(/\/login$/);
  await page.getByLabel("Speaker key").fill("guess");
  await page.getByRole("button").click();
  await expect(page.getByRole("alert")).toContainText("podium serve");
  // The wrong key makes its address wait for a second.
  await expect(async () => {
    await logIn(page, talk);
    await expect(page).toHaveURL(/\/control$/, { timeout: 500 });
  }).toPass();
  await expect(page.getByRole("heading", { name: "Do", exact: true })).toBeVisible();
});

test("the control page's forms work from deploy to remove, and a wrong count is told", async ({ browser, page, talk }) => {
  // Somebody else's page, with JavaScript, sees what the forms set in motion.
  const context = await browser.newContext({ javaScriptEnabled: true });
  const witness = await context.newPage();
  await witness.goto(`${talk.url}/9.2`);
  const press = async (kind) => {
    const answer = page.waitForResponse((one) => one.url().includes(`/actions/${kind}`));
    await page.locator(`form[data-deed=${kind}] button`).click();
    return (await answer).status();
  };
  await logIn(page, talk);
  expect(await press("deploy")).toBe(303);
  await expect(page).toHaveURL(/\/control$/);
  await until(witness, (model) => model.deployment?.state === "deployed" && model.source("redis")?.ok, { timeout: 20_000 });
  const count = page.locator("form[data-deed=enqueue] [name=count]");
  await count.fill("plenty");
  expect(await press("enqueue")).toBe(422);
  await expect(page.getByRole("alert").first()).toContainText("plenty");
  await count.fill("7");
  expect(await press("enqueue")).toBe(303);
  await until(witness, (model) => model.action("enqueue")?.total === 7);
  await until(witness, (model) => model.action("enqueue")?.state === "done");
  // What destroys asks with a box to tick, and the browser insists on it.
  await page.locator("form[data-deed=remove] button").click();
  await expect(page).toHaveURL(/\/control$/);
  await page.getByLabel("Yes, remove it").check();
  expect(await press("remove")).toBe(303);
  await until(witness, (model) => model.action("remove")?.state === "done", { timeout: 20_000 });
  await context.close();
});

test("the way in is shown as a page", async ({ page, talk }) => {
  await page.goto(`${talk.url}/qr`);
  await expect(page.getByRole("heading")).toContainText("Phones cannot reach this talk");
});
