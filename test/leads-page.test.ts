import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/leads.md"), "utf8");
/** By name only: the Worker's sources are checked with the runtime's types, which those of Node contradict. */
const load = async <Module>(path: string): Promise<Module> => (await import(/* @vite-ignore */ `../src/${path}.ts`)) as Module;

test("every field on the page is understood", async () => {
  const { fieldNameOf } = await load<{ fieldNameOf(given: string): string | undefined }>("domain/leads/fields");
  const table = /\| field \| also \| is \|\n([\s\S]*?)\n\n/.exec(page)?.[1] ?? "";
  const named = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \|/gm)].flatMap(([, first = "", second = ""]) =>
    [...`${first} ${second}`.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ""),
  );
  expect(named.length).toBeGreaterThan(35);
  expect(named.filter((name) => fieldNameOf(name) === undefined)).toEqual([]);
});

test("every setting of a project is on the page, with its default", async () => {
  const { projectSchema } = await load<{ projectSchema: { entries: Record<string, { default?: unknown }> } }>("tenants/project-schema");
  const listed = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|([^|]*)\| /gm)].flatMap(([, names = "", value = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [name, value.replaceAll("`", "").trim()] as const),
  );
  const settings = new Map(listed);
  for (const [name, entry] of Object.entries(projectSchema.entries)) {
    if (name === "name") continue;
    expect([name, settings.get(name)]).toEqual([name, name === "domains" ? "" : spelled(entry.default)]);
  }
});

/** A default as the page writes it. */
function spelled(value: unknown): string {
  if (value === undefined || Array.isArray(value)) return "none";
  return typeof value === "object" ? JSON.stringify(value).replaceAll(/[:,]/g, "$& ") : String(value);
}

test("what is kept is written as it is", async () => {
  const { factDays } = await load<{ factDays: number }>("domain/events/retention");
  const { botDays } = await load<{ botDays: number }>("domain/leads/erase");
  expect(page).toContain(`| robots | ${botDays} days `);
  expect(page).toContain(`| facts of events | ${factDays} days `);
  expect(readFileSync(join(root, "docs/operating.md"), "utf8")).toContain(`(\`facts\`) | ${factDays} days `);
});
