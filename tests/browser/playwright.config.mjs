// Browser tests: the built binary, a real Chromium, nothing else. Four projects, so that each can be run alone: `story`
// (one full-length run of the demo), `pure` (the page's modules, no browser), `pages` (what is on every page and what it
// does), `timed` (how soon the room follows).
import { defineConfig } from "@playwright/test";

const launchOptions = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
  ],
};

const PURE = /(contrast|format|model|steps|talk_clock|words)\.spec\.mjs/;
const STORY = /story\.spec\.mjs/;
const TIMED = /latency\.spec\.mjs/;

export default defineConfig({
  testDir: ".",
  outputDir: "../../test-results",
  // A worker has a server and a browser of its own; they mostly wait, so two share two cores well.
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 60_000,
  reporter: [["list"]],
  use: { browserName: "chromium", launchOptions, viewport: { width: 1280, height: 720 }, trace: "retain-on-failure" },
  projects: [
    // First, since it is by far the longest; most of it is waiting, and its limits are seconds.
    { name: "story", testMatch: STORY, timeout: 6 * 60_000 },
    { name: "pure", testMatch: PURE },
    { name: "pages", testMatch: /\.spec\.mjs/, testIgnore: [PURE, STORY, TIMED] },
    // A limit of milliseconds: after everything else.
    { name: "timed", testMatch: TIMED, workers: 1, dependencies: ["story", "pages"] },
  ],
});
