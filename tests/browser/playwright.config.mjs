// Browser tests: the built binary, a real Chromium, nothing else. Three projects, so that each can be run alone:
// `pure` (the page's modules, no browser), `pages` (slides and control page), `story` (one full-length run).
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

export default defineConfig({
  testDir: ".",
  outputDir: "../../test-results",
  // One server and one browser at a time: the limits in the story are wall-clock.
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 60_000,
  reporter: [["list"]],
  use: { browserName: "chromium", launchOptions, viewport: { width: 1280, height: 720 }, trace: "retain-on-failure" },
  projects: [
    { name: "pure", testMatch: PURE },
    { name: "pages", testMatch: /\.spec\.mjs/, testIgnore: [PURE, STORY] },
    { name: "story", testMatch: STORY, timeout: 6 * 60_000 },
  ],
});
