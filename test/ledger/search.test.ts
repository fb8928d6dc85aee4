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
  await env.DB.prepare(`UPDATE jobs SET slot = '7' || substr(id, 2) WHERE tenant = 'few' AND id > '8'`).run();
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
