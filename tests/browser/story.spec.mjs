// The main job, at full length and with its time limits: deploy, announce the tour, watch it scale out, drain, and come
// gently back. All numbers are read from the page, not from the server; times run from the click event in the page to
// the sample that shows the effect, so that a slow test runner does not count.
import { expect, logIn, test, until } from "./talk.mjs";

const DEPLOY_MS = 15_000;
const BACKLOG_MS = 2_000;
const DOZENS_MS = 30_000;
const DRAINED_MS = 90_000;
const BASELINE_MS = 4 * 60_000;
/** How much longer than the limit to wait for the sample that proves it. */
const SLACK_MS = 5_000;

/** Values of a column since `t`, without the unknown ones. */
const column = (page, name, t) =>
  page.evaluate(
    ([name, t]) => {
      const { history } = window.podium.model;
      return history[name].filter((value, at) => history.t[at] >= t && value !== null);
    },
    [name, t],
  );

/** Milliseconds from `t` to the first sample in which `column` lies between `atLeast` and `atMost`. */
const reached = (page, column, { t, atLeast = -Infinity, atMost = Infinity }) =>
  page.evaluate(
    ({ column, t, atLeast, atMost }) => {
      const { history } = window.podium.model;
      const at = history.t.findIndex((moment, at) => {
        const value = history[column][at];
        return moment >= t && value !== null && value >= atLeast && value <= atMost;
      });
      return at < 0 ? Infinity : history.t[at] - t;
    },
    { column, t, atLeast, atMost },
  );

/** Share of a canvas that is painted at all. */
const painted = (page, index) =>
  page.locator("figure.chart canvas").nth(index).evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count += 1;
    return count / (data.length / 4);
  });

const falls = (values) => values.filter((value, at) => at > 0 && value < values[at - 1]);

async function picture(page, testInfo, name) {
  await testInfo.attach(name, { body: await page.screenshot(), contentType: "image/png" });
}

test("the tour announcement scales one replica to dozens and comes gently back", async ({ page, talk, browser }, testInfo) => {
  await logIn(page, talk);
  await page.goto(`${talk.url}/control`);
  await until(page, (model) => model.connection === "live" && model.deployment !== null);

  await page.getByRole("button", { name: /^Deploy/ }).click();
  await until(
    page,
    (model) => model.deployment.state === "deployed" && model.sample?.ready === 1 && model.source("redis").ok && model.source("metrics").ok,
    { timeout: DEPLOY_MS },
  );
  await expect(page.locator("[data-deed=deploy] [data-note]")).toHaveText("Redis 1/1 · queue-worker 1/1");

  // The room looks on: a viewer without a session sees the same live slide.
  const room = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
  await room.goto(`${talk.url}/9.2`);
  await until(room, (model) => model.connection === "live");

  const before = await page.evaluate(() => ({ ...window.podium.model.sample }));
  const button = page.getByRole("button", { name: /Tour announcement/ });
  await expect(button).toBeEnabled();
  await page.evaluate(() => addEventListener("click", () => (window.pressedAt = Date.now()), { capture: true, once: true }));
  await button.click();
  const pressed = await page.evaluate(() => window.pressedAt);
  const left = (ms) => Math.max(1, pressed + ms + SLACK_MS - Date.now());

  // What a clicker sends must not announce twice.
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
  for (const key of ["Space", "PageDown", "Enter", "."]) await page.keyboard.press(key);

  const enqueued = before.enqueued + 5000;
  await until(
    page,
    ({ history, sample }, { want, t }) => sample?.enqueued >= want && history.depth.some((depth, at) => depth >= 4900 && history.t[at] >= t),
    { timeout: left(BACKLOG_MS), argument: { want: enqueued, t: pressed } },
  );
  expect(await reached(page, "enqueued", { t: pressed, atLeast: enqueued })).toBeLessThanOrEqual(BACKLOG_MS);
  expect(await reached(page, "depth", { t: pressed, atLeast: 4900 })).toBeLessThanOrEqual(BACKLOG_MS);

  for (const watched of [page, room]) {
    await until(watched, (model) => model.sample?.ready >= 24, { timeout: left(DOZENS_MS) });
    expect(await reached(watched, "ready", { t: pressed, atLeast: 24 })).toBeLessThanOrEqual(DOZENS_MS);
  }
  const shown = await page.evaluate(() => {
    const { pods, sample } = window.podium.model;
    const squares = document.querySelectorAll('[data-pods] .pod[data-state="ready"]').length;
    return { squares, listed: pods.filter((pod) => pod.state === "ready").length, ready: sample.ready };
  });
  expect(shown.listed).toBeGreaterThanOrEqual(24);
  expect(shown.squares).toBeGreaterThanOrEqual(24);
  await picture(page, testInfo, "control, response");
  await picture(room, testInfo, "slide 9.2, response");

  await until(page, (model) => model.sample?.depth === 0 && model.latest("drained"), { timeout: left(DRAINED_MS) });
  const full = await reached(page, "depth", { t: pressed, atLeast: 4900 });
  expect(full + (await reached(page, "depth", { t: pressed + full, atMost: 0 }))).toBeLessThanOrEqual(DRAINED_MS);
  await until(page, (model) => model.sample?.phase === "recovery");
  await picture(page, testInfo, "control, recovery");

  await until(page, (model) => model.latest("baseline") && model.sample?.replicas === 1 && model.sample?.ready === 1, { timeout: left(BASELINE_MS) });
  const peaked = await reached(page, "replicas", { t: pressed, atLeast: 24 });
  expect(peaked + (await reached(page, "replicas", { t: pressed + peaked, atMost: 1 }))).toBeLessThanOrEqual(BASELINE_MS);
  const replicas = await column(page, "replicas", pressed);
  const peak = replicas.indexOf(Math.max(...replicas));
  expect(falls(replicas.slice(peak)).length, `steps down in ${[...new Set(replicas)].join(", ")}`).toBeGreaterThanOrEqual(4);

  await until(page, (model, want) => model.sample?.processed >= want, { argument: before.processed + 5000 });
  const after = await page.evaluate(() => ({ ...window.podium.model.sample }));
  expect(after.enqueued - before.enqueued).toBe(5000);
  expect(after.processed - before.processed).toBe(5000);
  expect(after).toMatchObject({ depth: 0, in_flight: 0, duplicates: 0, dead: 0, failed: 0 });

  const kinds = await page.evaluate(() => window.podium.model.milestones.map((milestone) => milestone.kind));
  for (const kind of ["deployed", "trigger", "rescale", "cold_start", "dozens", "drained", "scale_in", "baseline"]) expect(kinds).toContain(kind);
  const announcements = await page.evaluate(() => window.podium.model.actions.filter((action) => action.kind === "spike").length);
  expect(announcements).toBe(1);

  await expect(page.locator('.chart-value[data-live="replicas"]')).toHaveText("1");
  for (const graph of [0, 1]) expect(await painted(page, graph)).toBeGreaterThan(0.05);
  await picture(page, testInfo, "control, baseline");
  await picture(room, testInfo, "slide 9.2, baseline");
  await room.context().close();
});
