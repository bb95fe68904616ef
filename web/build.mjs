/**
 * Bundles, minifies, names by hash and compresses what browsers load: `web/dist/`, which the server
 * prefers where it is of the present sources. `--out FOLDER` builds elsewhere; `--packages FOLDER`
 * makes the npm packages there too.
 */

import { build, transform } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { minify } from "terser";

import { describe } from "./describe.mjs";
import { packages } from "./pack.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({ options: { out: { type: "string" }, packages: { type: "string" } } });
const dist = resolve(options.out ?? join(web, "dist"));
const { entries, sources } = JSON.parse(await readFile(join(web, "bundle.json"), "utf8"));
const MINIFY = { minify: true, mangleProps: /^_[a-z]/ };
const AGAIN = /** @type {import("terser").MinifyOptions} */ ({ module: true, ecma: 2022, compress: { passes: 3 } });
const OPTIONS = { bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning", legalComments: "none" };

/** Style sheets are template literals in modules of their own: minified as CSS. */
const SMALL_STYLES = /** @type {import("esbuild").Plugin} */ ({
  name: "small-styles",
  setup({ onLoad }) {
    onLoad({ filter: /style-[a-z]+\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const [before, css, after] = /^(.*= `\n)(.*)(`;.*)$/s.exec(source)?.slice(1) ?? [source, "", ""];
      /** @type {string[]} */
      const values = []; // `${…}` within the literal
      const plain = css.replace(/\$\{[^}]*\}/g, (value) => `value-${values.push(value) - 1}`);
      const { code } = await transform(plain, { loader: "css", minify: true });
      const small = code.trim().replace(/(--[\w-]+:|,) /g, "$1").replace(/\\/g, "\\\\").replace(/value-(\d+)/g, (_, index) => values[Number(index)]);
      return { contents: before.trimEnd() + small + after, loader: "js" };
    });
  },
});

const modulesOf = async (folder) => {
  const names = await readdir(join(web, folder)).catch(() => []);
  return names.filter((name) => name.endsWith(".js")).sort().map((name) => `${folder}/${name}`);
};

/** The same as `hash_sources` of the server. */
async function hashSources() {
  const hash = createHash("sha256");
  const files = (await Promise.all(sources.map(modulesOf))).flat();
  files.sort((a, b) => (a < b ? -1 : 1));
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(web, file))).update("\0");
  return hash.digest("hex");
}

/** Short names for properties that begin with `_`, the same in all files: these share them. */
async function shortInternals() {
  const entryPoints = [...(await targets()).values()].map((entry) => join(web, entry));
  const { mangleCache } = await build({ ...OPTIONS, ...MINIFY, external: ["./lazy-*", "./views.js"], entryPoints, mangleCache: {}, outdir: dist, write: false });
  return mangleCache;
}

/** All files by the name that a page loads them by, and the modules that they are made of. */
async function targets() {
  const modules = (await Promise.all(sources.map(modulesOf))).flat();
  const found = new Map(Object.entries(entries).filter(([, entry]) => modules.includes(entry)));
  for (const module of modules) {
    const name = module.split("/").at(-1);
    if (name.startsWith("lazy-")) found.set(name, module);
    if (module.startsWith("lang/")) found.set(module, module);
  }
  return found;
}

/**
 * One file, with what it imports statically; what it loads later stays a file of its own. The version
 * keeps a cache from answering with another one.
 */
async function bundle(name, entry, options, version = "") {
  const external = [...(await targets()).keys()].filter((other) => other !== name).flatMap((other) => [`./${other}`, `../elements/${other}`]);
  const isLazy = /** @type {import("esbuild").Plugin} */ ({
    name: "lazy",
    setup({ onResolve }) {
      onResolve({ filter: /./ }, ({ kind, path }) => {
        if (kind !== "dynamic-import" || !external.includes(path)) return undefined;
        const file = path.split("/").at(-1);
        return { path: `./${file}${file.startsWith("lazy-") ? version : ""}`, external: true };
      });
    },
  });
  const plugins = [isLazy, ...(options.minify ? [SMALL_STYLES] : [])];
  const result = await build({ ...OPTIONS, ...options, entryPoints: [join(web, entry)], write: false, plugins });
  return Buffer.from(result.outputFiles[0].contents);
}

/** terser chooses names by how often they are used, which compresses 2 % better. */
async function smaller(content) {
  const { code } = await minify(content.toString(), AGAIN);
  return Buffer.from(/** @type {string} */ (code));
}

function compress(content) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  return { ".gz": gzipSync(content, { level: 9 }), ".br": brotliCompressSync(content, { params }) };
}

async function write(file, content) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

/** Declarations of all modules below `types/`, and one file for each entry that leads there. */
async function declare(folder) {
  const tsc = join(web, "node_modules/typescript/bin/tsc");
  const types = join(folder, "types");
  execFileSync(process.execPath, [tsc, "-p", join(web, "tsconfig.types.json"), "--outDir", types], { stdio: "inherit" });
  const found = ["sdk.d.ts"];
  await write(join(folder, "sdk.d.ts"), 'export * from "./types/sdk/index.js";\nexport type * from "./types/sdk/types.js";\nexport type { Chat } from "./types/sdk/chat.js";\nexport type { Room } from "./types/sdk/room.js";\nexport type { Inbox } from "./types/sdk/inbox.js";\nexport type { Outgoing } from "./types/sdk/outgoing.js";\n');
  if (entries["roomcast.js"] && (await modulesOf("elements")).includes(entries["roomcast.js"])) {
    found.push("roomcast.d.ts");
    await write(join(folder, "roomcast.d.ts"), await readFile(join(web, "types/roomcast.d.ts")));
  }
  for (const file of await readdir(types, { recursive: true })) if (file.endsWith(".d.ts")) found.push(`types/${file}`);
  return found;
}

async function site() {
  await rm(dist, { recursive: true, force: true });
  const files = {};
  const put = async (name, content, file = name) => {
    files[name] = file;
    await write(join(dist, file), content);
    const packed = compress(content);
    for (const [suffix, body] of Object.entries(packed)) await write(join(dist, file + suffix), body);
    return packed[".gz"].length;
  };
  const rows = [];
  const version = `?${(await hashSources()).slice(0, 8)}`;
  const short = { ...MINIFY, mangleCache: await shortInternals() };
  for (const [name, entry] of await targets()) {
    const content = await smaller(await bundle(name, entry, short, version));
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 8);
    const packed = await put(name, content, name in entries ? name.replace(/\.js$/, `.${hash}.js`) : name);
    rows.push([name, content.length, packed]);
  }
  for (const name of await declare(dist)) await put(name, await readFile(join(dist, name)));
  const manifest = await describe();
  if (manifest) await put("custom-elements.json", Buffer.from(manifest));
  await write(join(dist, "manifest.json"), JSON.stringify({ sources: await hashSources(), files }, null, 1));
  for (const [name, bytes, packed] of rows) console.log(`${name.padEnd(20)} ${String(bytes).padStart(7)} ${String(packed).padStart(7)} gzip`);
}

await site();
if (options.packages) await packages(resolve(options.packages), dist, await targets());
