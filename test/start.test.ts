import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { rolldown, type OutputChunk } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";

/*
 * What an isolate evaluates before it answers its first request. Modules behind import() are chunks of their own here, so the chunks that the
 * entry imports are the start. Its time is measured by the benchmark's part footprint; what is counted here does not vary.
 */

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "jobyard-start-"));
let started: Set<string>;

beforeAll(async () => {
  const external = /^(?:node|cloudflare):/;
  const bundle = await rolldown({ input: { start: "src/index.ts" }, platform: "browser", external, cwd: root, tsconfig: join(root, "tsconfig.json") });
  const { output } = await bundle.write({ dir: folder, format: "es", entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" });
  await bundle.close();
  const chunks = new Map(output.filter((each): each is OutputChunk => each.type === "chunk").map((each) => [each.fileName, each]));
  const names = new Set(["start.mjs"]);
  for (const name of names) for (const next of chunks.get(name)?.imports ?? []) names.add(next);
  started = new Set([...names].flatMap((name) => chunks.get(name)?.moduleIds ?? []).map((id) => id.replace(/^.*\/(?:node_modules|src)\//, "")));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("reads the router, and nothing that few requests need", () => {
  const few = ["@trpc/server/", "cronstrue/", "disposable-email-domains-js/", "dom-serializer/", "domhandler/", "intake/trpc/"];
  expect([...started].filter((each) => few.some((name) => each.startsWith(name)))).toEqual([]);
  expect(started).toContain("intake/router.ts");
  expect(started.size).toBeGreaterThan(300);
});

test("formats nothing by Intl and asks for no process: the first of either takes 20 ms", () => {
  writeFileSync(join(folder, "cloudflare.mjs"), "export const waitUntil = () => {}; export const connect = () => {}; export class DurableObject {}");
  writeFileSync(join(folder, "count.mjs"), counting);
  const printed = execFileSync(process.execPath, [join(folder, "count.mjs")], { encoding: "utf8", timeout: 300_000 });
  expect(JSON.parse(printed)).toEqual({ intl: 0, process: 0, control: 3 });
});

/** Counts while the start's chunks are evaluated, then calls each once to see that it counts. */
const counting = `
import { registerHooks } from "node:module";
registerHooks({ resolve: (name, context, next) => (name.startsWith("cloudflare:") ? next("./cloudflare.mjs", { ...context, parentURL: import.meta.url }) : next(name, context)) });
const counts = { intl: 0, process: 0 };
const counted = (call) => function (...words) { counts.intl++; return new.target ? Reflect.construct(call, words) : call.apply(this, words); };
for (const type of [Number, BigInt, Date, Array]) type.prototype.toLocaleString = counted(type.prototype.toLocaleString);
String.prototype.localeCompare = counted(String.prototype.localeCompare);
for (const name of ["NumberFormat", "DateTimeFormat", "Collator"]) Intl[name] = counted(Intl[name]);
const { process } = globalThis;
Object.defineProperty(globalThis, "process", { get: () => (counts.process++, process) });
await import("./start.mjs");
const seen = { ...counts };
(1000).toLocaleString("en");
new Intl.DateTimeFormat("en");
void globalThis.process;
console.log(JSON.stringify({ ...seen, control: counts.intl - seen.intl + counts.process - seen.process }));
`;
