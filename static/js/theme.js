// Light or dark by hand, remembered for this browser; without a choice the system's rules. Shared by all pages, and
// loaded first, so that a remembered choice is applied before anything is drawn for long.

const KEY = "podium-theme";

/** What the page shows now: the choice, else the system's. */
const current = () =>
  document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

/** Storage may be refused (private windows, blocked cookies): then a choice lasts as long as the page. */
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing to do: see `remembered`.
  }
}

/** Turns light to dark and back. */
export function switchTheme() {
  const theme = current() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  remember(theme);
}

const choice = remembered();
if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    switchTheme();
    button.blur();
  });
}
