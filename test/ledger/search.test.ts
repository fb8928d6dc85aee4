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

test.each([
  ["Der Empfänger MÜLLER wurde abgelehnt", "müller"],
  ["die straße fehlt", "STRASSE"],
  ["Ο ΠΑΡΑΛΉΠΤΗΣ ΔΕΝ ΥΠΆΡΧΕΙ", "παραλήπτης"],
  ["İstanbul'da bulunamadı", "istanbul"],
])("%s is found by %s, among jobs and dead letters, in the words of the sender or in capitals", async (reason, q) => {
  const id = await dead("search", reason);
  await dead("search", "something else");
  await dead("another", reason);
  for (const words of [q, q.toUpperCase(), q.toLowerCase()]) {
    expect(
      (await queries.jobs("search", { q: words }, page)).jobs.map((job) => job.id),
      words,
    ).toEqual([id]);
    expect(
      (await queries.deadLetters("search", { q: words }, page)).deadLetters.map((letter) => letter.id),
      words,
    ).toEqual([id]);
  }
});

test("an id is found in capitals, an entity key in the case it was typed in, in small letters or with its name in capitals", async () => {
  const [row] = await newJobs("search", 1, { entities: ["order:XKBKN", "order:mixedCase"] });
  if (!row) throw new Error("one row was asked for");
  await ledger.insert([row]);
  for (const q of [row.id, row.id.toUpperCase(), "order:XKBKN", "ORDER:xkbkn", "order:mixedCase"])
    expect(
      (await queries.jobs("search", { q }, page)).jobs.map((job) => job.id),
      q,
    ).toEqual([row.id]);
  const letter = await dead("search", "x");
  expect((await queries.deadLetters("search", { q: letter.toUpperCase() }, page)).deadLetters).toHaveLength(1);
});

test("a job that waits is found however many newer ones there are", async () => {
  const [waiting, retrying, ...newer] = await newJobs("many", 2502);
  if (!waiting || !retrying) throw new Error("many rows were asked for");
  await ledger.insert([waiting, retrying, ...newer]);
  await ledger.claim([waiting, retrying].map(messageOf), lease("mine"));
  const held = [
    transition(waiting, { state: "waiting", bump: 1, gate: "pause/type/email", wake: noon, ended: null }),
    transition(retrying, { state: "retrying", bump: 1, due: noon + 1, sent: noon + 1, wake: noon + 2, ended: null }),
  ];
  await ledger.settle(held, "mine", noon);
  for (const [state, row] of [
    ["waiting", waiting],
    ["retrying", retrying],
  ] as const) {
    const found = await queries.jobs("many", { state }, page);
    expect([found.jobs.map(({ id }) => id), found.cursor]).toEqual([[row.id], null]);
    expect((await queries.jobs("many", { state, type: "other" }, page)).jobs).toEqual([]);
    expect((await queries.jobs("many", { state, from: noon + 2 }, page)).jobs).toEqual([]);
    expect((await queries.jobs("many", { state }, { ...page, cursor: row.id })).jobs).toEqual([]);
  }
  expect(await queries.jobs("many", { state: "done" }, page)).toMatchObject({ jobs: [], cursor: null });
});

test("where more wait than are looked at, the list goes by time, page by page", async () => {
  const rows = await newJobs("crowd", 2100, { due: noon, wake: noon });
  await ledger.insert(rows);
  await ledger.claim(rows.slice(0, 3).map(messageOf), lease("mine"));
  await ledger.settle(
    rows.slice(0, 3).map((row) => transition(row, { state: "waiting", bump: 1, gate: "door", wake: noon, ended: null, was: { wake: noon, gate: null } })),
    "mine",
    noon,
  );
  const found: string[] = [];
  let cursor: string | null | undefined;
  for (let pages = 0; pages < 10 && cursor !== null; pages++) {
    const list = await queries.jobs("crowd", { state: "waiting" }, { limit: 2, cursor: cursor ?? undefined });
    found.push(...list.jobs.map(({ id }) => id));
    cursor = list.cursor;
  }
  expect(found).toEqual(
    rows
      .slice(0, 3)
      .map(({ id }) => id)
      .toReversed(),
  );
});

