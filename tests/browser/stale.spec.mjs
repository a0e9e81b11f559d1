// The page never shows an old number as a new one: a source that goes takes its numbers along, says why, leaves a gap in
// the graph, and everything comes back without a reload. A real redis-server is killed, and Podium itself.
import { freePort, startRedis } from "./redis.mjs";
import { expect, logIn, start, test, until } from "./talk.mjs";

/** Wide enough for some pixels of a graph that shows five minutes. */
const OUTAGE_MS = 5_000;
const JOBS = 40;

/** A redis-server that holds some jobs. */
async function queue(port) {
  const redis = await startRedis(port);
  redis.ask("LPUSH", "keda-demo-queue", ...Array.from({ length: JOBS }, (_, at) => `job-${at}`));
  return redis;
}

/** How many separate stretches of the first graph are drawn in colour: its grid and words are grey. */
const stretches = (page) =>
  page.locator("figure.chart canvas").first().evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const coloured = (x) => {
      for (let y = 0; y < canvas.height; y += 1) {
        const [r, g, b, a] = data.subarray(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4);
        if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 40) return true;
      }
      return false;
    };
    let count = 0;
    let before = false;
    for (let x = 0; x < canvas.width; x += 1) {
      const now = coloured(x);
      if (now && !before) count += 1;
      before = now;
    }
    return count;
  });

const mark = (page) => page.evaluate(() => (window.neverReloaded = true));
const marked = (page) => page.evaluate(() => window.neverReloaded === true);
const depth = (page) => page.locator('.chart-value[data-live="depth"]').first();

async function picture(page, testInfo, name) {
  await testInfo.attach(name, { body: await page.screenshot(), contentType: "image/png" });
}

test("when Redis goes its numbers go with the reason, and they come back without a reload, with a gap in the graph", async ({ page, browser }, testInfo) => {
  let redis = await queue();
  const talk = await start(["--redis", redis.url]);
  const room = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
  try {
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    await room.goto(`${talk.url}/9.2`);
    for (const watched of [page, room]) {
      await until(watched, (model, jobs) => model.sample?.depth === jobs && model.history.t.length > 15, { argument: JOBS, timeout: 20_000 });
      await mark(watched);
    }
    await expect.poll(() => stretches(page)).toBe(1);

    await redis.stop();
    for (const watched of [page, room]) {
      await expect(depth(watched)).toHaveText("–", { timeout: 2_500 });
      await expect(depth(watched)).toHaveAttribute("data-stale", /^redis: .*(lost|not reachable)/);
    }
    await expect(page.locator('[data-source="redis"]')).toHaveAttribute("data-state", "bad");
    await expect(page.locator("[data-trouble]")).toContainText(/redis: .*since \d\d:\d\d:\d\d/);
    await expect(page.locator('[data-source="cluster"]')).toHaveAttribute("data-state", "ok");
    await until(page, (model, ms) => {
      const { t, depth } = model.history;
      return t.at(-1) - t[depth.findLastIndex((value) => value !== null)] > ms;
    }, { argument: OUTAGE_MS, timeout: OUTAGE_MS + 5_000 });
    await picture(page, testInfo, "control, Redis gone");
    await picture(room, testInfo, "slide 9.2, Redis gone");

    redis = await queue(redis.port);
    for (const watched of [page, room]) {
      await expect(depth(watched)).toHaveText(String(JOBS), { timeout: 10_000 });
      await expect(depth(watched)).not.toHaveAttribute("data-stale", /./);
      expect(await marked(watched)).toBe(true);
    }
    await expect(page.locator("[data-trouble]")).toBeEmpty();
    await until(page, ({ history: { t, depth } }) => t.at(-1) - t[depth.lastIndexOf(null)] > 4_000, { timeout: 15_000 });
    await expect.poll(() => stretches(page)).toBe(2);
    await expect.poll(() => stretches(room)).toBe(2);
    await picture(page, testInfo, "control, Redis back");
    await picture(room, testInfo, "slide 9.2, Redis back");

    // Who comes now gets the gap with the history.
    await page.goto(`${talk.url}/control`);
    await until(page, (model, jobs) => model.sample?.depth === jobs, { argument: JOBS });
    await expect.poll(() => stretches(page)).toBe(2);
  } finally {
    await room.context().close();
    await talk.stop();
    await redis.stop();
  }
});

test("when Podium itself goes the page says so, and goes on with the next one at the same address", async ({ page }, testInfo) => {
  const listen = `127.0.0.1:${await freePort()}`;
  let talk = await start([], listen);
  try {
    await page.goto(`${talk.url}/9.2`);
    await until(page, (model) => model.connection === "live" && model.sample !== null);
    await mark(page);
    await talk.stop();
    await until(page, (model) => model.connection === "lost" && model.sample === null, { timeout: 5_000 });
    await expect(depth(page)).toHaveAttribute("data-stale", /does not answer/);
    await picture(page, testInfo, "slide 9.2, Podium gone");
    talk = await start([], listen);
    await until(page, (model) => model.connection === "live" && model.sample !== null, { timeout: 15_000 });
    expect(await marked(page)).toBe(true);
  } finally {
    await talk.stop();
  }
});
