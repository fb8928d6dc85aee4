import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createOutbox } from "../src/outbox";
import { recordingDb } from "./support/recorder";

const table = { table: "shop_events", key: ["tenant", "at", "site", "id"] as const };

beforeEach(() => env.DB.prepare("DELETE FROM shop_events").run());

async function given(tenant: string, count: number) {
  const rows = Array.from({ length: count }, (_, index) => [tenant, `order/${index}`, index]);
  const sql = `INSERT INTO shop_events (tenant, site, id, type, at, data) SELECT value ->> 0, 'main', value ->> 1, 'order.created', value ->> 2, '{}' FROM json_each(?)`;
  await env.DB.prepare(sql).bind(JSON.stringify(rows)).run();
}
const left = async () => (await env.DB.prepare("SELECT tenant, at FROM shop_events ORDER BY tenant, at").all<{ tenant: string; at: number }>()).results;

test("names each tenant once, in one statement, and no more of them than asked for", async () => {
  await given("acme", 200);
  await given("globex", 200);
  const { db, statements } = recordingDb();
  expect((await createOutbox(db, { ...table, maxTenants: 10 }).tenants()).toSorted()).toEqual(["acme", "globex"]);
  expect(statements.length).toBe(1);
  expect(await createOutbox(env.DB, { ...table, maxTenants: 1 }).tenants()).toHaveLength(1);
});

test("an empty one names none", async () => {
  expect(await createOutbox(env.DB, { ...table, maxTenants: 10 }).tenants()).toEqual([]);
});

test("removes the rows of these keys and no other; none for none", async () => {
  await given("acme", 3);
  await given("globex", 1);
  const outbox = createOutbox(env.DB, { ...table, maxTenants: 10 });
  await outbox.remove([]);
  await outbox.remove([
    ["acme", 0, "main", "order/0"],
    ["acme", 2, "main", "order/2"],
    ["acme", 1, "other", "order/1"],
  ]);
  expect(await left()).toEqual([
    { tenant: "acme", at: 1 },
    { tenant: "globex", at: 0 },
  ]);
});
