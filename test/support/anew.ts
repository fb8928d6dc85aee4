import { applyD1Migrations, type D1Migration, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { afterAll, vi } from "vitest";
import { seed } from "./seed";
import { sized } from "./size";

declare global {
  namespace Cloudflare {
    interface Env {
      TEST_MIGRATIONS: D1Migration[];
    }
  }
  /** The statements that make the migrated schema. The first test file of a runtime sets it. */
  var migratedSchema: string[] | undefined;
}

/** The files of a core share a runtime and its modules; each starts with empty stores and leaves no stub behind. */
await empty();
if (globalThis.migratedSchema) await env.DB.batch(globalThis.migratedSchema.map((sql) => env.DB.prepare(sql)));
else globalThis.migratedSchema = await migrate();

fc.configureGlobal({ numRuns: sized(40, 100), seed });

afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Empties all stores. An object that still answers a call of the file before outlives a reset: another one follows then. */
async function empty(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await reset();
    const left = await env.DB.prepare("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").first();
    if (left === null) return;
  }
  throw new Error("the tables of the file before are still there");
}

/** Runs the migrations one by one, and reads what they made: to make that at once takes a tenth of the time. */
async function migrate(): Promise<string[]> {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  const made = await env.DB.prepare(
    `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
     ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid`,
  ).all<{ type: string; name: string; sql: string }>();
  const tables = made.results.filter(({ type, name }) => type === "table" && name !== "d1_migrations");
  const rows = await env.DB.batch(tables.map(({ name }) => env.DB.prepare(`SELECT 1 FROM ${name} LIMIT 1`)));
  const seeded = tables.filter((_, index) => rows[index]?.results.length);
  if (seeded.length > 0) throw new Error(`migrations fill ${seeded.map(({ name }) => name).join(", ")}: later test files would miss these rows`);
  return made.results.map(({ sql }) => sql);
}
