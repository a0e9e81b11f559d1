// Dead letters on the control page: a sheet over the desk, by mouse and by keyboard, with a queue whose letters the
// test writes itself.
import { inBothThemes } from "./axe.mjs";
import { startRedis } from "./redis.mjs";
import { test as base, expect, logIn, start, until } from "./talk.mjs";

const QUEUE = "keda-demo-queue";
const SCREENS = { "a laptop": { width: 1280, height: 720 }, "a phone": { width: 390, height: 844 } };

const test = base.extend({
  redis: [
    async ({}, use) => {
      const redis = await startRedis();
      await use(redis);
      await redis.stop();
    },
    { scope: "worker" },
  ],
  talk: [
    async ({ redis }, use) => {
      const talk = await start(["--redis", redis.url]);
      await use(talk);
      await talk.stop();
    },
    { scope: "worker" },
  ],
});

const job = (seq) => JSON.stringify({ id: `r-${seq}`, run: "r", seq, prefix: "ticket", enqueued_at_ms: 1, attempt: 3, work_ms: 250 });

/** Writes dead letters as a worker does, newest last; a number is a job, a text is none. Their ids count from 1. */
function bury(redis, ...bodies) {
  redis.ask("FLUSHALL");
  bodies.forEach((body, at) => {
    const isJob = typeof body === "number";
    const reason = isJob ? "its worker was lost on attempt 3 of 3" : "not a job: expected value at line 1 column 1";
    const id = String(at + 1).padStart(12, "0");
    const letter = { id, reason, worker: "queue-worker-5d4f-x2k9z", at_ms: Date.now(), job: isJob ? job(body) : body };
    redis.ask("LPUSH", `{${QUEUE}}:dead`, JSON.stringify(letter));
  });
  redis.ask("HSET", `{${QUEUE}}:stats`, "enqueued", String(bodies.length), "dead", String(bodies.length));
}

const sheet = (page) => page.locator("[data-letters-sheet]");
const letters = (page) => sheet(page).locator("[data-letter]");
const dead = (page, count) => until(page, (model, count) => model.sample?.dead === count, { argument: count });

/** Opens the sheet with these letters in it. */
async function open(page, redis, ...bodies) {
  bury(redis, ...bodies);
  await dead(page, bodies.length);
  await page.getByRole("link", { name: /Dead letters/ }).click();
  await expect(letters(page)).toHaveCount(bodies.length);
}

test("the desk counts dead letters and the sheet says what they are", async ({ speaker, redis }) => {
  await open(speaker, redis, "hello", 4);
  await expect(speaker.locator("[data-letters-open]")).toHaveText("Dead letters 2");
  const [newest, oldest] = await letters(speaker).all();
  await expect(newest).toContainText("its worker was lost on attempt 3 of 3");
  await expect(newest).toContainText("ticket 5, attempt 3");
  await expect(newest.locator("time")).toHaveText(/^\d\d:\d\d:\d\d$/);
  await expect(oldest).toContainText("Cannot be retried");
  await oldest.getByText("What lay on the queue").click();
  await expect(oldest.locator("pre")).toHaveText("hello");
  await speaker.keyboard.press("Escape");
  await expect(sheet(speaker)).toBeHidden();
});

test("one letter is retried at once, and the pressed button has no focus left", async ({ speaker, redis }) => {
  await open(speaker, redis, 1, 2);
  await letters(speaker).first().getByRole("button", { name: /^Retry/ }).click();
  await expect(letters(speaker)).toHaveCount(1);
  await expect(sheet(speaker).getByRole("status")).toHaveText("Dead letter 000000000002 retried.");
  expect(await speaker.evaluate(() => document.activeElement?.tagName)).not.toBe("BUTTON");
  expect(redis.ask("LLEN", QUEUE)).toBe("1");
  await dead(speaker, 1);
});

test("what destroys asks first, and so does what moves everything", async ({ speaker, redis }) => {
  await open(speaker, redis, 1, "hello", 3);
  const ask = speaker.locator("[data-ask]");
  for (const [name, keep] of [[/^Discard… 0/, "Keep it"], ["Retry all…", "Leave them"], ["Discard all…", "Keep them"]]) {
    await sheet(speaker).getByRole("button", { name }).first().click();
    await expect(ask.getByRole("button", { name: keep })).toBeFocused();
    await speaker.keyboard.press("Enter");
    await expect(ask).toBeHidden();
    await expect(letters(speaker)).toHaveCount(3);
  }
  await sheet(speaker).getByRole("button", { name: "Retry all…" }).click();
  await ask.getByRole("button", { name: "Retry all" }).click();
  await expect(letters(speaker)).toHaveCount(1);
  await expect(sheet(speaker).getByRole("status")).toContainText("1 is no job and was left");
  await sheet(speaker).getByRole("button", { name: "Discard all…" }).click();
  await ask.getByRole("button", { name: "Discard all" }).click();
  await expect(sheet(speaker)).toContainText("None.");
  await until(speaker, (model) => model.sample?.dead === 0 && model.sample.discarded === 1);
});

