// npm run worker-types [-- --check]: writes the types of remote jobs' payloads and results for the client package, clients/worker/jobs.d.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { type Schema, typeOf } from "./worker-types/type-of.ts";

const root = resolve(import.meta.dirname, "..");
const target = join(root, "clients", "worker", "jobs.d.ts");

interface Loaded {
  jobs: readonly { contract: { type: string; internal: boolean; remote: object | undefined; payload: unknown; result: unknown } }[];
  toSchema(schema: unknown): Schema;
}

const { jobs, toSchema } = await load();
const remote = jobs.map(({ contract }) => contract).filter((contract) => contract.remote !== undefined && !contract.internal);
const lines = remote.map(({ type, payload, result }) => {
  return `  ${JSON.stringify(type)}: { payload: ${typeOf(toSchema(payload))}; result: ${result === undefined ? "unknown" : typeOf(toSchema(result))} };`;
});
const text = [
  "/** Types of the remote jobs in the registry. Written by `npm run worker-types`; do not edit. */",
  "export interface RemoteJobs {",
  ...lines,
  "}",
  "",
].join("\n");

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error("clients/worker/jobs.d.ts is not what the registry says: run npm run worker-types.");
  process.exitCode = 1;
}

/** The sources are the Worker's: they are bundled first, since Node resolves imports otherwise. */
async function load(): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-types-"));
  const name = "virtual:registry";
  const sources = ["jobs/index", "intake/json-schema"].map((file) => `export * from ${JSON.stringify(join(root, "src", `${file}.ts`))};`).join("\n");
  const entry = { name: "registry", resolveId: (id: string) => (id === name ? id : null), load: (id: string) => (id === name ? sources : null) };
  const bundle = await rolldown({ input: name, platform: "node", external: /^(?:node|cloudflare):/, plugins: [entry], logLevel: "silent", cwd: root });
  try {
    await bundle.write({ file: join(folder, "registry.mjs"), format: "esm" });
    return (await import(pathToFileURL(join(folder, "registry.mjs")).href)) as Loaded;
  } finally {
    await bundle.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
