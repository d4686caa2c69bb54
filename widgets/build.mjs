// Bundles every page (trainyard_widgets/<name>.jsx) and the host into static/<name>.js: one ES module a file, nothing loaded at run time.
// static/sources.sha256 says what they were made from, so that a test without node can tell whether they are fresh.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";

const room = dirname(fileURLToPath(import.meta.url));
const folder = join(room, "trainyard_widgets");
const pages = readdirSync(folder).filter((name) => name.endsWith(".jsx"));
const outside = process.argv.find((argument) => argument.startsWith("--outdir="));

const builder = await context({
  absWorkingDir: room, // aliases are looked up from here
  entryPoints: [...pages.map((name) => join(folder, name)), join(folder, "host", "host.js")],
  entryNames: "[name]",
  outdir: outside ? outside.slice("--outdir=".length) : join(folder, "static"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  // React Flow is written for React; Preact speaks its interface
  alias: { react: "preact/compat", "react-dom": "preact/compat", "react/jsx-runtime": "preact/jsx-runtime" },
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".css": "text" },
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await builder.watch();
} else {
  await builder.rebuild();
  await builder.dispose();
  if (!outside) writeFileSync(join(folder, "static", "sources.sha256"), sourcesDigest());
}

function sourcesDigest() {
  const sources = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(jsx?|css)$/.test(entry.name))
    .map((entry) => relative(room, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => !path.startsWith("trainyard_widgets/static/"));
  const files = ["build.mjs", "package-lock.json", ...sources].sort();
  return files.map((path) => `${createHash("sha256").update(readFileSync(join(room, path))).digest("hex")}  ${path}\n`).join("");
}
