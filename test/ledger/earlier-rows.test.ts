import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { holdersOf } from "../../src/ledger/erase";
import { createLedger } from "../../src/ledger/ledger";
import { openJobs, passEnded } from "../../src/ledger/open-jobs";
import { createQueries } from "../../src/ledger/queries";
import { retain } from "../../src/ledger/retention";
import { openRows } from "../../src/ledger/search";
import { slotOf } from "../../src/queue/id";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import { planOf, recordingDb } from "../support/recorder";
import { foundBy, ids, lease, listed, messageOf, newJob, newJobs, noon, sideRows, transition } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);
const minute = 60_000;

/** Beside each job's row the release before migration 0053 wrote these. */
async function writeAsBefore(rows: readonly NewJob[]): Promise<void> {
  await ledger.insert(rows);
  const arrivals = rows.filter(({ id }) => id >= "8");
  await env.DB.batch([
    ...arrivals.map(({ tenant, id, at }) => env.DB.prepare("INSERT INTO arrivals (tenant, slot, id) VALUES (?, ?, ?)").bind(tenant, slotOf(id, at), id)),
    ...rows.flatMap(({ tenant, id, entities }) =>
      entities.map((key) => env.DB.prepare("INSERT INTO entities (tenant, key, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING").bind(tenant, key, id)),
    ),
  ]);
}

async function migrate(): Promise<void> {
  const migration = env.TEST_MIGRATIONS.find(({ name }) => name.startsWith("0053_"));
  if (!migration) throw new Error("there is no migration 0053");
  await env.DB.batch(migration.queries.map((sql) => env.DB.prepare(sql)));
}

async function keyedJob(tenant: string, key: string, more: Partial<NewJob> = {}): Promise<NewJob> {
  return newJob({ tenant, id: await ids.derive(tenant, [key]), fp: key, ...more });
}

test("jobs that an earlier release wrote, before the migration and after it, are listed, searched, looked for, erased and removed", async () => {
  await env.DB.batch(["jobs_by_slot", "jobs_by_entity"].map((index) => env.DB.prepare(`DROP INDEX ${index}`)));
  const entities = ["order:1", "lead:2"];
  const before = await keyedJob("earlier", "before", { entities });
  const passed = await keyedJob("earlier", "passed", { at: noon - 60 * minute });
  const [made] = await newJobs("earlier", 1, { entities });
  if (!made) throw new Error("one row was asked for");
  await writeAsBefore([before, passed, made]);
  const mark = slotOf(passed.id, passed.at);
  await env.DB.prepare("INSERT INTO watermarks (tenant, walk, position) VALUES ('earlier', 'sweep-arrivals', ?1), ('earlier', 'ended-arrivals', ?1)")
    .bind(mark)
    .run();
  await migrate();
  const after = await keyedJob("earlier", "after", { at: noon + minute, entities });
  await writeAsBefore([after]);
  const own = await keyedJob("earlier", "own", { at: noon + 2 * minute, entities });
  await ledger.insert([own]);

  const all = [own, after, made, before].map(({ id }) => id);
  expect((await listed("earlier")).toSorted()).toEqual([...all, passed.id].toSorted());
  for (const key of entities) expect((await foundBy("earlier", key)).toSorted()).toEqual(all.toSorted());
  expect((await openRows(env.DB, "earlier", true))?.map(({ id }) => id).toSorted()).toEqual(all.toSorted());
  expect((await openJobs(env.DB, ["earlier"], noon)).reduce((sum, { count }) => sum + count, 0)).toBe(4);
  const holders = await holdersOf(env.DB, "earlier", { ids: [], entities: ["lead:2"] });
  expect(holders.map(({ id }) => id).toSorted()).toEqual(all.toSorted());
  // The marks of the earlier release hold: what it passed is not read again.
  expect(await ledger.scan(noon + 3 * minute, 100, async () => noon + 9 * minute)).toEqual({ found: 4, more: false });

  await ledger.claim(
    [...all, passed.id].map((id) => messageOf(newJob({ tenant: "earlier", id }))),
    lease("mine"),
  );
  const was = { wake: noon + 9 * minute, gate: null };
  await ledger.settle(all.map((id) => transition({ tenant: "earlier", id }, { was })).concat(transition(passed)), "mine", noon);
  const removed = await retain({ db: env.DB, daysOf: async () => new Map(), removePayloads: async () => undefined }, noon + 20 * 86_400_000);
  expect(removed.removed).toBe(5);
  expect(await sideRows("earlier")).toEqual([]);
  expect((await env.DB.prepare("SELECT id FROM arrivals").all()).results).toEqual([]);
});

test("an earlier release that is put back moves its own marks: a job that it cannot see is still looked for", async () => {
  const unseen = await keyedJob("put-back", "unseen");
  await ledger.insert([unseen]);
  await env.DB.prepare("INSERT INTO watermarks (tenant, walk, position) VALUES ('put-back', 'sweep-arrivals', '7'), ('put-back', 'ended-arrivals', '7')").run();
  await passEnded(env.DB, noon + 2 * minute);
  expect((await openRows(env.DB, "put-back", true))?.map(({ id }) => id)).toEqual([unseen.id]);
  expect(await ledger.scan(noon + minute, 100, async () => noon + 9 * minute)).toEqual({ found: 1, more: false });
});

test("lists, walks and searches by an entity key use the two indexes", async () => {
  const { db, statements } = recordingDb();
  await createLedger(db, () => undefined).scan(noon, 10, async () => noon);
  await createQueries(db).jobs("planned", {}, { limit: 10 });
  await createQueries(db).jobs("planned", { q: "order:1" }, { limit: 10 });
  await holdersOf(db, "planned", { ids: [], entities: ["order:1"] });
  await openRows(db, "planned", true);
  await openJobs(db, ["planned"], noon);
  await passEnded(db, noon);
  const lines = (await Promise.all(statements.map(planOf))).flat().filter((line) => /jobs_by_(?:slot|entity)/.test(line));
  expect([...new Set(lines)].toSorted()).toEqual([
    "SEARCH j USING COVERING INDEX jobs_by_slot (tenant=? AND slot>? AND slot<?)",
    "SEARCH j USING COVERING INDEX jobs_by_slot (tenant=? AND slot>?)",
    "SEARCH j USING INDEX jobs_by_entity (tenant=? AND <expr>=?)",
    "SEARCH j USING INDEX jobs_by_slot (tenant=? AND slot>? AND slot<?)",
    "SEARCH j USING INDEX jobs_by_slot (tenant=? AND slot>?)",
  ]);
});
