import { durationsIn } from "../../src/ledger/durations";
import { expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { Counters } from "../../src/ledger/counters";
import { createLedger } from "../../src/ledger/ledger";
import { retain } from "../../src/ledger/retention";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import type { Transition } from "../../src/queue/ports/run-ledger";
import { recordingDb } from "../support/recorder";
import { ids, lease, messageOf, newJob, newJobs, noon, transition } from "../support/rows";

const quiet = { wake: null, gate: null };

/** One job from its row, written when it was accepted, to settle: what D1 bills for it. */
async function rowsWritten(
  row: NewJob,
  ending: Partial<Transition> = {},
  between: (ledger: ReturnType<typeof createLedger>) => Promise<unknown> = async () => undefined,
): Promise<number> {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  await ledger.insert([row]);
  const { claimed } = await ledger.claim([messageOf(row)], lease("mine"));
  expect(claimed).toHaveLength(1);
  await between(ledger);
  expect(await ledger.settle([transition(row, { was: { wake: row.wake, gate: null }, ...ending })], "mine", noon)).toHaveLength(1);
  return counts.written;
}

async function one(tenant: string, more: Partial<NewJob> = {}): Promise<NewJob> {
  return newJob({ tenant, id: await ids.make(tenant, noon), ...more });
}

test("a job whose claim brings its row writes two: insert as running, settle; an entity is one more", async () => {
  for (const [entities, rows] of [
    [[], 2],
    [["order:1"], 3],
  ] as const) {
    const { db, counts } = recordingDb();
    const ledger = createLedger(db, () => undefined);
    const row = await one("demand", { entities });
    expect((await ledger.claim([], lease("mine"), { fresh: [row] })).claimed).toEqual([expect.objectContaining({ id: row.id, runs: 1, wake: null })]);
    await ledger.insert([row]);
    expect(await ledger.settle([transition(row)], "mine", noon)).toHaveLength(1);
    expect(counts.written).toBe(rows);
  }
});

test("a job from a backlog that goes well writes three rows: insert, claim, settle", async () => {
  expect(await rowsWritten(await one("lean"))).toBe(3);
  expect(await rowsWritten(await one("lean"), { result: "{}", progress: "{}" })).toBe(3);
});

test("a key, an entity, an effect, a wait and a checkpoint cost one row each", async () => {
  const key = newJob({ tenant: "extra", id: await ids.derive("extra", ["key"]), fp: "fp" });
  expect(await rowsWritten(key)).toBe(4);
  expect(await rowsWritten(await one("extra", { entities: ["order:1"] }))).toBe(4);
  const effective = await one("extra");
  const effect = { key: "send", revision: 0, state: "done", result: null, at: noon } as const;
  expect(await rowsWritten(effective, {}, (ledger) => ledger.recordEffect(effective, effect, null))).toBe(4);
  expect(await rowsWritten(await one("extra"), { state: "waiting", bump: 1, ended: null, due: noon + 1000, sent: noon + 1000, wake: noon + 601_000 })).toBe(4);
  const far = await one("extra");
  expect(await rowsWritten(far, {}, (ledger) => ledger.checkpoint(far, "{}", [], "mine", noon))).toBe(4);
});

test("each run and the first of several waits cost one row of history; a wait that repeats changes that row, and not twice", async () => {
  const again = { state: "queued", bump: 1, ended: null, event: "again" } as const;
  expect(await rowsWritten(await one("told"), again)).toBe(4);
  const row = await one("told");
  const waits = { state: "waiting", bump: 1, ended: null, event: "waiting", reason: "mail: open", counted: false } as const;
  expect(await rowsWritten(row, waits)).toBe(4);
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const settle = (at: number) => ledger.settle([transition(row, { ...waits, seq: at, folds: true })], `run ${at}`, noon + at);
  for (const at of [1, 2]) {
    await ledger.claim([{ ...messageOf(row), seq: at }], lease(`run ${at}`, noon + at));
    await settle(at);
  }
  expect(counts.written).toBe(2 * 3);
  await settle(2);
  const { results } = await env.DB.prepare("SELECT at, event, detail, times, last_at, ms FROM history WHERE job = ?").bind(row.id).all();
  expect(results).toEqual([{ at: noon, event: "waiting", detail: "mail: open", times: 3, last_at: noon + 2, ms: null }]);
});

test("a batch of a hundred is one round trip to insert, one to claim, one to settle, and three rows a job", async () => {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const rows = await newJobs("hundred", 100);
  await ledger.insert(rows);
  await ledger.claim(rows.map(messageOf), lease("mine"));
  await ledger.settle(
    rows.map((row) => transition(row)),
    "mine",
    noon,
  );
  expect(counts).toMatchObject({ batches: 3, written: 300 });
  const fresh = await newJobs("hundred", 100);
  await ledger.claim([], lease("yours"), { fresh });
  await ledger.settle(
    fresh.map((row) => transition(row)),
    "yours",
    noon,
  );
  expect(counts).toMatchObject({ batches: 5, written: 500 });
});

/** What D1 bills for one of a thousand such jobs from the first write to the removal; `ahead`: their rows are written before the claim. */
async function rowsOfWhole(rows: readonly NewJob[], ahead = false): Promise<number> {
  const { db, counts } = recordingDb();
  const remove = () => retain({ db, daysOf: async () => new Map(), removePayloads: async () => undefined }, noon + 100 * 86_400_000);
  await remove();
  counts.written = 0;
  const ledger = createLedger(db, () => undefined);
  if (ahead) await ledger.insert(rows);
  await (ahead ? ledger.claim(rows.map(messageOf), lease("mine")) : ledger.claim([], lease("mine"), { fresh: rows }));
  await ledger.settle(
    rows.map((row) => transition(row)),
    "mine",
    noon,
  );
  expect((await remove()).removed).toBe(rows.length);
  return counts.written / rows.length;
}

test("a job that is picked up at once costs three written rows from its claim to its removal, with an entity key four, with each further one two more", async () => {
  expect(await rowsOfWhole(await newJobs("whole", 1000))).toBeCloseTo(3, 1);
  expect(await rowsOfWhole(await newJobs("whole", 1000, { entities: ["order:1"] }))).toBeCloseTo(4, 1);
  expect(await rowsOfWhole(await newJobs("whole", 1000, { entities: ["order:1", "lead:2"] }))).toBeCloseTo(6, 1);
});

test("a job with a key costs five, a child six", async () => {
  const keyed = (parent: string | null) =>
    Promise.all(Array.from({ length: 1000 }, async (_, n) => newJob({ tenant: "whole", id: await ids.derive("whole", [String(n)]), parent })));
  expect(await rowsOfWhole(await keyed(null), true)).toBeCloseTo(5, 1);
  expect(await rowsOfWhole(await keyed("parent"), true)).toBeCloseTo(6, 1);
});

test("a claim that finds nothing to claim, a late insert, a settle of another's job and a copy of an effect write nothing", async () => {
  const row = await one("nothing");
  await createLedger(env.DB, () => undefined).claim([], lease("theirs"), { fresh: [row] });
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  await ledger.claim([messageOf(row)], lease("mine"));
  await ledger.claim([], lease("mine"), { fresh: [row] });
  await ledger.insert([row]);
  await ledger.settle([transition(row, { was: quiet })], "mine", noon);
  await ledger.release([row], "mine");
  expect(counts.written).toBe(0);
});

test("counters are one row a minute, type and event, however many jobs there were", async () => {
  const { db, counts } = recordingDb();
  const deferred: Promise<unknown>[] = [];
  const counters = new Counters(
    db,
    () => noon + 1,
    (promise) => deferred.push(promise),
    () => undefined,
  );
  for (let job = 0; job < 50; job++) counters.add("counted", "email", job % 2 ? "done" : "enqueued", 2.4);
  await counters.flush();
  expect(counts.written).toBe(2);
  expect(await counted("counted")).toEqual([
    { minute: noon, event: "done", n: 25, ms: 60 },
    { minute: noon, event: "enqueued", n: 25, ms: 60 },
  ]);
  counters.add("counted", "email", "done", 1);
  await counters.flush();
  await counters.flush();
  expect((await counted("counted"))[0]).toMatchObject({ n: 26, ms: 61 });
});

test("the histograms of a type are one row, however many jobs were measured; what could not be written goes with the next", async () => {
  let down = false;
  const { db, counts } = recordingDb({ fail: () => down });
  const counters = new Counters(
    db,
    () => noon,
    () => undefined,
    () => undefined,
  );
  for (let job = 0; job < 100; job++) counters.time("timed", "email", { run: job % 2 ? 10 : 400_000, wait: job === 0 ? 0 : null });
  await counters.flush();
  expect(counts.written).toBe(1);
  down = true;
  counters.time("timed", "email", { run: 11, wait: null });
  await counters.flush();
  down = false;
  counters.time("timed", "email", { run: 300_000, wait: 300_001 });
  await counters.flush();
  const { types } = await durationsIn(env.DB, "timed");
  expect(types).toEqual([
    {
      type: "email",
      run: { buckets: [50, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 50], sum: 50 * 10 + 50 * 400_000 + 11 + 300_000 },
      wait: { buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], sum: 300_001 },
    },
  ]);
});

test("counts that could not be written go with the next, and a request that went away does not stop the writing", async () => {
  let down = true;
  let now = noon;
  const { db } = recordingDb({ fail: () => down });
  const troubles: unknown[] = [];
  let writes = 0;
  const counters = new Counters(
    db,
    () => now,
    () => writes++,
    (event) => troubles.push(event),
  );
  counters.add("later", "email", "done", 1);
  counters.add("later", "email", "done", 1);
  expect(writes).toBe(1);
  await counters.flush();
  expect(troubles).toMatchObject([{ event: "trouble", where: "counters" }]);
  down = false;
  counters.add("later", "email", "done", 1);
  await counters.flush();
  expect(await counted("later")).toEqual([{ minute: noon, event: "done", n: 3, ms: 3 }]);
  counters.add("later", "email", "done", 1);
  now += 10_000;
  counters.add("later", "email", "done", 1);
  expect(writes).toBe(4);
});

async function counted(tenant: string) {
  const { results } = await env.DB.prepare("SELECT minute, event, n, ms FROM counters WHERE tenant = ? ORDER BY event").bind(tenant).all();
  return results;
}
