import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createAnalytics } from "../../src/domain/analytics/capability";
import { createLedger } from "../../src/ledger/ledger";
import { defaultRetention, retain, type RetentionDays } from "../../src/ledger/retention";
import { recordingDb, planOf } from "../support/recorder";
import { sized } from "../support/size";
import { ids, lease, messageOf, newJob, newJobs, noon, sideRows, stored, transition } from "../support/rows";

const day = 24 * 3600_000;
const ledger = createLedger(env.DB, () => undefined);
const tables = ["jobs", "arrivals", "watermarks", "counters", "audit", "replays", "analytics_events", "dead_letters", "history", "entities", "effects"];

beforeEach(() => env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`))));

function setUp(own: Record<string, Partial<RetentionDays>> = {}) {
  const { db, statements } = recordingDb();
  const removed: string[] = [];
  const deps = {
    db,
    daysOf: async (tenants: readonly string[]) => new Map(tenants.map((tenant) => [tenant, { ...defaultRetention, ...own[tenant] }])),
    removePayloads: async (keys: readonly string[]) => void removed.push(...keys),
  };
  const retainAt = async (now: number) => {
    statements.length = 0;
    const result = await retain(deps, now);
    return { ...result, statements: statements.length };
  };
  return { retainAt, removed, deps, statements };
}

async function givenEnded(tenant: string, count: number, more: Parameters<typeof newJobs>[2] = {}, ending: Parameters<typeof transition>[1] = {}) {
  const rows = await newJobs(tenant, count, more);
  await end(rows, ending);
  return rows;
}

async function end(rows: Awaited<ReturnType<typeof newJobs>>, ending: Parameters<typeof transition>[1] = {}) {
  await ledger.insert(rows);
  for (let from = 0; from < rows.length; from += 500) {
    const part = rows.slice(from, from + 500);
    await ledger.claim(part.map(messageOf), lease("ends"));
    await ledger.settle(
      part.map((row) => transition(row, ending)),
      "ends",
      noon,
    );
  }
}

const left = async (table: string, tenant: string) =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE tenant = ?`).bind(tenant).first<{ n: number }>())?.n;

test("an open job is kept, an ended one goes with all that hangs on it, each state after its own days", async () => {
  const { retainAt, removed } = setUp({ mine: { done: 20 } });
  const [done] = await givenEnded("mine", 1, { entities: ["order:1"], ref: "mine/x/1", payload: null });
  const [dead] = await givenEnded("mine", 1, { ref: "mine/x/2", payload: "{}" }, { state: "dead", reason: "no", event: "dead" });
  const open = newJob({ tenant: "mine", id: await ids.make("mine", noon + 5), wake: noon });
  const keyed = newJob({ tenant: "mine", id: await ids.derive("mine", ["key"]), fp: "fp" });
  await ledger.insert([open]);
  await end([keyed], { state: "cancelled" });
  if (!done || !dead) throw new Error("two rows were made");
  expect(await retainAt(noon + 13 * day)).toMatchObject({ removed: 0, tenants: 1 });
  expect(await retainAt(noon + 15 * day)).toMatchObject({ removed: 1 });
  expect([await stored(keyed), removed]).toEqual([null, []]);
  expect(await retainAt(noon + 21 * day)).toMatchObject({ removed: 1 });
  expect([await stored(done), removed]).toEqual([null, ["mine/x/1"]]);
  expect(await retainAt(noon + 89 * day)).toMatchObject({ removed: 0 });
  expect(await retainAt(noon + 91 * day)).toMatchObject({ removed: 1 });
  // A patched payload lies in the row, the one before it in R2: both go.
  expect([await stored(dead), removed]).toEqual([null, ["mine/x/1", "mine/x/2"]]);
  expect(await stored(open)).not.toBeNull();
  expect(await sideRows("mine")).toEqual([`due ${noon} ${open.id}`]);
});

/** So many tenants, and the calls that reach all of them when each has something to remove, or nothing. */
const many = sized(100, 300);
const [full, idle] = [sized(6, 16), sized(4, 9)];

test(`${many} tenants with something to remove: every turn comes within ${full} calls, and none asks for more than 210 statements`, async () => {
  const tenants = Array.from({ length: many }, (_, index) => `t-${String(index).padStart(3, "0")}`);
  const rows = await Promise.all(tenants.map((tenant) => newJobs(tenant, 2)));
  await end(rows.flat());
  const { retainAt } = setUp();
  const calls = [];
  for (let call = 0; call < full; call++) calls.push(await retainAt(noon + 20 * day + call * 60_000));
  expect(calls.reduce((sum, { removed }) => sum + removed, 0)).toBe(2 * many);
  expect(Math.max(...calls.map(({ statements }) => statements))).toBeLessThan(210);
  const counted = await env.DB.prepare("SELECT count(*) AS n FROM jobs").first<{ n: number }>();
  expect(counted?.n).toBe(0);
});

