import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { emptyLedger } from "../support/invariants";
import { lease, messageOf, newJobs, noon, transition } from "../support/rows";

beforeEach(emptyLedger);

const ledger = createLedger(env.DB, () => undefined);

const queries = createQueries(env.DB);

const page = { limit: 10 };

async function dead(tenant: string, reason: string): Promise<string> {
  const [row] = await newJobs(tenant, 1);
  if (!row) throw new Error("one row was asked for");
  await ledger.insert([row]);
  await ledger.claim([messageOf(row)], lease(row.id));
  await ledger.settle([transition(row, { state: "dead", reason, event: "dead" })], row.id, noon);
  return row.id;
}

/** All pages of a search: the ids in their order, and how many pages it took. */
async function searched(tenant: string, filter: object, limit = 10) {
  const ids: string[] = [];
  let cursor: string | null | undefined;
  let pages = 0;
  for (; pages < 40 && cursor !== null; pages++) {
    const found = await queries.jobs(tenant, filter, { limit, cursor: cursor ?? undefined });
    ids.push(...found.jobs.map(({ id }) => id));
    cursor = found.cursor;
  }
  return { ids, pages };
}

test("the end of an id finds its job in every state, as lists show it, once", async () => {
  const [open, running, waits, done, derived] = await newJobs("tails", 5);
  if (!open || !running || !waits || !done || !derived) throw new Error("five rows were asked for");
  const letter = await dead("tails", "503");
  await ledger.insert([open, running, waits, done]);
  await ledger.claim([running, waits, done].map(messageOf), lease("mine"));
  await ledger.settle(
    [
      transition(waits, { state: "retrying", bump: 1, due: noon + 1, sent: noon + 1, wake: noon + 2, ended: null, reason: "Host not found" }),
      transition(done, { state: "done" }),
    ],
    "mine",
    noon,
  );
  for (const id of [open.id, running.id, waits.id, done.id, letter])
    for (const q of [id.slice(-8), `…${id.slice(-8)}`, `...${id.slice(-6).toUpperCase()}`])
      expect([q, (await searched("tails", { q })).ids]).toEqual([q, [id]]);
  expect((await searched("tails", { q: done.id.slice(-8), state: "dead" })).ids).toEqual([]);
  expect((await searched("others", { q: done.id.slice(-8) })).ids).toEqual([]);
  expect((await searched("tails", { q: "host NOT" })).ids).toEqual([waits.id]);
  expect((await queries.deadLetters("tails", { q: `…${letter.slice(-8)}` }, page)).deadLetters.map(({ id }) => id)).toEqual([letter]);
});

test("what is searched for is found behind more rows than one answer reads, and none is said only at the end", async () => {
  const fill = (table: string, columns: string, values: string, count: number) =>
    env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO ${table} (tenant, ${columns}) SELECT 'deep', ${values} FROM n`,
    );
  const job = "id, type, version, queue, state, seq, max, at, ended, reason";
  await fill("jobs", job, "printf('7%033d', i), 'note', 1, 'events', 'done', 1, 5, 0, 0, NULL", 20_500).run();
  await fill("jobs", job, "printf('6%033d', i), 'note', 1, 'events', 'dead', 1, 5, 0, i, iif(i = 1, 'host not found', 'x')", 4500).run();
  await fill(
    "dead_letters",
    "died, id, type, state, reason, kind, attempt, at",
    "i, printf('6%033d', i), 'note', 'dead', iif(i = 1, 'host not found', 'x'), 'k', 5, 0",
    4500,
  ).run();
  const first = await queries.jobs("deep", { q: "host not" }, page);
  expect([first.jobs, first.cursor === null, first.examined]).toEqual([[], false, 2000]);
  expect(await searched("deep", { q: "host not" })).toEqual({ ids: [`6${"1".padStart(33, "0")}`], pages: 3 });
  const oldest = await searched("deep", { q: "00000007", state: "done" });
  expect(oldest).toEqual({ ids: [`7${"7".padStart(33, "0")}`], pages: 2 });
  expect((await searched("deep", { q: "00000007" })).ids).toEqual([`6${"7".padStart(33, "0")}`, `7${"7".padStart(33, "0")}`]);
  const none = await queries.jobs("deep", { q: "zzzzzzzz", state: "done" }, page);
  expect([none.jobs, none.cursor === null, none.examined]).toEqual([[], false, 20_000]);
});

test("where more jobs wait than are read at once, a search goes through them all", async () => {
  const rows = await newJobs("flood", 4200, { due: noon, wake: noon });
  await ledger.insert(rows);
  await env.DB.prepare("UPDATE jobs SET state = 'retrying', reason = iif(id = ?1, 'host not found', 'timed out') WHERE tenant = 'flood'")
    .bind(rows[5]?.id)
    .run();
  const letter = await dead("flood", "host not found");
  const found = await searched("flood", { q: "host not" });
  expect(found.ids).toEqual([letter, rows[5]?.id]);
  expect(found.pages).toBeGreaterThan(1);
  expect((await searched("flood", { q: "timed", state: "open" }, 200)).ids).toHaveLength(4199);
  expect((await searched("flood", { q: (rows[9]?.id ?? "").slice(-9) })).ids).toEqual([rows[9]?.id]);
});

test("a job that the tick brought into a side row while it ran is found once after its end", async () => {
  const [done, failed] = await newJobs("stale", 2);
  if (!done || !failed) throw new Error("two rows were asked for");
  await ledger.insert([done, failed]);
  await ledger.claim([done, failed].map(messageOf), { ...lease("mine"), until: noon + 3_600_000 });
  await ledger.scan(noon + 11 * 60_000, 500, () => Promise.resolve(noon + 3_660_000));
  const end = [transition(done, { state: "done" }), transition(failed, { state: "dead", reason: "host not found", event: "dead" })];
  await ledger.settle(end, "mine", noon + 12 * 60_000);
  expect((await searched("stale", { q: done.id.slice(-8) })).ids).toEqual([done.id]);
  expect((await searched("stale", { q: "host not" })).ids).toEqual([failed.id]);
});

test("a dead letter at the last row of a walk is found once", async () => {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20001)
     INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, ended, reason)
     SELECT 'edge', printf('7%033d', i), 'note', 1, 'events', iif(i = 2, 'dead', 'done'), 1, 5, 0, 5, iif(i = 2, 'host 7777 gone', NULL) FROM n`,
  ).run();
  const id = `7${"2".padStart(33, "0")}`;
  await env.DB.prepare(
    "INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at) VALUES ('edge', 5, ?, 'note', 'dead', 'host 7777 gone', 'k', 5, 0)",
  )
    .bind(id)
    .run();
  expect((await searched("edge", { q: "00000002" })).ids).toEqual([id]);
});

test("jobs that come between two pages repeat none, also when they are more than are read at once", async () => {
  const retrying = (count: number) => newJobs("grow", count, { due: noon, wake: noon });
  await ledger.insert(await retrying(1500));
  await env.DB.prepare("UPDATE jobs SET state = 'retrying', reason = 'host not found' WHERE tenant = 'grow'").run();
  const first = await queries.jobs("grow", { q: "host not" }, { limit: 200 });
  await ledger.insert(await retrying(1000));
  const ids = first.jobs.map(({ id }) => id);
  for (let { cursor } = first; cursor !== null;) {
    const next = await queries.jobs("grow", { q: "host not" }, { limit: 200, cursor });
    ids.push(...next.jobs.map(({ id }) => id));
    cursor = next.cursor;
  }
  expect([new Set(ids).size, ids.length]).toEqual([1500, 1500]);
});
