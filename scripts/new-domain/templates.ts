import type { DomainNames } from "./names.ts";

export function modelFile({ folder, one, oneValue }: DomainNames): string {
  return `import * as v from "valibot";
import { boundedText } from "../../bounded";

/** The fields that a caller may set of one of the ${folder}. */
export const ${oneValue}Input = v.strictObject({ title: boundedText(200, { min: 1, rule: "must be 1 to 200 characters" }) });
export type ${one}Input = v.InferOutput<typeof ${oneValue}Input>;

/** One as it is stored. Times in milliseconds. */
export interface ${one} extends ${one}Input {
  name: string;
  updatedAt: number;
}
`;
}

export function storeFile({ table, one, plural }: DomainNames): string {
  const store = `${capital(plural)}Store`;
  return `import { changes } from "../../d1";
import type { ${one}Input } from "./model";

/** Writes. Throws only when the database cannot be reached. */
export function create${store}(db: D1Database) {
  return {
    /** Creates or replaces. */
    async put(tenant: string, name: string, { title }: ${one}Input, now: number): Promise<void> {
      await changes(db, putSql, tenant, name, title, now);
    },
    /** False: there was none. */
    async remove(tenant: string, name: string): Promise<boolean> {
      return (await changes(db, removeSql, tenant, name)) > 0;
    },
  };
}

const putSql = \`
  INSERT INTO ${table} (tenant, name, title, updated_at) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT DO UPDATE SET title = excluded.title, updated_at = excluded.updated_at\`;

const removeSql = "DELETE FROM ${table} WHERE tenant = ?1 AND name = ?2";
`;
}

export function queriesFile({ table, one, plural }: DomainNames): string {
  const queries = `${capital(plural)}Queries`;
  return `import type { ${one} } from "./model";

/** Reads. Throws only when the database cannot be reached. */
export type ${queries} = ReturnType<typeof create${queries}>;

export function create${queries}(db: D1Database) {
  return {
    get: (tenant: string, name: string) => db.prepare(\`\${selectSql} AND name = ?2\`).bind(tenant, name).first<${one}>(),
    /** By name, those after \`after\`. */
    async list(tenant: string, { after, limit }: { after: string; limit: number }): Promise<${one}[]> {
      return (await db.prepare(\`\${selectSql} AND name > ?2 ORDER BY name LIMIT ?3\`).bind(tenant, after, limit).all<${one}>()).results;
    },
  };
}

const selectSql = 'SELECT name, title, updated_at AS "updatedAt" FROM ${table} WHERE tenant = ?1';
`;
}

export function capabilityFile({ one, plural }: DomainNames): string {
  const name = capital(plural);
  return `import type { ${one} } from "./model";
import type { ${name}Queries } from "./queries";

/**
 * What a job that needs "${plural}" is handed, for one tenant. The first such job declares it in Capabilities of queue/job.ts and has it
 * made in src/app/capabilities.ts, as domain/leads/capability.ts does. Routes call store.ts and queries.ts themselves.
 */
export function create${name}({ get }: Pick<${name}Queries, "get">, tenant: string) {
  return { get: (name: string): Promise<${one} | null> => get(tenant, name) };
}
`;
}

export function migrationFile({ table, folder }: DomainNames): string {
  return `-- The ${folder} of tenants.
CREATE TABLE ${table} (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
`;
}

export function testFile({ folder, plural, oneValue }: DomainNames): string {
  const name = capital(plural);
  return `import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { create${name} } from "../../../src/domain/${folder}/capability";
import { ${oneValue}Input } from "../../../src/domain/${folder}/model";
import { create${name}Queries } from "../../../src/domain/${folder}/queries";
import { create${name}Store } from "../../../src/domain/${folder}/store";

const [store, queries] = [create${name}Store(env.DB), create${name}Queries(env.DB)];

test.each([[{}], [{ title: "" }], [{ title: "a", other: 1 }]])("refuses %j", (input) => {
  expect(v.is(${oneValue}Input, input)).toBe(false);
});

test("is written, read and removed; each tenant has its own", async () => {
  await store.put("acme", "one", { title: "first" }, 1);
  await store.put("acme", "one", { title: "second" }, 2);
  await store.put("globex", "two", { title: "other" }, 3);
  const one = { name: "one", title: "second", updatedAt: 2 };
  expect(await queries.list("acme", { after: "", limit: 10 })).toEqual([one]);
  expect([await create${name}(queries, "acme").get("one"), await create${name}(queries, "globex").get("one")]).toEqual([one, null]);
  expect([await store.remove("acme", "one"), await store.remove("acme", "one")]).toEqual([true, false]);
});
`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
