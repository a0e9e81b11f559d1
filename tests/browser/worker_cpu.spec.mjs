// What the workers use of CPU stands beside their number, and fits there; where the cluster does not say it, nothing does.
import { deployed, expect, test, until } from "./talk.mjs";

/** The beside is wholly inside its heading, and so is its number. */
const fits = (entry) => entry.evaluate((element) => {
  const head = element.closest(".chart-head").getBoundingClientRect();
  return [element, element.querySelector(".chart-value")].every((part) => {
    const { left, right, top, bottom } = part.getBoundingClientRect();
    return left >= head.left - 1 && right <= head.right + 1 && top >= head.top - 1 && bottom <= head.bottom + 1;
  });
});

test("what the workers use is shown beside the replicas, on the desk and on a phone", async ({ speaker, request, talk }) => {
  test.setTimeout(90_000);
  await deployed(speaker, request, talk);
  await until(speaker, (model) => model.sample?.cpu > 0, { timeout: 50_000 });
  const entry = speaker.locator('.graphs [data-beside="cpu"]');
  for (const [width, height] of [[1280, 720], [390, 844]]) {
    await speaker.setViewportSize({ width, height });
    await expect(entry).toBeVisible();
    await expect(entry.locator(".chart-value")).toHaveText(/^\d+ mCPU$/);
    expect(await fits(entry), `${width}×${height}`).toBe(true);
    expect(await speaker.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
  await expect(speaker.locator(".pods .pod").first()).toHaveAttribute("title", /: ready, \d+ mCPU$/);
  await expect(speaker.locator('.light[data-source="cpu"]')).toHaveAttribute("data-state", "ok");
});

test("where the cluster does not say it there is no place for it, and where it falls silent a dash", async ({ speaker, request, talk }) => {
  await deployed(speaker, request, talk);
  const entry = speaker.locator('.graphs [data-beside="cpu"]');
  const light = speaker.locator('.light[data-source="cpu"]');
  // The server's own words are told anew only when they change; until then these stand.
  const tell = (sources) => speaker.evaluate(async (sources) => {
    const { apply, model } = await import("/static/js/live.js");
    apply("health", { sources: [...model.health.filter((source) => source.name !== "cpu"), ...sources] });
  }, sources);
  await tell([]);
  await expect(entry).toBeHidden();
  await expect(light).toBeHidden();
  await tell([{ name: "cpu", ok: false, due: false, reason: "no answer within 2 s", since: 1 }]);
  await expect(entry).toBeVisible();
  await expect(light).toHaveAttribute("data-state", "waiting");
  await expect(light).toHaveAttribute("title", "cpu: no answer within 2 s");
  await expect(speaker.locator("[data-trouble]")).toBeEmpty();
});