test("of two windows one retries, the other is told", async ({ browser, speaker, redis, talk }) => {
  await open(speaker, redis, 1);
  const other = await (await browser.newContext()).newPage();
  await logIn(other, talk);
  await other.goto(`${talk.url}/control`);
  await dead(other, 1);
  await other.getByRole("link", { name: /Dead letters/ }).click();
  await expect(letters(other)).toHaveCount(1);
  // What the other window does not see yet.
  await other.route("**/dead-letters", (route) => route.abort());
  await letters(speaker).getByRole("button", { name: /^Retry/ }).click();
  await expect(letters(speaker)).toHaveCount(0);
  await letters(other).getByRole("button", { name: /^Retry/ }).click();
  await expect(sheet(other).getByRole("status")).toContainText("meanwhile");
  expect(redis.ask("LLEN", QUEUE)).toBe("1");
  await other.context().close();
});

test("a letter that comes while one is read leaves it unfolded", async ({ speaker, redis }) => {
  await open(speaker, redis, 1);
  const first = letters(speaker).filter({ hasText: "ticket 2" });
  await first.getByText("What lay on the queue").click();
  redis.ask("LPUSH", `{${QUEUE}}:dead`, JSON.stringify({ id: "aaaaaaaaaaaa", reason: "new", worker: "w", at_ms: 1, job: "x" }));
  redis.ask("HINCRBY", `{${QUEUE}}:stats`, "dead", "1");
  await expect(letters(speaker)).toHaveCount(2);
  await expect(first.locator("details")).toHaveJSProperty("open", true);
});

test("the sheet is opened, used and closed by keyboard, and no clicker key presses anything", async ({ speaker, redis }) => {
  bury(redis, 1, 2);
  await dead(speaker, 2);
  const link = speaker.getByRole("link", { name: /Dead letters/ });
  await link.focus();
  for (const key of ["PageDown", "PageUp", "b", ".", "Space"]) await speaker.keyboard.press(key);
  await expect(sheet(speaker)).toBeHidden();
  await speaker.keyboard.press("Enter");
  await expect(letters(speaker)).toHaveCount(2);
  await expect(sheet(speaker).getByRole("button", { name: "Close" })).toBeFocused();
  for (const key of ["PageDown", "PageUp", "b", "."]) await speaker.keyboard.press(key);
  await letters(speaker).first().getByRole("button", { name: /^Retry/ }).focus();
  await speaker.keyboard.press("Enter");
  await expect(letters(speaker)).toHaveCount(1);
  await speaker.keyboard.press("Space");
  await speaker.keyboard.press("Escape");
  await expect(sheet(speaker)).toBeHidden();
  expect(redis.ask("LLEN", `{${QUEUE}}:dead`)).toBe("1");
});

test("without scripts the page's own forms do it all, and a late one is told", async ({ browser, redis, talk }) => {
  bury(redis, 1, "hello", 3);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page, talk);
  await page.locator("[data-letters-open]").click();
  await expect(page).toHaveURL(/\/dead-letters$/);
  const shown = page.locator("[data-letter]");
  await expect(shown).toHaveCount(3);
  await shown.first().getByRole("button", { name: /^Retry/ }).click();
  await expect(shown).toHaveCount(2);
  // The browser insists on the box.
  const discard = shown.first().getByRole("button", { name: /^Discard/ });
  await discard.click();
  await expect(shown).toHaveCount(2);
  await shown.first().getByRole("checkbox").check();
  await discard.click();
  await expect(shown).toHaveCount(1);
  redis.ask("DEL", `{${QUEUE}}:dead`);
  await shown.getByRole("button", { name: /^Retry/ }).click();
  await expect(page.getByRole("alert")).toContainText("meanwhile");
  await context.close();
});

for (const [screen, viewport] of Object.entries(SCREENS)) {
  test(`axe finds nothing in the sheet and on the page, and both fit, on ${screen}`, async ({ browser, redis, talk }) => {
    const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
    const page = await context.newPage();
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    await open(page, redis, "<b>hello</b>".repeat(40), 2, 3);
    const check = async (where) => {
      expect(await inBothThemes(page, where)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
    };
    await check("sheet");
    const box = await sheet(page).boundingBox();
    expect(box.x >= 0 && box.x + box.width <= viewport.width && box.y >= 0 && box.y + box.height <= viewport.height).toBe(true);
    await page.goto(`${talk.url}/dead-letters`);
    await check("page");
    await context.close();
  });
}
