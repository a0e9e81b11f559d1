// The control page as a speaker under stress uses it: wrong numbers, second thoughts, a lost connection.
import { act, deployed, expect, logIn, start, test, until } from "./talk.mjs";

const BAD_COUNTS = ["0", "-1", "1000000000", "plenty"];
/** A number may be written back with separators. */
const asWritten = (value) => new RegExp(value.replace(/\B(?=(\d{3})+(?!\d))/g, ",?"));
const deed = (page, kind) => page.locator(`form[data-deed=${kind}]`);
const note = (page, kind) => deed(page, kind).locator("[data-note]");
const press = (page, kind) => deed(page, kind).locator("button").click();
const countOf = (page, kind) => page.evaluate((kind) => window.podium.model.actions.filter((action) => action.kind === kind).length, kind);

test("a disabled button says why", async ({ page }) => {
  // A server of its own, on which nothing is deployed yet.
  const talk = await start();
  try {
    await logIn(page, talk);
    await until(page, (model) => model.deployment?.state === "absent");
    for (const kind of ["spike", "enqueue", "purge"]) {
      await expect(deed(page, kind).locator("button")).toBeDisabled();
      await expect(deed(page, kind).locator("button")).toHaveAttribute("title", "Deploy the demo first.");
      await expect(note(page, kind)).toHaveText("Deploy the demo first.");
    }
    await expect(note(page, "remove")).toHaveText("Nothing deployed.");
  } finally {
    await talk.stop();
  }
});

test("the control page is the speaker's alone", async ({ page, request, talk }) => {
  await page.goto(`${talk.url}/control`);
  await expect(page.locator("form[data-deed]")).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText(/speaker/i);
  const answer = await request.post(`${talk.url}/actions/deploy`, { headers: { Accept: "application/json" } });
  expect([401, 403]).toContain(answer.status());
});

test("a wrong key is refused and says where the right one is, which opens a second later", async ({ page, talk }) => {
  await page.goto(`${talk.url}/login`);
  await page.getByLabel("Speaker key").fill("not-the-key");
  await page.getByRole("button").click();
  await expect(page.getByRole("alert")).toContainText("podium serve");
  await expect(async () => {
    await logIn(page, talk);
    await expect(page).toHaveURL(/\/control$/, { timeout: 500 });
  }).toPass();
});

for (const kind of ["spike", "enqueue"]) {
  for (const value of BAD_COUNTS) {
    test(`${kind} of ${value} jobs is refused by name, with a remedy`, async ({ speaker, request, talk }) => {
      await deployed(speaker, request, talk);
      const before = await countOf(speaker, kind);
      await deed(speaker, kind).locator("[name=count]").fill(value);
      await press(speaker, kind);
      const alert = deed(speaker, kind).getByRole("alert");
      await expect(alert).toContainText(asWritten(value));
      // The message in bold, then what to do.
      const remedy = (await alert.textContent()).slice((await alert.locator("b").textContent()).length).trim();
      expect(remedy.length).toBeGreaterThan(10);
      await expect(deed(speaker, kind).locator("[name=count]")).toHaveAttribute("aria-invalid", "true");
      expect(await countOf(speaker, kind)).toBe(before);
      expect((await request.get(`${talk.url}/healthz`)).ok()).toBe(true);
      await deed(speaker, kind).locator("[name=count]").fill("10");
      await expect(deed(speaker, kind).getByRole("alert")).toHaveCount(0);
    });
  }
}

test("a delay that is no number is refused by name", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await deed(speaker, "enqueue").locator("[name=delay_ms]").fill("soon");
  await press(speaker, "enqueue");
  await expect(deed(speaker, "enqueue").getByRole("alert")).toContainText("soon");
});

test("five thousand may be written 5,000, and the button says what it will do", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  const button = deed(speaker, "spike").locator("button");
  await expect(button).toContainText("5,000 ticket purchases");
  await deed(speaker, "spike").locator("[name=count]").fill("1,200");
  await expect(button).toContainText("1,200 ticket purchases");
  await deed(speaker, "enqueue").locator("[name=count]").fill("1");
  await expect(deed(speaker, "enqueue").locator("button")).toContainText("Enqueue 1 job");
});

test("what destroys asks first", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await act(request, talk, "enqueue", { count: "2000", prefix: "browser", delay_ms: "0" });
  await until(speaker, (model) => model.sample?.depth > 1000);
  const dialog = speaker.getByRole("dialog");
  for (const [kind, title] of [["purge", "Purge the queue?"], ["remove", "Remove the demo?"]]) {
    await press(speaker, kind);
    await expect(dialog).toContainText(title);
    await expect(dialog.getByRole("button", { name: "Keep it" })).toBeFocused();
    await speaker.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await press(speaker, kind);
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await expect(dialog).toBeHidden();
    expect(await countOf(speaker, kind)).toBe(0);
  }
  await press(speaker, "purge");
  await dialog.getByRole("button", { name: "Purge the queue" }).click();
  await until(speaker, (model) => model.action("purge")?.state === "done" && model.sample?.depth === 0, { timeout: 10_000 });
});

