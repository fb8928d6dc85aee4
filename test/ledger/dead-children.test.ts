import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { createReplayable } from "../../src/ledger/replayable";
import { emptyLedger } from "../support/invariants";
import { recordingDb } from "../support/recorder";
import { newJobs } from "../support/rows";
import { end, givenChildren, givenParent } from "./family";

beforeEach(emptyLedger);

const ledger = createLedger(env.DB, () => undefined);
const queries = createQueries(env.DB);

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