test("a dead letter is found behind more rows than one page walks", async () => {
  const id = await dead("behind", "503");
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20500) SELECT 'behind', printf('7%033d', i), 'note', 1, 'events', 'done', 1, 5, 0, 0 FROM n`;
  await env.DB.prepare(`INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, ended) ${rows}`).run();
  const first = await queries.jobs("behind", { state: "dead" }, page);
  expect(first).toMatchObject({ jobs: [{ id }], cursor: id, examined: 20_000 });
  expect(await queries.jobs("behind", { state: "dead" }, { ...page, cursor: id })).toMatchObject({ jobs: [], cursor: null });
  const none = await queries.jobs("behind", { state: "cancelled" }, page);
  expect([none.jobs, none.cursor === null]).toEqual([[], false]);
});

test("a page of a filter that few jobs fit is one round trip, and goes on where it ended through made and derived ids alike", async () => {
  const fill = (from: number, to: number, id: string) => `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
    INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, ended, site) SELECT 'few', ${id}, iif(i % 7000, 'note', 'rare'), 1, iif(i % 2, 'events', 'deliveries'), 'done', 1, 5, 0, 0, iif(i % 3500, NULL, 'main') FROM n`;
  await env.DB.prepare(fill(1, 25_000, "printf('7%033d', i)")).run();
  await env.DB.prepare(fill(25_001, 35_000, "printf('8%033d', i)")).run();
  await env.DB.prepare(`INSERT INTO arrivals (tenant, slot, id) SELECT 'few', '7' || substr(id, 2), id FROM jobs WHERE tenant = 'few' AND id > '8'`).run();
  let batches = 0;
  const counting = new Proxy(env.DB, {
    get: (target, name) =>
      name === "batch" ? (all: D1PreparedStatement[]) => (batches++, target.batch(all)) : name === "prepare" ? target.prepare.bind(target) : undefined,
  });
  const found = async (filter: object) => {
    const ids: string[] = [];
    let cursor: string | null | undefined;
    let pages = 0;
    for (; pages < 10 && cursor !== null; pages++) {
      const list = await createQueries(counting).jobs("few", filter, { limit: 2, cursor: cursor ?? undefined });
      ids.push(...list.jobs.map((job) => job.id));
      cursor = list.cursor;
    }
    return { numbers: ids.map((id) => Number(id.slice(1))), pages };
  };
  expect((await found({ type: "rare" })).numbers).toEqual([35_000, 28_000, 21_000, 14_000, 7000]);
  expect((await found({ siteId: "main", queue: "deliveries" })).numbers).toEqual(Array.from({ length: 10 }, (_, index) => 35_000 - index * 3500));
  expect((await found({ siteId: "main", queue: "events" })).numbers).toEqual([]);
  batches = 0;
  const none = await found({ type: "none" });
  expect([none.numbers, none.pages, batches]).toEqual([[], 2, 2]);
  const first = await queries.jobs("few", { type: "rare" }, { limit: 10 });
  expect([first.jobs.length, first.examined]).toEqual([5, 20_000]);
});

test("a type is known by its runs, its days, its minutes or a dead letter, of this tenant alone", async () => {
  await env.DB.batch([
    env.DB.prepare(`INSERT INTO durations (tenant, type) VALUES ('types', 'ran')`),
    env.DB.prepare(`INSERT INTO usage_days (tenant, day, type, event, n, ms) VALUES ('types', '2026-11-20', 'counted', 'enqueued', 1, 0)`),
    env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('types', ?1, 'fresh', 'enqueued', 1, 0)`).bind(noon),
  ]);
  await dead("types", "503");
  const [letter] = (await queries.deadLetters("types", {}, page)).deadLetters;
  if (!letter) throw new Error("one letter is there");
  const known = await Promise.all(["ran", "counted", "fresh", letter.type, "nothing"].map((type) => queries.hasType("types", type)));
  expect(known).toEqual([true, true, true, true, false]);
  expect(await queries.hasType("others", "ran")).toBe(false);
});

test("scheduled jobs are a view of queued ones; running ones are found without a side row", async () => {
  const [later, soon, running] = await newJobs("views", 3);
  if (!later || !soon || !running) throw new Error("three rows were asked for");
  await ledger.insert([{ ...later, due: noon + 60_000, wake: noon + 60_000, sent: null }, soon, running]);
  await ledger.claim([messageOf(running)], lease("mine"));
  const ids = async (state: "scheduled" | "queued" | "running") => (await queries.jobs("views", { state, now: noon }, page)).jobs.map(({ id }) => id);
  expect([await ids("scheduled"), await ids("running")]).toEqual([[later.id], [running.id]]);
  expect((await ids("queued")).toSorted()).toEqual([later.id, soon.id].toSorted());
});

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

test("what is searched for is found behind more rows than one answer reads, and none is said only at the end", { timeout: 60_000 }, async () => {
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

test("where more jobs wait than are read at once, a search goes through them all", { timeout: 60_000 }, async () => {
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

test("a dead letter at the last row of a walk is found once", { timeout: 60_000 }, async () => {
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

test("jobs that come between two pages repeat none, also when they are more than are read at once", { timeout: 60_000 }, async () => {
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
