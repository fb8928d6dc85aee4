import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { holdersOf } from "../../src/ledger/erase";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { retain } from "../../src/ledger/retention";
import { queuedNow } from "../../src/queue/placement";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import { emptyLedger } from "../support/invariants";
import { planOf, recordingDb } from "../support/recorder";
import { ids, lease, messageOf, newJob, newJobs, noon, transition } from "../support/rows";
import { end, givenChildren, givenParent } from "./family";

beforeEach(emptyLedger);

const ledger = createLedger(env.DB, () => undefined);
const queries = createQueries(env.DB);

test("the children of a job are listed newest first, page by page, and no other job's nor another tenant's", async () => {
  const parent = await givenParent("family");
  const children = await givenChildren(parent, 7);
  await givenChildren(await givenParent("family"), 3);
  await givenChildren({ tenant: "others", id: parent.id }, 2);
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await queries.jobs("family", { parent: parent.id }, { limit: 3, cursor });
    found.push(...page.jobs.map(({ id }) => id));
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  expect(found).toEqual(children.map(({ id }) => id).toReversed());
});

test("state, type, time and words narrow the children, and never find another job", async () => {
  const parent = await givenParent("narrow");
  const [first, second, ...others] = await givenChildren(parent, 5);
  if (!first || !second) throw new Error("five rows were made");
  await end([first], "dead");
  await end([second], "done");
  await end(await newJobs("narrow", 2).then(async (rows) => (await ledger.insert(rows), rows)), "dead");
  const listed = async (filter: Parameters<typeof queries.jobs>[1]) =>
    (await queries.jobs("narrow", { parent: parent.id, ...filter }, { limit: 10 })).jobs.map(({ id }) => id);
  expect(await listed({ state: "dead" })).toEqual([first.id]);
  expect(await listed({ state: "done" })).toEqual([second.id]);
  expect(await listed({ state: "queued" })).toEqual(others.map(({ id }) => id).toReversed());
  expect(await listed({ state: "open" })).toHaveLength(3);
  expect(await listed({ type: "other" })).toEqual([]);
  expect(await listed({ from: noon + 4 })).toEqual([others.at(-1)?.id]);
  expect(await listed({ q: "no" })).toEqual([first.id]);
  expect(await listed({ q: first.id })).toEqual([first.id]);
  expect(await listed({ q: parent.id })).toEqual([]);
});

test("are counted by state with the job, up to a thousand", async () => {
  const parent = await givenParent("counted");
  expect((await queries.job("counted", parent.id))?.children).toEqual({ total: 0, byState: {}, more: false });
  const children = await givenChildren(parent, 5);
  await end(children.slice(0, 2), "done");
  await end(children.slice(2, 3), "dead");
  expect((await queries.job("counted", parent.id))?.children).toEqual({ total: 5, byState: { queued: 2, done: 2, dead: 1 }, more: false });
  const many = await givenParent("counted");
  await givenChildren(many, 1002);
  expect((await queries.job("counted", many.id))?.children).toEqual({ total: 1000, byState: { queued: 1000 }, more: true });
});

test("those queued for later count as scheduled, as the list has them", async () => {
  const parent = await givenParent("later");
  await givenChildren(parent, 3);
  const due = noon + 60_000;
  await env.DB.prepare("UPDATE jobs SET due = ?1 WHERE slot = (SELECT max(slot) FROM jobs WHERE parent = ?2)").bind(due, parent.id).run();
  expect((await queries.job("later", parent.id, noon))?.children).toEqual({ total: 3, byState: { queued: 2, scheduled: 1 }, more: false });
  expect((await queries.jobs("later", { parent: parent.id, state: "scheduled", now: noon }, { limit: 9 })).jobs).toHaveLength(1);
  expect((await queries.job("later", parent.id, due))?.children.byState).toEqual({ queued: 3 });
});

