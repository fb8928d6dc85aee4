import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { holdersOf } from "../../src/ledger/erase";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { createReplayable } from "../../src/ledger/replayable";
import { retain } from "../../src/ledger/retention";
import { queuedNow } from "../../src/queue/placement";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import { emptyLedger } from "../support/invariants";
import { planOf, recordingDb } from "../support/recorder";
import { ids, lease, messageOf, newJob, newJobs, noon, transition } from "../support/rows";

beforeEach(emptyLedger);

const ledger = createLedger(env.DB, () => undefined);
const queries = createQueries(env.DB);

/** Children of one job, the oldest first. */
async function givenChildren(parent: { tenant: string; id: string }, count: number, more: Partial<NewJob> = {}): Promise<NewJob[]> {
  const { tenant, id } = parent;
  const children = await Promise.all(
    Array.from({ length: count }, async (_, index) =>
      newJob({ tenant, id: await ids.derive(tenant, ["child", id, "email", `${index}`]), parent: id, at: noon + index, ...more }),
    ),
  );
  await ledger.insert(children);
  return children;
}

async function givenParent(tenant: string): Promise<NewJob> {
  const [parent] = await newJobs(tenant, 1);
  if (!parent) throw new Error("one row was asked for");
  await ledger.insert([parent]);
  return parent;
}

async function end(rows: readonly NewJob[], state: "done" | "dead"): Promise<void> {
  await ledger.claim(rows.map(messageOf), lease(state));
  await ledger.settle(
    rows.map((row) => transition(row, state === "dead" ? { state, reason: "no", event: "dead" } : {})),
    state,
    noon,
  );
}

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

test("the dead letters of a parent are listed as its children are, page by page, with the other fields of a filter; the tenant's others are not read", async () => {
  const parent = await givenParent("grave");
  const children = await givenChildren(parent, 9);
  const deadChildren = children.slice(0, 7);
  await end(deadChildren, "dead");
  await end(children.slice(7), "done");
  const [strange] = await givenChildren({ tenant: "strange", id: parent.id }, 1);
  if (strange) await end([strange], "dead");
  const others = await newJobs("grave", 60);
  await ledger.insert(others);
  await end(others, "dead");
  const { db, counts } = recordingDb();
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await createQueries(db).deadLetters("grave", { parent: parent.id }, { limit: 3, cursor });
    found.push(...page.deadLetters.map(({ id }) => id));
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  expect(found).toEqual(deadChildren.map(({ id }) => id).toReversed());
  expect(counts.read).toBeLessThan((9 + 3) * 3 + 20);
  const narrowed = async (filter: object) => (await queries.deadLetters("grave", { parent: parent.id, ...filter }, { limit: 10 })).deadLetters.length;
  expect(await narrowed({ state: "discarded" })).toBe(0);
  expect(await narrowed({ queue: children[0]?.queue })).toBe(7);
  expect(await narrowed({ queue: "nothing" })).toBe(0);
});

/** Children of one job that have all died in the millisecond in which they were accepted, in the order of their numbers. */
async function givenDeadMany(tenant: string, parent: string, count: number): Promise<void> {
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)`;
  await env.DB.prepare(
    `INSERT INTO jobs (tenant, id, slot, parent, type, version, queue, state, seq, max, at, ended)
    ${rows} SELECT ?1, printf('k%033d', i), printf('0%033d', i), ?2, 'email', 1, 'events', 'dead', 1, 5, i, i FROM n`,
  )
    .bind(tenant, parent, count)
    .run();
  await env.DB.prepare(
    `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at)
    ${rows} SELECT ?1, i, printf('k%033d', i), 'email', 'dead', 'no', 'k', 1, i FROM n WHERE ?2 = ?2`,
  )
    .bind(tenant, parent, count)
    .run();
}

/** Ids from a cursor on, and the rows read of them all. */
async function lettersOf(tenant: string, filter: object, from?: string): Promise<{ found: string[]; read: number; pages: number }> {
  const { db, counts } = recordingDb();
  const replayable = createReplayable(db);
  const found: string[] = [];
  let [cursor, pages]: [string | undefined, number] = [from, 0];
  do {
    const page = await replayable.page(tenant, filter, { limit: 100, cursor });
    found.push(...page.letters.map(({ id }) => id));
    cursor = page.cursor ?? undefined;
    pages++;
  } while (cursor !== undefined);
  return { found, read: counts.read, pages };
}

test("a page of the dead letters of a parent reads a page: twice as many children cost twice as many rows", async () => {
  const [few, many] = [await givenParent("few-dead"), await givenParent("many-dead")];
  await givenDeadMany("few-dead", few.id, 500);
  await givenDeadMany("many-dead", many.id, 1000);
  const [half, whole] = [await lettersOf("few-dead", { parent: few.id }), await lettersOf("many-dead", { parent: many.id })];
  expect([half.found.length, whole.found.length]).toEqual([500, 1000]);
  expect(whole.found).toEqual(whole.found.toSorted().toReversed());
  expect(whole.read / half.read).toBeLessThan(2.1);
  expect(whole.read / whole.pages).toBeLessThan(100 * 5);
});

test("among many children without a dead letter the few are found, in pages that may be empty", async () => {
  const parent = await givenParent("sparse");
  await givenDeadMany("sparse", parent.id, 21_000);
  await env.DB.prepare("DELETE FROM dead_letters WHERE tenant = 'sparse' AND died NOT IN (5, 7, 20500)").run();
  const { found, pages } = await lettersOf("sparse", { parent: parent.id });
  expect(found.map((id) => Number(id.slice(1)))).toEqual([20_500, 7, 5]);
  expect(pages).toBe(2);
});

test("a walk that an earlier release began by time of death goes on behind its cursor", async () => {
  const parent = await givenParent("begun");
  await givenDeadMany("begun", parent.id, 300);
  const { found } = await lettersOf("begun", { parent: parent.id }, `250.${"k".padEnd(31, "0")}250`);
  expect(found).toHaveLength(249);
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
