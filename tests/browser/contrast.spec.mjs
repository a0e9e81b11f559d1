// Contrast, computed from the stylesheets: every colour that text is written in, on every surface it is written on, in
// both themes. No browser is needed, so a new token is judged in milliseconds.
import { expect, test } from "@playwright/test";
import { readdirSync, readFileSync } from "node:fs";

const AA_TEXT = 4.5;
const AA_SHAPE = 3;

const css = ["tokens", "code", "diagram"].map((name) => readFileSync(`static/css/${name}.css`, "utf8")).join("\n");
const tokens = new Map([...css.matchAll(/^\s*--([\w-]+):\s*([^;]+);/gm)].map(([, name, value]) => [name, value]));

/** A token's colour in a theme, `#rrggbb`, through `light-dark()` and `var()`. */
function color(name, theme) {
  const value = tokens.get(name);
  const pair = value.match(/^light-dark\((#\w{6}), (#\w{6})\)$/);
  const alias = value.match(/^var\(--([\w-]+)\)$/);
  if (alias) return color(alias[1], theme);
  return pair ? pair[theme === "light" ? 1 : 2] : value;
}

function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a, b) {
  const [darker, lighter] = [luminance(a), luminance(b)].sort((one, other) => one - other);
  return (lighter + 0.05) / (darker + 0.05);
}

/** `color` laid over `ground`, `share` of it: what `color-mix(in srgb, …)` with transparent comes to. */
function laidOver(color, ground, share) {
  const part = (hex, at) => parseInt(hex.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(color, at) * share + part(ground, at) * (1 - share)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

const SURFACES = ["surface", "surface-raised", "surface-sunken"];
const CODE = ["comment", "string", "keyword", "number", "name", "function"].map((role) => `code-${role}`);
const TEXTS = [
  ...["text", "text-quiet", "accent-text", "good", "bad"].flatMap((ink) => SURFACES.map((ground) => [ink, ground])),
  ...CODE.flatMap((ink) => SURFACES.map((ground) => [ink, ground])),
  ["on-accent", "accent"],
  ...["fill", "soft", "note", "1", "2", "3", "4", "5", "6", "7", "8"].map((ground) => ["diagram-text", `diagram-${ground}`]),
  ["accent-text", "diagram-fill"],
  ["text-quiet", "diagram-fill"],
];
/** What is told by a line or an area alone. */
const SHAPES = ["replicas", "desired", "ready", "diagram-line"].flatMap((ink) => SURFACES.map((ground) => [ink, ground]));

for (const theme of ["light", "dark"]) {
  test(`every text has the contrast of AA, ${theme}`, () => {
    const poor = TEXTS.map(([ink, ground]) => [ink, ground, contrast(color(ink, theme), color(ground, theme))]).filter(
      ([, , ratio]) => ratio < AA_TEXT,
    );
    expect(poor).toEqual([]);
  });

  test(`every line of a graph or a diagram is seen, ${theme}`, () => {
    const poor = SHAPES.map(([ink, ground]) => [ink, ground, contrast(color(ink, theme), color(ground, theme))]).filter(
      ([, , ratio]) => ratio < AA_SHAPE,
    );
    expect(poor).toEqual([]);
  });

  test(`code is read on a line that is lit, ${theme}`, () => {
    const share = Number(css.match(/\.line\.lit \{ background: color-mix\(in srgb, var\(--accent\) (\d+)%/)[1]) / 100;
    const ground = laidOver(color("accent", theme), color("surface-raised", theme), share);
    const poor = CODE.map((ink) => [ink, contrast(color(ink, theme), ground)]).filter(([, ratio]) => ratio < AA_TEXT);
    expect(poor).toEqual([]);
  });
}

// A colour has no size, so what is measured in one theme is measured for both.
test("the themes differ in the values of colours and in nothing else", () => {
  const colours = /^\s*--[\w-]+: light-dark\(#\w{6}, #\w{6}\);$|color-scheme: (light|dark|light dark);/gm;
  const choice = /^:root\[data-theme="(light|dark)"\] \{ *\}$/gm;
  const sheets = readdirSync("static/css").map((name) => [name, readFileSync(`static/css/${name}`, "utf8")]);
  const rest = sheets.map(([name, text]) => [name, text.replace(/\/\*.*?\*\//gs, "").replace(colours, "").replace(choice, "")]);
  expect(rest.filter(([, text]) => /light-dark|color-scheme|data-theme/.test(text)).map(([name]) => name)).toEqual([]);
  expect(sheets.length).toBeGreaterThan(10);
});