test(`${many} tenants with nothing to remove: all within ${idle} calls, then from the first again`, async () => {
  const tenants = Array.from({ length: many }, (_, index) => `q-${String(index).padStart(3, "0")}`);
  const rows = await Promise.all(tenants.map((tenant) => newJobs(tenant, 1)));
  await ledger.insert(rows.flat());
  const { retainAt, statements } = setUp();
  const turns: unknown[] = [];
  for (let call = 0; call < idle; call++) {
    const { statements: count, removed } = await retainAt(noon + 20 * day);
    expect(removed).toBe(0);
    expect(count).toBeLessThan(210);
    turns.push(...statements.filter(({ sql }) => sql.includes("FROM jobs WHERE tenant = ?1")).map(({ values }) => values[0]));
  }
  expect(turns.slice(0, many + 1)).toEqual([...tenants, tenants[0]]);
});

test("a tenant with 6,000 rows to remove, and one whose removal fails, stop no other tenant's retention", async () => {
  await givenEnded("a-huge", 6000);
  await givenEnded("b-broken", 1, { ref: "b-broken/x/1", payload: null });
  await givenEnded("c-small", 1);
  const { retainAt, deps } = setUp();
  deps.removePayloads = async (keys) => {
    if (keys.length > 0) throw new Error("R2 is down");
  };
  await expect(retainAt(noon + 20 * day)).rejects.toThrow("R2 is down");
  expect([await left("jobs", "a-huge"), await left("jobs", "c-small")]).toEqual([1000, 1]);
  await retainAt(noon + 20 * day);
  expect(await left("jobs", "c-small")).toBe(0);
  await retainAt(noon + 20 * day);
  expect(await left("jobs", "a-huge")).toBe(0);
});

test("counted events go ninety days after they happened, whatever the kind of their job's id", async () => {
  const { retainAt } = setUp({ short: { analytics: 10 } });
  const analytics = createAnalytics(env.DB);
  for (const tenant of ["events", "short"]) {
    for (const [index, at] of [noon, noon + 50 * day].entries()) {
      const jobs = [await ids.make(tenant, at), await ids.derive(tenant, [String(index)])];
      await analytics.store(jobs.map((job) => ({ tenant, job, event: "paid", at })));
    }
  }
  expect(await retainAt(noon + 60.5 * day)).toMatchObject({ removed: 4, tenants: 2 });
  expect([await left("analytics_events", "events"), await left("analytics_events", "short")]).toEqual([4, 0]);
  expect(await retainAt(noon + 91 * day)).toMatchObject({ removed: 2 });
  expect(await retainAt(noon + 141 * day)).toMatchObject({ removed: 2 });
  expect(await left("analytics_events", "events")).toBe(0);
});

test("many events of derived ids are walked page by page, round and round", async () => {
  const { retainAt } = setUp();
  const jobs = await Promise.all(Array.from({ length: 1200 }, (_, index) => ids.derive("keyed", [String(index)])));
  await createAnalytics(env.DB).store(jobs.map((job, index) => ({ tenant: "keyed", job, event: "paid", at: index < 700 ? noon : noon + 60 * day })));
  for (let call = 0; call < 3; call++) await retainAt(noon + 91 * day);
  expect(await left("analytics_events", "keyed")).toBe(500);
  for (let call = 0; call < 3; call++) await retainAt(noon + 151 * day);
  expect(await left("analytics_events", "keyed")).toBe(0);
});

test("logs of a tenant without jobs go too", async () => {
  const { retainAt } = setUp();
  await env.DB.batch([
    env.DB.prepare("INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('gone', ?, 'email', 'done', 1, 1)").bind(noon),
    env.DB.prepare("INSERT INTO audit (tenant, at, id, actor, action) VALUES ('gone', ?, 'x', 'root', 'reveal')").bind(noon),
  ]);
  await retainAt(noon + 36 * day);
  expect([await left("counters", "gone"), await left("audit", "gone")]).toEqual([0, 1]);
  await retainAt(noon + 91 * day);
  expect(await left("audit", "gone")).toBe(0);
});

test("the late row of a job that was buried adds no entity keys: nothing would lead retention to them", async () => {
  const late = newJob({ tenant: "buried", id: await ids.make("buried", noon), entities: ["order:1", "lead:2"] });
  const { tenant, id, type, version, queue, fp } = late;
  await ledger.bury([{ tenant, id, type, version, queue, fp, raw: "{}", reason: "the backstop has it" }], noon);
  await ledger.insert([late]);
  expect(await left("entities", "buried")).toBe(0);
});

test("every statement finds its rows by key", async () => {
  const { retainAt, statements } = setUp();
  await givenEnded("plans", 2, { entities: ["order:1"] });
  await createAnalytics(env.DB).store([{ tenant: "plans", job: await ids.derive("plans", ["a"]), event: "paid", at: noon }]);
  await retainAt(noon + 200 * day);
  const complaints: string[] = [];
  for (const one of new Map(statements.map((each) => [each.sql, each])).values()) {
    const scans = (await planOf(one)).filter((line) =>
      /^SCAN (?!.*VIRTUAL TABLE)(jobs|arrivals|analytics_events|counters|audit|replays|entities|effects|history|dead_letters|watermarks)\b/.test(line),
    );
    complaints.push(...scans.map((line) => `${line}: ${one.sql}`));
  }
  expect(complaints).toEqual([]);
});
