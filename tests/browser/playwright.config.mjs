// Browser tests: the built binary, a real Chromium, nothing else. Three projects, so that each can be run alone:
// `pure` (the page's modules, no browser), `pages` (what is on every page and what it does), `timed` (one full-length
// run of the demo, and how soon the room follows).
import { defineConfig } from "@playwright/test";

const launchOptions = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
  ],
};

const PURE = /(contrast|format|model|steps|talk_clock|words)\.spec\.mjs/;
const TIMED = /(latency|story)\.spec\.mjs/;

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
    { name: "pure", testMatch: PURE },
    { name: "pages", testMatch: /\.spec\.mjs/, testIgnore: [PURE, TIMED] },
    // Limits of wall-clock time: after everything else, one at a time.
    { name: "timed", testMatch: TIMED, timeout: 6 * 60_000, workers: 1, dependencies: ["pages"] },
  ],
});
