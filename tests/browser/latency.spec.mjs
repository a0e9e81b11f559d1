// How soon the room follows. Timed, so it runs with nothing beside it.
import { joined, PHONE, post, shows, stage } from "./room.mjs";
import { expect, test } from "./talk.mjs";

const FOLLOW_P95_MS = 100;
const WARM_UP = 6;
const MOVES = 48;
const ROUNDS = 3;

/** Every test starts where the talk starts, with nobody at the wheel but a window that is already gone. */
test.beforeEach(async ({ request, talk }) => {
  await post(request, talk, { address: "1", click: 0, blank: "none", qr: false, take_over: true });
});

/** Notes in `times` when the page got a key and when a step was drawn: one machine's clocks, so they compare. */
const keepTime = (page) => page.evaluate(() => {
  document.addEventListener("keydown", (event) => window.times.keys.push(performance.timeOrigin + event.timeStamp), true);
  document.addEventListener("podium:slide", () => requestAnimationFrame(() => {
    window.times.shown.push(performance.timeOrigin + performance.now());
  }));
});

test("three viewers and a phone follow the speaker within a tenth of a second", async ({ browser, talk }) => {
  test.setTimeout(120_000);
  const speaker = await stage(browser, talk);
  const viewers = [];
  for (const options of [{}, {}, {}, PHONE]) viewers.push(await joined(browser, talk, options));
  for (const page of [speaker, ...viewers]) await keepTime(page);
  const addresses = (await speaker.locator(".slide").evaluateAll((all) => all.map((one) => one.dataset.address)))
    .filter((address) => !address.includes(".") || address.endsWith(".1"));
  let at = 0;
  let direction = 1;
  /** Moves up and down the deck, slide by slide, and returns every viewer's delay of every move, in order of size. */
  const round = async (moves) => {
    for (const page of [speaker, ...viewers]) await page.evaluate(() => (window.times = { keys: [], shown: [] }));
    for (let move = 0; move < moves; move += 1) {
      if (!addresses[at + direction]) direction = -direction;
      at += direction;
      await speaker.keyboard.press(direction > 0 ? "ArrowDown" : "ArrowUp");
      await Promise.all(viewers.map((page) => shows(page, addresses[at])));
    }
    const { keys } = await speaker.evaluate(() => window.times);
    const delays = [];
    for (const page of viewers) {
      await expect.poll(() => page.evaluate(() => window.times.shown.length)).toBe(moves);
      const { shown } = await page.evaluate(() => window.times);
      shown.forEach((seen, move) => delays.push(seen - keys[move]));
    }
    return delays.sort((a, b) => a - b);
  };
  await round(WARM_UP);
  // Five browsers share this machine with whatever else runs on it: the figure is that of a quiet stretch, if one of
  // the rounds meets one.
  let p95 = Infinity;
  for (let count = 0; count < ROUNDS && p95 >= FOLLOW_P95_MS; count += 1) {
    const delays = await round(MOVES);
    const at = (share) => delays[Math.floor(delays.length * share)];
    p95 = at(0.95);
    console.log(`follow: ${MOVES} moves, ${viewers.length} viewers: p50 ${at(0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
  }
  expect(p95).toBeLessThan(FOLLOW_P95_MS);
  await Promise.all([speaker, ...viewers].map((page) => page.context().close()));
});