test("without a yes the server destroys nothing", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  for (const kind of ["purge", "remove"]) {
    const { status, body } = await act(request, talk, kind);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body.error.remedy).toContain("confirm");
  }
  expect(await speaker.evaluate(() => window.podium.model.deployment.state)).toBe("deployed");
});

test("without JavaScript the forms work and errors are shown", async ({ browser, talk }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page, talk);
  await page.goto(`${talk.url}/control`);
  await deed(page, "enqueue").locator("[name=count]").fill("-1");
  await press(page, "enqueue");
  await expect(page.getByRole("alert").first()).toContainText("-1");
  await page.goto(`${talk.url}/control`);
  await deed(page, "enqueue").locator("[name=count]").fill("3");
  await press(page, "enqueue");
  await expect(page).toHaveURL(/\/control/);
  await expect(page.locator("form[data-deed]")).toHaveCount(5);
  await context.close();
});

test("a lost connection takes the numbers away instead of keeping old ones", async ({ speaker, talk }) => {
  await speaker.route("**/events?*", (route) => route.abort());
  await speaker.goto(`${talk.url}/control`);
  await expect(speaker.locator("[data-connection]")).toHaveText("Reconnecting");
  await expect(speaker.locator('.chart-value[data-live="depth"]')).toHaveText("–");
  await expect(speaker.locator('.chart-value[data-live="depth"]')).toHaveAttribute("data-stale", /does not answer/);
  await expect(note(speaker, "deploy")).toHaveText("Waiting for the server.");
  await speaker.unroute("**/events?*");
  await until(speaker, (model) => model.connection === "live", { timeout: 10_000 });
});

test("a hidden tab gives its connection back and catches up when it is shown", async ({ speaker }) => {
  const hide = (hidden) =>
    speaker.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  const isStream = (request) => request.url().includes("/events?");
  const closed = Promise.race(["requestfailed", "requestfinished"].map((name) => speaker.waitForEvent(name, isStream)));
  await hide(true);
  await closed;
  const opened = speaker.waitForEvent("request", isStream);
  await hide(false);
  await opened;
  await until(speaker, (model) => model.connection === "live" && model.sample !== null);
});

test("the chosen theme is remembered", async ({ speaker }) => {
  const theme = () => speaker.evaluate(() => document.documentElement.dataset.theme);
  await speaker.locator("[data-theme-switch]").click();
  const chosen = await theme();
  expect(["light", "dark"]).toContain(chosen);
  await speaker.reload();
  expect(await theme()).toBe(chosen);
});

for (const [width, height] of [[1280, 720], [1920, 1080], [390, 844]]) {
  test(`the desk fits ${width}×${height}`, async ({ speaker, request, talk }) => {
    await speaker.setViewportSize({ width, height });
    await deployed(speaker, request, talk);
    const page = await speaker.evaluate(() => ({ wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight }));
    expect(page.wide).toBeLessThanOrEqual(width);
    // A phase with a long clock, before a full hall, pushes nothing down.
    const [atRest, underWay] = await speaker.evaluate(async () => {
      const { apply, model } = await import("/static/js/live.js");
      const bar = document.querySelector(".bar");
      const before = bar.offsetHeight;
      apply("sample", { ...model.sample, t: model.sample.t + 1, phase: "response", phase_since: model.now() - 114_000, viewers: 120 });
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return [before, bar.offsetHeight];
    });
    expect(underWay).toBe(atRest);
    if (width < 1000) return;
    expect(page.high).toBeLessThanOrEqual(height);
    for (const part of [".do", ".flow", ".graphs", ".pods-panel", ".happened"]) await expect(speaker.locator(part)).toBeInViewport({ ratio: 1 });
  });
}

test("a slide's button announces without leaving the slide", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  await speaker.goto(`${talk.url}/9.2`);
  await until(speaker, (model) => model.connection === "live" && model.source("redis")?.ok);
  const before = await countOf(speaker, "spike");
  const button = speaker.locator(".slide.current .controls").getByRole("button", { name: /Tour announcement/ });
  await button.click();
  await until(speaker, (model, before) => model.actions.filter((action) => action.kind === "spike").length > before, { argument: before });
  expect(await speaker.evaluate(() => document.activeElement?.tagName)).not.toBe("BUTTON");
  await expect(speaker).toHaveURL(/\/9\.2$/);
  await until(speaker, (model) => model.action("spike").state === "done" && model.sample?.depth > 0, { timeout: 10_000 });
  await expect(button).toHaveText("Tour announcement");
  await act(request, talk, "purge", { confirm: "yes" });
});
