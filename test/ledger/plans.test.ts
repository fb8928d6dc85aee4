import { durationsIn } from "../../src/ledger/durations";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Counters } from "../../src/ledger/counters";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { createReplayable } from "../../src/ledger/replayable";
import { createSampleQueries } from "../../src/ledger/samples";
import { createStateLookup } from "../../src/ledger/states";
import { isDerived } from "../../src/queue/id";
import { broughtBack, queuedNow } from "../../src/queue/placement";
import { planOf, recordingDb, type Recorded } from "../support/recorder";
import { ids, lease, messageOf, newJob, newJobs, noon, transition } from "../support/rows";

/** Tables that are read whole: a handful of rows each. */
const small = ["pauses", "parked_gates"];
/** Grouping is sorting: a bounded number of dead letters, the counters of a few hours. */
const mayHaveToSort = /GROUP BY kind|FROM counters/;
/** All rows of a tenant are read: before a list of ids, for each of them. */
const readsTenant = /^SEARCH \S+ USING (?:PRIMARY KEY|(?:COVERING )?INDEX \S+) \(tenant=\?\)$/;
/** Counts for the overview, at most 100,000 rows of tables that hold only what is held back or went wrong. */
const counts = /^SELECT count\(\*\) AS n(?:, count\(iif\(.*\)\) AS discarded)? FROM \(SELECT (?:1|(?:NULL AS )?state) FROM (?:dead_letters|parked|due) s /;

test("every statement of the ledger finds its rows by key, and no list is sorted", async () => {
  const { db, statements } = recordingDb();
  await useEverything(db);
  const distinct = [...new Map(statements.map((each) => [each.sql, each])).values()].filter(({ sql }) => !/^SELECT 1\b/.test(sql));
  expect(distinct.length).toBeGreaterThan(50);
  expect((await Promise.all(distinct.map(complaint))).filter((each) => each !== null)).toEqual([]);
});

test("looking for what another start left behind reads all jobs: local starts only", async () => {
  const { db, statements } = recordingDb();
  await createLedger(db, () => undefined).ofOtherBoot("new", 10);
  expect(await planOf(statements[0] as Recorded)).toEqual([expect.stringMatching(/SCAN j\b/)]);
});

async function complaint(one: Recorded): Promise<string | null> {
  const plan = await planOf(one);
  if (counts.test(one.sql)) return null;
  const wrong = plan.filter((line) => (line.startsWith("SCAN ") ? !mayBeScanned(line, one.sql) : line.includes("TEMP B-TREE") && !mayHaveToSort.test(one.sql)));
  const crossed = plan.filter((line, index) => readsTenant.test(line) && /^SCAN \S+ VIRTUAL TABLE/.test(plan[index + 1] ?? ""));
  wrong.push(...crossed);
  return wrong.length === 0 ? null : `${one.sql.replace(/\s+/g, " ").trim().slice(0, 160)}\n  ${plan.join("\n  ")}`;
}

/** Lists that were bound, small tables, and what an inner query found. */
function mayBeScanned(line: string, sql: string): boolean {
  const [, table = ""] = /^SCAN (\S+)/.exec(line) ?? [];
  const inner = table.startsWith("(") || new RegExp(`\\) ${table}\\b|WITH ${table} AS|\\b${table}\\(tenant\\) AS`).test(sql);
  return line.includes("VIRTUAL TABLE") || line === "SCAN CONSTANT ROW" || small.includes(table) || inner;
}

async function useEverything(db: D1Database): Promise<void> {
  const ledger = createLedger(db, () => undefined);
  const tenant = "plans";
  const [free, held, lost, dead, ...others] = await newJobs(tenant, 8, { entities: ["order:1"], wake: noon, due: noon });
  if (!free || !held || !lost || !dead) throw new Error("eight rows were made");
  const keyed = newJob({ tenant, id: await ids.derive(tenant, ["key"]), fp: "fp" });
  expect(isDerived(keyed.id)).toBe(true);
  await ledger.insert([free, held, lost, dead, ...others]);
  await ledger.insertKeyed([keyed]);
  await ledger.missing([keyed]);
  await env.DB.prepare("INSERT INTO watermarks (tenant, walk, position) VALUES ('*', 'own-keys', '1') ON CONFLICT DO NOTHING").run();
  await ledger.former([{ tenant, id: keyed.id, fp: "f" }]);
  await ledger.unsent([free], noon);
  await ledger.claim([held, dead, ...others].map(messageOf), lease("t1"));
  await ledger.claim([], { ...lease("t2"), until: noon - 1 }, { fresh: [lost] });
  await ledger.claimAlone(messageOf(lost), lease("t3"));
  await ledger.release([lost], "t3");
  await ledger.effects([held]);
  for (const token of ["t1", null]) await ledger.recordEffect(held, { key: "send", revision: 0, state: "done", result: null, at: noon }, token);
  await ledger.checkpoint(held, "{}", [], "t1", noon);
  await expect(ledger.checkpoint(held, "{}", [], "not mine", noon)).resolves.toBe(false);
  await ledger.heartbeat([{ ...held, progress: "{}" }], "t1");
  await ledger.cancel(lost, noon, noon);
  const was = { wake: noon, gate: null };
  const [one, two, three, four] = others;
  if (!one || !two || !three || !four) throw new Error("four more rows were made");
  await ledger.settle(
    [
      transition(one, { was }),
      transition(two, { state: "retrying", bump: 1, wake: noon + 1, ended: null, event: "retry", was }),
      transition(three, { state: "waiting", bump: 1, gate: "door", wake: noon, ended: null, was }),
      transition(dead, { state: "dead", reason: "x", event: "dead", was }),
      transition(four, { state: "done", was: { wake: noon, gate: "door" } }),
    ],
    "t1",
    noon,
  );
  await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?1, ?1, 'UTC', '{}', 0, 0)").bind(tenant).run();
  await ledger.dueTenants(noon + 1);
  for (const row of (await ledger.due([tenant], noon + 1, 100)).flatMap(({ rows }) => rows)) {
    await ledger.bringBack([{ ...row, place: broughtBack(noon, 0, 0), swept: false }], noon, "");
    await ledger.rewake([{ at: row.wakeAt, tenant, id: row.id, wake: noon + 9 }]);
  }
  await ledger.rewake([{ at: 1, tenant, id: "x", wake: null }]);
  await ledger.parkedGates();
  for (const row of (await ledger.parked([{ tenant, gate: "door" }], 10)).flatMap(({ rows }) => rows))
    await ledger.bringBack([{ ...row, place: broughtBack(noon, 1, 0), swept: false }], noon, "");
  await ledger.forgetGates([{ tenant, gate: "door" }]);
  await ledger.revive([dead], { from: ["dead"], event: "replayed", boot: "", place: queuedNow(noon), replay: "r" }, noon);
  await ledger.scan(noon + 3_000_000, 100, async () => noon + 3_600_000);
  await ledger.pauses();
  await ledger.bury(
    [{ tenant, id: await ids.derive(tenant, ["message"]), type: "unknown", version: 0, queue: "events", raw: "?", reason: "no envelope", fp: null }],
    noon,
  );
  const counters = new Counters(
    db,
    () => noon,
    () => undefined,
    () => undefined,
  );
  counters.add(tenant, "email", "done", 5);
  counters.time(tenant, "email", { run: 5, wait: 5 });
  await counters.flush();
  await readEverything(db, tenant, free.id);
}

