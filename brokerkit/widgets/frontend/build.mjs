// Builds the bundles of `static` from `src`:
//   node build.mjs            writes them, and the licences of what is bundled
//   node build.mjs --check    fails where they differ from what the sources build, or are too large
//   node build.mjs --test     builds the unit tests into build/test
import { build } from "esbuild";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "..", "static");
const FIRST_SCREEN = 250_000;
const ALL = 800_000;
const LATER = ["editor"]; // loaded when it is needed
const ENTRIES = {
  alone: "alone/page.ts",
  browse: "screens/screens.tsx",
  compose: "compose/compose.tsx",
  editor: "editor/editor.ts",
  tail: "tail/tail.tsx",
};
const WIDGETS = Object.keys(ENTRIES);

async function bundles() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: WIDGETS.map((name) => ({ in: `src/${ENTRIES[name]}`, out: name })),
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const files = result.outputFiles.map(({ path, text }) => ({ path, text }));
  return [...files, { path: join(folder, "THIRD_PARTY.txt"), text: licences(result.metafile.inputs) }];
}

// The text that MIT asks for wherever copies of a package go.
function licences(inputs) {
  const packages = new Set();
  for (const input of Object.keys(inputs)) {
    const found = /^.*\/?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (found) packages.add(found[1]);
  }
  const texts = [...packages].sort().map((name) => {
    const place = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    const file = readdirSync(place).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no file with its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(place, file), "utf8").trim()}\n`;
  });
  return `The bundles in this folder contain:\n\n${texts.join("\n\n")}`;
}

function tooLarge(files) {
  const size = (name) =>
    files
      .filter(({ path }) => basename(path).startsWith(`${name}.`))
      .reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  const large = WIDGETS.filter((name) => !LATER.includes(name) && size(name) > FIRST_SCREEN).map(
    (name) => `${name} is larger than ${FIRST_SCREEN} bytes`,
  );
  const all = WIDGETS.reduce((sum, name) => sum + size(name), 0);
  return all > ALL ? [...large, `all of it has ${all} bytes, more than ${ALL}`] : large;
}

async function check() {
  const files = await bundles();
  const wrong = files.filter(({ path, text }) => {
    try {
      return readFileSync(path, "utf8") !== text;
    } catch {
      return true;
    }
  });
  for (const { path } of wrong)
    console.error(`${basename(path)} is not what the sources build: npm run build`);
  for (const said of tooLarge(files)) console.error(said);
  process.exitCode = wrong.length || tooLarge(files).length ? 1 : 0;
}

async function tests() {
  const names = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    absWorkingDir: here,
    entryPoints: names.map((name) => `test/${name}`),
    outdir: "build/test",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
  });
}

if (process.argv.includes("--test")) await tests();
else if (process.argv.includes("--check")) await check();
else for (const { path, text } of await bundles()) writeFileSync(path, text);
