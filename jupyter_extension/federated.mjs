/**
 * Builds the JupyterLab extension into `labextension/`, which the wheel puts below share/jupyter/labextensions.
 *
 * What Lab wants of an extension is small: a script that sets `window._JUPYTERLAB[name] = {init, get}`, the
 * interface of a module-federation container (`src/lab/container.ts`), and a package.json that names it. esbuild
 * makes it of the same sources as the widget. JupyterLab's own builder would want JupyterLab and Node packages of
 * a few hundred megabytes to write the same two things, and another one for each line of JupyterLab.
 */

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

export async function buildExtension({ here, options, digest, chunks }) {
  const { version, description, license, jupyterlab } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const out = join(here, "labextension");
  rmSync(out, { recursive: true, force: true });
  const common = options(digest);
  const style = await build({ ...common, entryPoints: { lab: "style/lab.css" } });
  const sheet = named(style.outputFiles[0]);
  const script = await build({
    ...common,
    entryPoints: { remoteEntry: "src/lab/container.ts" },
    format: "iife",
    define: {
      ...common.define,
      NAME: JSON.stringify(jupyterlab.extension),
      SHARED: JSON.stringify(Object.keys(jupyterlab.shared)),
      SHEET: JSON.stringify(sheet),
    },
    plugins: [shared(Object.keys(jupyterlab.shared))],
  });
  const entry = named(script.outputFiles[0]);

  mkdirSync(join(out, "static", digest), { recursive: true });
  writeFileSync(join(out, "static", sheet), style.outputFiles[0].contents);
  writeFileSync(join(out, "static", entry), script.outputFiles[0].contents);
  for (const file of chunks) writeFileSync(join(out, "static", digest, basename(file.path)), file.contents);
  const about = {
    name: jupyterlab.extension,
    version,
    description,
    license,
    dependencies: jupyterlab.shared, // Lab tells by them whether it fits
    jupyterlab: { extension: true, schemaDir: "schema", _build: { load: `static/${entry}`, extension: "./extension" } },
  };
  write(out, "package.json", about);
  write(out, "install.json", {
    packageManager: "python",
    packageName: jupyterlab.extension,
    uninstallInstructions: `pip uninstall ${jupyterlab.extension}`,
  });
  // where Lab looks for the settings of the plugin aether_nb:plugin
  cpSync(join(here, "schema"), join(out, "schemas", jupyterlab.extension), { recursive: true });
  write(join(out, "schemas", jupyterlab.extension), "package.json.orig", about);
  return script;
}

/** What Lab shares is not bundled: it is taken, when the plugin begins, from what the container was given. */
const shared = (names) => ({
  name: "shared",
  setup(build) {
    build.onResolve({ filter: /^@(jupyterlab|lumino)\// }, ({ path }) =>
      names.includes(path)
        ? { path, namespace: "shared" }
        : { errors: [{ text: `${path} is not among jupyterlab.shared in package.json` }] },
    );
    build.onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
      contents: `module.exports = require("./src/lab/shared.ts").shared(${JSON.stringify(path)});`,
      resolveDir: build.initialOptions.absWorkingDir,
    }));
  },
});

/** The name of a file that may be kept for ever, because another one has another name. */
function named({ path, contents }) {
  const [stem, kind] = basename(path).split(".");
  return `${stem}.${createHash("sha256").update(contents).digest("hex").slice(0, 20)}.${kind}`;
}

const write = (folder, name, value) => writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