async function readEverything(db: D1Database, tenant: string, id: string): Promise<void> {
  await durationsIn(db, tenant);
  const queries = createQueries(db);
  const page = { limit: 10 };
  await queries.job(tenant, id);
  for (const q of [undefined, id, "order:1", "words"]) await queries.jobs(tenant, { q }, page);
  await queries.jobs(tenant, { type: "email", state: "queued", siteId: "main", from: noon - 1, to: noon + 1 }, page);
  await queries.jobs(tenant, { state: "waiting" }, page);
  for (const state of [undefined, "done"] as const) await queries.jobs(tenant, { parent: id, state }, page);
  await queries.jobs(tenant, { type: "email", state: "done", queue: "events" }, page);
  await queries.hasType(tenant, "email");
  for (const parent of [undefined, id]) await queries.deadLetters(tenant, { parent }, page);
  const replayable = createReplayable(db);
  await replayable.page(tenant, {}, page);
  await replayable.sizes(tenant, [id]);
  await replayable.contents(tenant, [id]);
  await replayable.effects(tenant, [id]);
  await createStateLookup(db)(tenant, id);
  for (const whose of [tenant, null]) await createSampleQueries(db)(["email"], whose);
  await queries.groups(tenant);
  for (const whose of [tenant, null]) {
    await queries.counts(whose, noon - 1, noon + 1);
    await queries.backlog(whose);
  }
}