test("a child names its parent with type and state, as long as that is kept", async () => {
  const parent = await givenParent("named");
  const [child] = await givenChildren(parent, 1);
  const named = async () => {
    const { parent: id, parentJob } = (await queries.job("named", child?.id ?? "")) ?? {};
    return { id, parentJob };
  };
  expect(await named()).toEqual({ id: parent.id, parentJob: { type: "email", state: "queued" } });
  await end([parent], "done");
  expect(await named()).toEqual({ id: parent.id, parentJob: { type: "email", state: "done" } });
  await env.DB.prepare("DELETE FROM jobs WHERE tenant = 'named' AND id = ?").bind(parent.id).run();
  expect(await named()).toEqual({ id: parent.id, parentJob: null });
  expect((await queries.job("named", child?.id ?? ""))?.children.total).toBe(0);
});

test("are found by their index: the other jobs of the tenant are not read", async () => {
  const parent = await givenParent("few");
  await givenChildren(parent, 2);
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT 'few', printf('7%033d', i), 'email', 1, 'events', 'done', 1, 5, 0, 0 FROM n`;
  await env.DB.prepare(`INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, ended) ${rows}`).run();
  const { db, statements } = recordingDb();
  const recorded = createQueries(db);
  await recorded.jobs("few", { parent: parent.id }, { limit: 10 });
  await recorded.jobs("few", { parent: parent.id, state: "done", type: "email" }, { limit: 10 });
  await recorded.job("few", parent.id);
  await holdersOf(db, "few", { ids: [parent.id], entities: [] });
  const lookups = statements.filter(({ sql }) => sql.includes("j.parent = "));
  expect(lookups).toHaveLength(5);
  for (const one of lookups) {
    const { meta } = await env.DB.prepare(one.sql)
      .bind(...one.values)
      .all();
    expect(meta.rows_read).toBeLessThan(20);
    expect((await planOf(one)).filter((line) => line.includes("jobs_by_parent"))).toHaveLength(1);
  }
});

test("a child costs one written row more than a job with a key, when it is accepted; the index of parents costs no other job any", async () => {
  const cost = async (tenant: string, more: Partial<NewJob>) => {
    const { db, counts } = recordingDb();
    const own = createLedger(db, () => undefined);
    const remove = () => retain({ db, daysOf: async () => new Map(), removePayloads: async () => undefined }, noon + 100 * 86_400_000);
    const rows = await Promise.all(Array.from({ length: 200 }, async (_, index) => newJob({ tenant, id: await ids.derive(tenant, [`${index}`]), ...more })));
    await own.insert(rows);
    const inserted = counts.written;
    await own.claim(rows.map(messageOf), lease("mine"));
    await own.settle(
      rows.map((row) => transition(row)),
      "mine",
      noon,
    );
    const settled = counts.written - inserted;
    for (let calls = 0; calls < 20 && (await remove()).removed > 0; calls++);
    return { inserted: inserted / rows.length, settled: settled / rows.length, removed: Math.round((counts.written - inserted - settled) / rows.length) };
  };
  const keyed = await cost("keyed", {});
  const child = await cost("child", { parent: await ids.make("child", noon) });
  expect(child).toEqual({ inserted: keyed.inserted + 1, settled: keyed.settled, removed: keyed.removed });
});

test("descendants are found for erasing however late they were enqueued, and those of no other job or tenant", async () => {
  const parent = await givenParent("erased");
  const [child] = await givenChildren(parent, 1, { at: noon + 30 * 86_400_000 });
  if (!child) throw new Error("one row was made");
  const [grandchild] = await givenChildren(child, 1, { at: noon + 300 * 86_400_000 });
  await givenChildren(await givenParent("erased"), 2);
  await givenChildren({ tenant: "another", id: parent.id }, 2);
  const holders = await holdersOf(env.DB, "erased", { ids: [parent.id], entities: [] });
  expect(holders.map(({ id }) => id)).toEqual([parent.id, child.id, grandchild?.id]);
});

test("a replay leaves its id in the life of the job it sent", async () => {
  const [row] = await newJobs("replayed", 1);
  if (!row) throw new Error("one row was asked for");
  await ledger.insert([row]);
  await end([row], "dead");
  await ledger.revive([row], { from: ["dead"], event: "replayed", boot: "", place: queuedNow(noon), replay: "r-7" }, noon + 1);
  expect((await queries.job("replayed", row.id))?.timeline).toContainEqual(expect.objectContaining({ event: "replayed", detail: "r-7" }));
});
