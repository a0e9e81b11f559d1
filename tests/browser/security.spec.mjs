// What an attacker would try on the browsers: a deck full of scripts, a page elsewhere that presses our buttons, a link
// that leaves its key behind.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, logIn, start, test } from "./talk.mjs";

const BINARY = process.env.PODIUM_BIN ?? "target/debug/podium";
const HOSTILE = "tests/decks/hostile";

/** Notes every sign that something of the deck ran or tried to. */
const watched = (page) => {
  const signs = [];
  page.on("dialog", (dialog) => {
    signs.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => signs.push(`error: ${error.message}`));
  // A script that only the content policy stopped got through the sanitiser.
  page.on("console", (message) => /script|javascript:/i.test(message.text()) && /policy/i.test(message.text()) && signs.push(message.text()));
  page.on("request", (request) => /elsewhere\.example/.test(request.url()) && signs.push(request.url()));
  return signs;
};

const harmless = async (page, signs) => {
  const links = page.locator("main a:visible, .slide.current a:visible").filter({ hasText: /^[a-l]$/ });
  for (const link of await links.all()) await link.dispatchEvent("mouseover");
  expect(await page.evaluate(() => window.__pwned)).toBeUndefined();
  expect(page.frames()).toHaveLength(1);
  expect(await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames().filter((name) => name.startsWith("on"))))).toEqual([]);
  expect(signs).toEqual([]);
};

test("nothing of a hostile deck runs on any page", async ({ page }) => {
  const talk = await start(["--deck", HOSTILE]);
  try {
    const signs = watched(page);
    await logIn(page, talk);
    for (const path of ["/", "/2", "/3", "/4", "/5", "/6", "/presenter", "/presenter/3", "/remote", "/print", "/notes", "/control"]) {
      expect((await page.goto(talk.url + path)).status()).toBe(200);
      await page.evaluate(() => document.fonts.ready);
      await harmless(page, signs);
      expect(new URL(page.url()).origin).toBe(talk.url);
    }
  } finally {
    await talk.stop();
  }
});

test("nothing of a hostile deck runs in the exported file", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "podium-hostile-"));
  try {
    execFileSync(BINARY, ["export", "--state-dir", folder, "--deck", HOSTILE, "--with-notes", "--html", join(folder, "deck.html")], { stdio: "pipe" });
    const signs = watched(page);
    await page.goto(`file://${join(folder, "deck.html")}`);
    for (let step = 0; step < 6; step++) {
      await harmless(page, signs);
      await page.keyboard.press("PageDown");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a hostile picture opened by itself runs nothing", async ({ page }) => {
  const talk = await start(["--deck", HOSTILE]);
  try {
    let dialogs = 0;
    page.on("dialog", (dialog) => {
      dialogs++;
      dialog.dismiss();
    });
    await page.goto(`${talk.url}/deck/evil.svg`);
    expect(await page.evaluate(() => window.__pwned)).toBeUndefined();
    expect(dialogs).toBe(0);
  } finally {
    await talk.stop();
  }
});

test("a page elsewhere can neither press a button, frame a page nor guess a key", async ({ context, page }) => {
  // A server of its own: the demo that an earlier test deployed would hide whether this one was refused.
  const talk = await start();
  await logIn(page, talk);
  // `localhost` at another port is the same site, so that the strict cookie goes along: the hardest case.
  const site = talk.url.replace("127.0.0.1", "localhost");
  const server = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<form id="f" method="post" action="${talk.url}/actions/deploy"></form>
      <form id="r" method="post" action="${talk.url}/login/rotate"></form>
      <iframe src="${talk.url}/control"></iframe><img src="${talk.url}/login?key=guess"><img src="${site}/login?key=guess">`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    for (const form of ["f", "r"]) {
      const elsewhere = await context.newPage();
      await elsewhere.goto(`http://127.0.0.1:${server.address().port}/`);
      const [answer] = await Promise.all([
        elsewhere.waitForResponse((response) => response.request().method() === "POST"),
        elsewhere.evaluate((id) => document.getElementById(id).submit(), form),
      ]);
      expect(answer.status()).toBe(403);
      await elsewhere.close();
    }
    // The guesses of the pictures did not count: the speaker logs in at once, and is still who they were.
    await page.goto(`${talk.url}/control`);
    await expect(page.getByRole("button", { name: "Deploy demo" })).toBeVisible();
    const fresh = await context.browser().newPage();
    await logIn(fresh, talk);
    await expect(fresh).toHaveURL(`${talk.url}/control`);
    await fresh.close();
  } finally {
    server.close();
    await talk.stop();
  }
});

test("the key stays neither in the address bar nor in what the browser says of where it came from", async ({ page, talk }) => {
  const said = [];
  page.on("request", (request) => said.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await logIn(page, talk);
  await expect(page).toHaveURL(`${talk.url}/control`);
  await page.goto(`${talk.url}/presenter`);
  await page.goBack();
  await expect(page).toHaveURL(`${talk.url}/control`);
  expect(said.filter((line) => line.includes(talk.key))).toHaveLength(1);
  expect(await page.evaluate(() => document.cookie)).toBe("");
});
