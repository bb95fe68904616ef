/** The npm packages: the same sources, not minified, since a site has a bundler of its own. */

import { build } from "esbuild";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const FRAMEWORKS = "elements/framework-client.js"; // what the packages for frameworks share with the elements
const LOADED_BY_ADDRESS = /import\(new URL\(`\.\/lang\/(.*?)\.js`, import\.meta\.url\)\.href\)/;

/** The elements use the client of `@roomcast/client`, as a site's own code does: there is one on the page. */
const ONE_CLIENT = /** @type {import("esbuild").Plugin} */ ({
  name: "one-client",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/sdk\// }, ({ path, importer }) => {
      const file = basename(path);
      if (!importer.startsWith(join(web, "elements")) || file === "loading.js") return undefined; // each has its own
      return { path: `@roomcast/client${file === "index.js" ? "" : `/internal/${file}`}`, external: true };
    });
  },
});

/** Bundlers follow an import whose path is written out: none of them finds one that is put together. */
const LANGUAGES_BY_NAME = /** @type {import("esbuild").Plugin} */ ({
  name: "languages-by-name",
  setup({ onLoad }) {
    onLoad({ filter: /elements\/languages\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!LOADED_BY_ADDRESS.test(source)) throw new Error(`${path}: no import of a language`);
      const rows = (await readdir(join(web, "lang"))).map((file) => `${JSON.stringify(basename(file, ".js"))}: () => import("../lang/${file}"),`);
      return { contents: `${source.replace(LOADED_BY_ADDRESS, "LOAD[`$1`]()")}\nconst LOAD = {\n${rows.join("\n")}\n};\n`, loader: "js" };
    });
  },
});

/** The modules of the client that the elements import, beside what it exports. @returns {Promise<Set<string>>} */
async function importedByElements() {
  const files = (await readdir(join(web, "elements"))).map((file) => readFile(join(web, "elements", file), "utf8"));
  return new Set((await Promise.all(files)).flatMap((source) => [...source.matchAll(/from "\.\.\/sdk\/([\w-]+\.js)"/g)].map(([, file]) => file)));
}

/** @param {string} folder @param {Record<string, string>} entryPoints by their names in the package */
async function bundleTo(folder, entryPoints) {
  await build({
    bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning", legalComments: "none",
    splitting: true, entryPoints, outdir: folder, chunkNames: "shared-[hash]", plugins: [ONE_CLIENT, LANGUAGES_BY_NAME],
    define: { "import.meta.url": "mountedUi" }, inject: [join(web, "packages/mounted-ui.js")],
  }); // prettier-ignore
}

/**
 * @param {string} folder @param {string} dist with the declarations
 * @param {Map<string, string>} targets all files that a page loads, with the modules that they begin with
 */
export async function packages(folder, dist, targets) {
  const names = (await readdir(join(web, "packages"), { withFileTypes: true })).filter((one) => one.isDirectory()).map(({ name }) => name);
  for (const name of names) {
    await cp(join(web, "packages", name), join(folder, name), { recursive: true });
    await cp(join(web, "../LICENSE"), join(folder, name, "LICENSE"));
  }
  const [client, ui] = [join(folder, "client"), join(folder, "ui")];
  const all = [...targets].filter(([name]) => name !== "page.js").map(([name, entry]) => [name.replace(/\.js$/, ""), join(web, entry)]);
  const ofClient = [...(await importedByElements()), "index.js", ...[...targets.keys()].filter((name) => targets.get(name) === `sdk/${name}`)];
  await bundleTo(client, Object.fromEntries(ofClient.map((file) => [basename(file, ".js"), join(web, "sdk", file)])));
  const elements = all.filter(([, entry]) => !entry.startsWith(join(web, "sdk")));
  await bundleTo(ui, { ...Object.fromEntries(elements), frameworks: join(web, FRAMEWORKS) });
  await cp(join(dist, "types"), join(client, "types"), { recursive: true, filter: (file) => !/\.(gz|br)$/.test(file) });
  await cp(join(dist, "sdk.d.ts"), join(client, "index.d.ts"));
  const types = await readFile(join(dist, "roomcast.d.ts"), "utf8");
  await writeFile(join(ui, "roomcast.d.ts"), types.replace(/"\.\/types\/sdk\/\w+\.js"/g, '"@roomcast/client"'));
  await cp(join(dist, "custom-elements.json"), join(ui, "custom-elements.json"));
}
