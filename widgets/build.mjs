// Bundles every page (trainyard_widgets/<name>.jsx) and the host into static/<name>.js: one ES module a file, nothing loaded at run time.
import { context } from "esbuild";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "trainyard_widgets");
const pages = readdirSync(folder).filter((name) => name.endsWith(".jsx"));
const outside = process.argv.find((argument) => argument.startsWith("--outdir="));

const builder = await context({
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
  loader: { ".css": "text" },
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await builder.watch();
} else {
  await builder.rebuild();
  await builder.dispose();
}
