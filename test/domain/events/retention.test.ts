import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createFacts, createFollowUps } from "../../../src/domain/events/capability";
import { factDays, removeOldEventRows } from "../../../src/domain/events/retention";
import { createLedger } from "../../../src/ledger/ledger";
import { rotationMark } from "../../../src/ledger/watermarks";
import { createTenantStore } from "../../../src/tenants/tenant";
import { planOf, recordingDb } from "../../support/recorder";
import { ids, newJob, noon } from "../../support/rows";

const day = 24 * 3600_000;
const facts = createFacts(env.DB);
const followUps = createFollowUps(env.DB, async () => undefined);
const tenants = createTenantStore(env.DB, async () => undefined);
const forget = (now: number, db = env.DB) => removeOldEventRows(db, (walk) => rotationMark(db, walk), now);
const count = async (table: string) => (await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n;
const add = (tenant: string, entity: string, at: number) => facts.add(tenant, { entity, at, event: `${at}`, type: "t", data: {} });

beforeEach(() => env.DB.batch(["facts", "follow_ups", "answers", "tenants", "jobs", "watermarks"].map((table) => env.DB.prepare(`DELETE FROM ${table}`))));

test("facts go a year after they happened, or after the tenant's own days, never before five", async () => {
  await tenants.put("usual", { name: "Usual" }, noon);
  await tenants.put("brief", { name: "Brief", settings: { retention: { facts: 1 } } }, noon);
  for (const tenant of ["usual", "brief", "gone"]) for (const at of [noon, noon + 10 * day]) await add(tenant, "lead:1", at);
  expect(await forget(noon + 4 * day)).toBe(0);
  expect(await forget(noon + 6 * day)).toBe(1);
  expect(await facts.list("brief", "lead:1")).toHaveLength(1);
  expect(await forget(noon + (factDays + 1) * day)).toBe(3);
  expect(await count("facts")).toBe(2);
});

test("a follow-up is deleted when its job ends, an answer when no call can ask for it any more", async () => {
  const open = newJob({ tenant: "t", id: await ids.make("t", noon), type: "follow-up" });
  await createLedger(env.DB, () => undefined).insert([open]);
  for (const job of [open.id, "removed"]) await followUps.planned("t", "lead:1", job);
  await followUps.answered("t", "lead:2", noon);
  expect(await forget(noon + 399 * day)).toBe(1);
  expect([await count("follow_ups"), await count("answers")]).toEqual([1, 1]);
  expect(await forget(noon + 401 * day)).toBe(1);
  expect([await count("follow_ups"), await followUps.hasAnswered("t", "lead:2", noon)]).toEqual([1, false]);
});

test("very many are walked page by page, by key, within a few statements, round and round", async () => {
  const rows = Array.from({ length: 2500 }, (_, index) => [index < 1200 ? "a" : "b", `lead:${1000 + index}`, index % 2 === 0 ? noon : noon + 300 * day]);
  const insert = "INSERT INTO facts (tenant, entity, at, event, type, data) SELECT value->>0, value->>1, value->>2, 'e', 't', '{}' FROM json_each(?1)";
  await env.DB.prepare(insert).bind(JSON.stringify(rows)).run();
  const { db, statements } = recordingDb();
  const removed: number[] = [];
  for (let call = 0; call < 3; call++) {
    statements.length = 0;
    removed.push(await forget(noon + (factDays + 1) * day, db));
    expect(statements.length).toBeLessThan(13);
  }
  expect(removed).toEqual([500, 500, 250]);
  await add("a", "lead:1", noon);
  expect(await forget(noon + (factDays + 1) * day, db)).toBe(1);
  expect(await count("facts")).toBe(1250);
  const plans = (await Promise.all(statements.map(planOf))).flat();
  expect(plans.filter((line) => /^SCAN (?!.*VIRTUAL TABLE)/.test(line))).toEqual([]);
});
