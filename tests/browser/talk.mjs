// The harness: `talk` is a running `podium serve` (one a worker), `speaker` a page that is logged in. The server picks
// its port and tells it in connection.json; it is stopped by SIGTERM, and one that does not stop fails the run.
import { test as base, expect } from "@playwright/test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.PODIUM_BIN ?? "target/debug/podium";
const START_MS = 15_000;
const STOP_MS = 5_000;

const limit = (promise, ms, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** The connection file's content, as soon as it is there and whole. */
function connectionFile(folder) {
  return new Promise((resolve) => {
    const watcher = watch(folder, look);
    function look() {
      try {
        const connection = JSON.parse(readFileSync(join(folder, "connection.json"), "utf8"));
        watcher.close();
        resolve(connection);
      } catch {
        // Not there or half written: the next change of the folder asks again.
      }
    }
    look();
  });
}

/** Starts a server with more arguments, on a free port unless told; whoever starts one stops it. */
export async function start(options = [], listen = "127.0.0.1:0") {
  const folder = mkdtempSync(join(tmpdir(), "podium-browser-"));
  const child = spawn(BINARY, ["serve", "--state-dir", folder, "--listen", listen, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const failed = new Promise((_, reject) => {
    child.on("error", (error) => reject(new Error(`${BINARY} cannot be started: ${error.message}. Build it, or set PODIUM_BIN.`)));
    ended.then((code) => reject(new Error(`${BINARY} serve ended with ${code}:\n${output}`)));
  });
  // Once started, an end is no failure of the start.
  failed.catch(() => {});
  const connection = await limit(Promise.race([connectionFile(folder), failed]), START_MS, "the start");
  const stop = async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    try {
      await limit(ended, STOP_MS, "the stop after SIGTERM");
    } finally {
      if (child.exitCode === null) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { url: connection.url.replace(/\/$/, ""), key: connection.speaker_key, kubeconfig: join(folder, "kubeconfig"), stop };
}

/** Logs a page in by the link that `podium serve` prints. */
export const logIn = (page, talk) => page.goto(`${talk.url}/login?key=${encodeURIComponent(talk.key)}`);

/**
 * Waits until the model of the page satisfies `predicate(model, argument)`, asked whenever the model changes. One
 * evaluation that stays in the page, because the content policy rightly forbids Playwright to evaluate again and again.
 */
export function until(page, predicate, { timeout = 5_000, argument = null } = {}) {
  const watching = page.evaluate(`new Promise((resolve) => {
    const wanted = ${predicate};
    window.podium.model.watch((model) => wanted(model, ${JSON.stringify(argument)}) && resolve());
  })`);
  return limit(watching, timeout, `waiting for ${predicate}`);
}

/** Posts an action as a script would: with the key, without a browser. */
export async function act(request, talk, kind, fields = {}) {
  const answer = await request.post(`${talk.url}/actions/${kind}`, {
    headers: { Accept: "application/json", Authorization: `Bearer ${talk.key}` },
    form: fields,
  });
  return { status: answer.status(), body: await answer.json() };
}

/** Deploys the demo, if need be, and waits until the page sees it ready, and the action that did it ended. */
export async function deployed(page, request, talk) {
  await until(page, (model) => model.deployment !== null);
  if (await page.evaluate(() => window.podium.model.deployment.state !== "deployed")) await act(request, talk, "deploy");
  const ready = (model) =>
    model.deployment.state === "deployed" && model.source("redis")?.ok && model.action("deploy")?.state !== "running";
  await until(page, ready, { timeout: 20_000 });
}

export const test = base.extend({
  talk: [
    async ({}, use) => {
      const talk = await start();
      await use(talk);
      await talk.stop();
    },
    { scope: "worker", timeout: START_MS + STOP_MS },
  ],
  speaker: async ({ page, talk }, use) => {
    await logIn(page, talk);
    await page.goto(`${talk.url}/control`);
    await until(page, (model) => model.connection === "live");
    await use(page);
  },
});
export { expect };
