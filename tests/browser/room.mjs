// A room for the tests: the speaker's deck page, viewers, a phone, and a script that moves the talk.
import { expect, logIn, until } from "./talk.mjs";

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export const current = (page) => page.locator(".slide.current");
export const shows = (page, address) => expect(current(page)).toHaveAttribute("data-address", address);

export const post = (request, talk, change) =>
  request.post(`${talk.url}/position`, {
    headers: { Accept: "application/json", Authorization: `Bearer ${talk.key}` },
    data: { window: "w-script", kind: "remote", ...change },
  });

export const joined = async (browser, talk, options = {}, path = "/") => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(talk.url + path);
  await until(page, (model) => model.position !== null);
  return page;
};

/** The speaker's deck page; `context` makes it another tab of the same browser. */
export const stage = async (browser, talk, { context, path = "/" } = {}) => {
  const page = await (context ?? (await browser.newContext())).newPage();
  if (!context) await logIn(page, talk);
  await page.goto(talk.url + path);
  await until(page, (model) => model.position !== null);
  return page;
};
