// Bundles entry.js into static/vendor and writes down what is inside: names, versions, licences, hashes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync, readdirSync, existsSync } from "node:fs";

const target = new URL("../static/vendor/", import.meta.url);
const result = await build({
  entryPoints: ["entry.js"],
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "none",
  metafile: true,
  outfile: new URL("ui.js", target).pathname,
});
copyFileSync("node_modules/uplot/dist/uPlot.min.css", new URL("uplot.css", target));

const names = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) names.add(found[1]);
}
const libraries = [];
const licences = [];
for (const name of [...names].sort()) {
  const about = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  libraries.push({ name, version: about.version, licence: about.license });
  const file = readdirSync(`node_modules/${name}`).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(`node_modules/${name}/${file}`, "utf8").trim() : `Licence: ${about.license}`;
  licences.push(`${name} ${about.version}\n\n${text}\n`);
}
const files = Object.fromEntries(
  ["ui.js", "uplot.css"].map((name) => [
    name,
    createHash("sha256").update(readFileSync(new URL(name, target))).digest("hex"),
  ]),
);
writeFileSync(new URL("VENDOR.json", target), JSON.stringify({ libraries, files }, null, 2) + "\n");
writeFileSync(new URL("LICENSES.txt", target), licences.join("\n" + "-".repeat(78) + "\n\n"));
