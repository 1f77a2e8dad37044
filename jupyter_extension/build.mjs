/**
 * Builds what the page loads into aether_nb/labextension: widget.js and widget.css (sent with each
 * run), viz.js (sent when a kernel has no `dot`), forms.js (sent when a form is asked for),
 * closeup.js (sent when a timeline or a node is opened), markdown.js (sent when a text has marks),
 * report.js and report.css (which stand in reports),
 * licenses.txt. Then the JupyterLab extension: `federated.mjs`. `--tests` builds the tests instead.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildExtension } from "./federated.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "aether_nb", "labextension");

/** Files beside the core. Kernel and extension may be of two versions, so the core asks by what is in them. */
const chunks = {
  viz: "src/viz.ts",
  forms: "src/forms/forms.tsx",
  closeup: "src/closeup.tsx",
  markdown: "src/sanitize.ts",
};

async function buildPage() {
  mkdirSync(out, { recursive: true });
  rmSync(join(out, "source.sha256"), { force: true }); // hatch_build.py writes it when all is well
  const parts = await bundle(chunks);
  const digest = digestOf(parts.outputFiles);
  const built = [
    parts,
    await bundle({ widget: "src/widget.tsx", page: "style/widget.css", paper: "style/report.css" }, digest),
    await bundle({ report: "src/report.tsx" }, digest, "iife"), // a script in a file, which nothing is loaded from
    await buildExtension({ here, options, digest, chunks: parts.outputFiles }),
  ];
  writeFileSync(join(out, "licenses.txt"), licenses(built.flatMap((each) => Object.keys(each.metafile.inputs))));
  const names = { "page.css": "widget.css", "paper.css": "report.css" };
  for (const file of built.slice(0, 3).flatMap((each) => each.outputFiles)) {
    const name = basename(file.path);
    writeFileSync(join(out, names[name] ?? name), file.contents);
  }
}

const bundle = (entryPoints, digest = "", format = "esm") => build({ ...options(digest), entryPoints, format });

const options = (digest) => ({
  absWorkingDir: here,
  alias: { "markdown-to-jsx/react": "./src/forms/no-markdown.ts" },
  entryNames: "[name]",
  outdir: out,
  bundle: true,
  minify: true,
  define: { CHUNKS: JSON.stringify(digest) },
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  write: false,
});

function digestOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.contents);
  return hash.digest("hex").slice(0, 16);
}

/** The licences of the packages that went into the files. */
function licenses(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  return [...packages].sort().map(license).join(`\n${"-".repeat(78)}\n\n`);
}

function license(name) {
  const root = join(here, "node_modules", name);
  const { name: own, version, license: kind } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const file = readdirSync(root).find((f) => /^(licen[cs]e|copying)/i.test(f));
  const text = file ? readFileSync(join(root, file), "utf8").trim() : "";
  return `${own} ${version}, ${kind}\n\n${text}\n`;
}

async function buildTests() {
  const to = join(here, ".build");
  rmSync(to, { recursive: true, force: true });
  const tests = readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.ts"));
  await build({
    absWorkingDir: here,
    entryPoints: tests.map((name) => join("tests", name)),
    outdir: to,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    define: { CHUNKS: '"tested"' },
    target: "es2022",
    sourcemap: "inline",
    logLevel: "warning",
  });
}

if (!existsSync(join(here, "src"))) throw new Error("the sources of the page are not here");
await (process.argv.includes("--tests") ? buildTests() : buildPage());
