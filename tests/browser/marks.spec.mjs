// What the speaker shares by hand: the QR code, the laser, the pen; and that the room sees it.
import { expect, logIn, test, until } from "./talk.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** A step without fragments, so that one press leaves it. */
const START = "2.1";
const ink = (page) => page.locator(".slide.current .ink");
const laser = (page) => page.locator(".slide.current .laser");
const qr = (page) => page.locator("#qr");

test.beforeEach(async ({ request, talk }) => {
  const post = (path, data) => request.post(talk.url + path, {
    headers: { Accept: "application/json", Authorization: `Bearer ${talk.key}` },
    data: { window: "w-script", kind: "remote", ...data },
  });
  await post("/position", { address: START, click: 0, blank: "none", qr: false, take_over: true });
  await post("/ink", { clear: true });
});

const viewer = async (browser, talk, options = {}) => {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(talk.url);
  await until(page, (model) => model.position !== null);
  return page;
};

const stage = async (browser, talk, options = {}) => {
  const page = await (await browser.newContext(options)).newPage();
  await logIn(page, talk);
  await page.goto(talk.url);
  await until(page, (model) => model.position !== null);
  return page;
};

async function draw(page, [x, y], to) {
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 8 });
  await page.mouse.up();
}

/** A mark's middle as a share of its canvas. */
const share = (mark) => mark.evaluate((one) => {
  // A stroke that has just been finished is drawn anew, and the one that was looked at is no longer on the page.
  if (!one.isConnected) return { x: NaN, y: NaN };
  const canvas = one.closest(".canvas").getBoundingClientRect();
  const box = one.getBoundingClientRect();
  return { x: (box.x + box.width / 2 - canvas.x) / canvas.width, y: (box.y + box.height / 2 - canvas.y) / canvas.height };
});

test("ink is on every screen at the same place, stays with its step, is taken back and wiped by a key", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const watching = await viewer(browser, talk, { viewport: { width: 1600, height: 1000 } });
  await speaker.keyboard.press("i");
  await draw(speaker, [300, 300], [500, 340]);
  await draw(speaker, [600, 300], [700, 300]);
  await expect(ink(watching)).toHaveCount(2);
  await expect(async () => {
    const [there, here] = [await share(ink(watching).first()), await share(ink(speaker).first())];
    expect(Math.abs(there.x - here.x)).toBeLessThan(0.005);
    expect(Math.abs(there.y - here.y)).toBeLessThan(0.01);
    expect(Math.abs(there.x - 400 / 1280)).toBeLessThan(0.01);
  }).toPass({ timeout: 5_000 });
  const late = await viewer(browser, talk);
  await expect(ink(late)).toHaveCount(2);
  await speaker.keyboard.press("PageDown");
  await expect(ink(watching)).toHaveCount(0);
  await speaker.keyboard.press("PageUp");
  await expect(ink(watching)).toHaveCount(2);
  await speaker.keyboard.press("u");
  await expect(ink(watching)).toHaveCount(1);
  await speaker.keyboard.press("c");
  for (const page of [speaker, watching, late]) await expect(ink(page)).toHaveCount(0);
  for (const page of [speaker, watching, late]) await page.context().close();
});

test("a stroke is seen while it is drawn", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const watching = await viewer(browser, talk);
  await speaker.keyboard.press("i");
  await speaker.mouse.move(300, 300);
  await speaker.mouse.down();
  await speaker.mouse.move(500, 340, { steps: 8 });
  await expect(ink(watching)).toHaveCount(1);
  await speaker.mouse.up();
  await speaker.context().close();
  await watching.context().close();
});

test("with the pen in hand a click on a link writes, and without it a drag writes nothing", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const next = await speaker.getByRole("link", { name: /next/i }).boundingBox();
  await draw(speaker, [300, 300], [500, 340]);
  await expect(ink(speaker)).toHaveCount(0);
  await speaker.keyboard.press("i");
  await speaker.mouse.click(next.x + 5, next.y + 5);
  await expect(ink(speaker)).toHaveCount(1);
  await expect(speaker.locator(".slide.current")).toHaveAttribute("data-address", START);
  await speaker.keyboard.press("Escape");
  await speaker.mouse.click(next.x + 5, next.y + 5);
  await expect(speaker.locator(".slide.current")).not.toHaveAttribute("data-address", START);
  await speaker.context().close();
});

test("a finger draws with the pen in hand, and does not turn the page", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk, { hasTouch: true });
  await speaker.keyboard.press("i");
  const session = await speaker.context().newCDPSession(speaker);
  const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await touch("touchStart", [{ x: 800, y: 300 }]);
  for (let x = 760; x >= 400; x -= 40) await touch("touchMove", [{ x, y: 300 }]);
  await touch("touchEnd", []);
  await expect(ink(speaker)).toHaveCount(1);
  await expect(speaker.locator(".slide.current")).toHaveAttribute("data-address", START);
  await speaker.context().close();
});

