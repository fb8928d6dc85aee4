// npm run assets: makes src/dashboard/bundle.ts from src/dashboard/client: what the browser runs and how pages look. With --check it only compares.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";

const root = resolve(import.meta.dirname, "..");
const client = join(root, "src/dashboard/client");
const target = join(root, "src/dashboard/bundle.ts");

/** One module without imports, as small as it gets. */
async function bundled(): Promise<string> {
  const bundle = await rolldown({ input: join(client, "index.ts"), cwd: root });
  const { output } = await bundle.generate({ format: "es", minify: true });
  await bundle.close();
  return output[0].code;
}

function styled(): string {
  return readFileSync(join(client, "style.css"), "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s*\n\s*/g, "\n")
    .trim();
}

function asset(name: string, type: string, text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const path = `/assets/${hash}.${name}`;
  return JSON.stringify({ path, type, text });
}

const code = `/**
 * Made by npm run assets from src/dashboard/client and the package idiomorph. Do not edit.
 * The empty catch block in it is idiomorph's: a browser refuses setSelectionRange on some types of input, and the input then keeps its selection.
 */
export const script = ${asset("js", "text/javascript; charset=utf-8", await bundled())};
export const style = ${asset("css", "text/css; charset=utf-8", styled())};
`;

if (!process.argv.includes("--check")) writeFileSync(target, code);
else if (readFileSync(target, "utf8") !== code) {
  console.error("src/dashboard/bundle.ts is not what src/dashboard/client makes.");
  process.exitCode = 1;
}