test("the laser follows the mouse on every screen, goes out when put down, and is nobody's but the speaker's", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const watching = await viewer(browser, talk);
  await speaker.keyboard.press("z");
  await speaker.mouse.move(640, 360);
  await speaker.mouse.move(320, 180, { steps: 4 });
  await expect(laser(watching)).toHaveClass(/lit/);
  await expect.poll(async () => (await share(laser(watching))).x).toBeCloseTo(0.25, 2);
  await speaker.keyboard.press("z");
  await expect(laser(watching)).not.toHaveClass(/lit/);
  await expect(laser(speaker)).not.toHaveClass(/lit/);
  const sent = [];
  watching.on("request", (one) => one.method() === "POST" && sent.push(one.url()));
  for (const key of ["z", "i", "c", "u", "q"]) await watching.keyboard.press(key);
  await draw(watching, [300, 300], [500, 340]);
  await expect(ink(watching)).toHaveCount(0);
  expect(sent).toEqual([]);
  await speaker.context().close();
  await watching.context().close();
});

test("a move turns the laser off; it fades where it rests", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const watching = await viewer(browser, talk);
  await speaker.keyboard.press("z");
  await speaker.mouse.move(320, 180, { steps: 4 });
  await expect(laser(watching)).toHaveClass(/lit/);
  await expect(laser(watching)).not.toHaveClass(/lit/);
  await speaker.keyboard.press("PageDown");
  await speaker.mouse.move(600, 300, { steps: 4 });
  await expect(speaker.locator(".stage")).not.toHaveAttribute("data-tool", "laser");
  await expect(speaker.locator(".laser.lit")).toHaveCount(0);
  await speaker.context().close();
  await watching.context().close();
});

test("under reduced motion the laser has no tail", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk, { reducedMotion: "reduce" });
  await speaker.evaluate(() => {
    window.tails = 0;
    new MutationObserver((all) => {
      for (const { addedNodes } of all) for (const node of addedNodes) if (node.classList?.contains("laser-tail")) window.tails += 1;
    }).observe(document.querySelector(".stage"), { childList: true, subtree: true });
  });
  await speaker.keyboard.press("z");
  await speaker.mouse.move(320, 180, { steps: 10 });
  await expect(laser(speaker)).toHaveClass(/lit/);
  expect(await speaker.evaluate(() => window.tails)).toBe(0);
  await speaker.context().close();
});

test("a phone held upright is told to turn, not shown another word", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const phone = await viewer(browser, talk, PHONE);
  await expect(phone.locator(".turn-phone")).toBeHidden();
  await speaker.keyboard.press("i");
  await draw(speaker, [300, 300], [500, 340]);
  await expect(phone.locator(".turn-phone")).toBeVisible();
  await expect(ink(phone)).toBeHidden();
  await phone.setViewportSize({ width: 844, height: 390 });
  await expect(ink(phone)).toBeVisible();
  await expect(phone.locator(".turn-phone")).toBeHidden();
  await speaker.context().close();
  await phone.context().close();
});

test("a full slide refuses more ink and says how to clear it", async ({ browser, request, talk }) => {
  const stroke = Array.from({ length: 600 }, () => [0.5, 0.5]);
  for (let n = 0; n < 5; n += 1) {
    await request.post(`${talk.url}/ink`, { headers: { Authorization: `Bearer ${talk.key}` }, data: { window: "w-script", address: START, stroke } });
  }
  const speaker = await stage(browser, talk);
  await speaker.keyboard.press("i");
  await draw(speaker, [300, 300], [500, 340]);
  await expect(speaker.getByRole("alert").filter({ hasText: "press c" })).toBeVisible();
  await expect(ink(speaker)).toHaveCount(5);
  await speaker.context().close();
});

test("q shows the way in on every screen and takes it away again; a viewer closes their own", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  const one = await viewer(browser, talk);
  const two = await viewer(browser, talk, PHONE);
  await speaker.keyboard.press("q");
  for (const page of [speaker, one, two]) await expect(qr(page)).toHaveJSProperty("open", true);
  // This server listens on loopback: no code, since phones could not follow it; the remedy is the speaker's.
  await expect(qr(one)).toContainText("Phones cannot reach this talk");
  await expect(qr(one)).not.toContainText("--listen");
  await expect(qr(speaker)).toContainText("--listen 0.0.0.0:3030");
  await one.keyboard.press("Escape");
  await expect(qr(one)).toHaveJSProperty("open", false);
  await expect(qr(two)).toHaveJSProperty("open", true);
  await expect(qr(speaker)).toHaveJSProperty("open", true);
  await speaker.keyboard.press("Escape");
  await expect(qr(two)).toHaveJSProperty("open", false);
  await speaker.keyboard.press("q");
  await expect(qr(one)).toHaveJSProperty("open", true);
  await speaker.keyboard.press("PageDown");
  for (const page of [speaker, one, two]) await expect(qr(page)).toHaveJSProperty("open", false);
  for (const page of [speaker, one, two]) await page.context().close();
});

test("the help of the speaker names every key that works, and a viewer's only theirs", async ({ browser, talk }) => {
  const speaker = await stage(browser, talk);
  await speaker.keyboard.press("?");
  for (const words of ["laser pointer", "pen", "QR code for the room"]) await expect(speaker.locator("#help")).toContainText(words);
  const watching = await viewer(browser, talk);
  await watching.keyboard.press("?");
  await expect(watching.locator("#help")).not.toContainText("laser");
  await speaker.context().close();
  await watching.context().close();
});
