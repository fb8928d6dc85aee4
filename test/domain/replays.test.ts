import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createReplays } from "../../src/domain/replays/create";
import { replaysIn } from "../../src/domain/replays/store";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { replayableIn } from "../../src/ledger/replayable";
import { turnMark } from "../../src/ledger/watermarks";
import type { Envelope } from "../../src/queue/envelope";
import { retryNow } from "../../src/queue/operate";
import { createBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { recordingDb } from "../support/recorder";
import { lease, messageOf, newJobs, noon, stored, transition } from "../support/rows";

const fine = JSON.stringify({ script: [{ do: "done" }] });

beforeEach(async () => {
  await emptyLedger();
  await env.DB.batch([env.DB.prepare("DELETE FROM replays"), env.DB.prepare("DELETE FROM watermarks")]);
});

/** An engine and its replays over a D1 that counts. */
function setUp() {
  const { db, said, counts } = recordingDb();
  const bench = createBench({ db });
  const loads: string[] = [];
  const replays = createReplays({
    now: bench.now,
    store: replaysIn(db),
    lastTurn: turnMark(db, "replays"),
    replayable: replayableIn(db),
    registry: bench.engine.registry,
    loadPayload: (ref) => (loads.push(ref), bench.engine.payloads.get(ref)),
    revive: (rows) => retryNow(bench.engine, rows, { event: "replayed", from: ["dead", "discarded"] }),
  });
  /** Statements of one call, as one invocation of the Worker would make them. */
  const during = async <T>(call: () => Promise<T>) => {
    said.length = 0;
    const result = await call();
    return { result, statements: said.length };
  };
  return { bench, replays, during, counts, loads, queries: createQueries(env.DB) };
}

async function givenDead(tenant: string, count: number, more: Parameters<typeof newJobs>[2] = {}) {
  const ledger = createLedger(env.DB, () => undefined);
  const rows = await newJobs(tenant, count, { type: "scripted", version: 2, payload: fine, ...more });
  await ledger.insert(rows);
  for (let from = 0; from < count; from += 500) {
    const part = rows.slice(from, from + 500);
    await ledger.claim(part.map(messageOf), lease("fails"));
    await ledger.settle(
      part.map((row) => transition(row, { state: "dead", reason: "no", event: "dead", type: "scripted" })),
      "fails",
      noon,
    );
  }
  return rows;
}

async function states(tenant: string) {
  const { results } = await env.DB.prepare("SELECT state, count(*) AS n FROM jobs WHERE tenant = ? GROUP BY state")
    .bind(tenant)
    .all<{ state: string; n: number }>();
  return Object.fromEntries(results.map(({ state, n }) => [state, n]));
}

describe("what one invocation asks of D1 is bounded", () => {
  test("600 jobs, patched: a hundred at once, the rest by the next ticks", { timeout: 60_000 }, async () => {
    const { bench, replays, during } = setUp();
    await givenDead("patched", 600);
    const asked = await during(() => replays.create("patched", { filter: { type: "scripted" }, patch: { text: "mended" } }));
    expect(asked.result).toMatchObject({ state: "running", total: 600, replayed: 100, failed: 0 });
    expect(asked.statements).toBeLessThan(40);
    const ticked = await during(() => replays.continueAll());
    expect(ticked.result).toEqual({ replayed: 500, failed: 0 });
    expect(ticked.statements).toBeLessThan(160);
    expect(await replays.get("patched", asked.result.id)).toMatchObject({ state: "done", replayed: 600, failed: 0 });
    expect(await states("patched")).toEqual({ queued: 600 });
    expect(bench.held.map(({ body }) => (body as Envelope).payload)).toEqual(
      Array.from({ length: 600 }, () => JSON.stringify({ script: [{ do: "done" }], text: "mended" })),
    );
    expect(new Set(bench.held.map(({ body }) => (body as Envelope).id)).size).toBe(600);
  });

  test("1,200 jobs as they are", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    await givenDead("plain", 1200);
    const asked = await during(() => replays.create("plain", { filter: { state: "dead" } }));
    expect(asked.result).toMatchObject({ state: "running", total: 1200, replayed: 1000 });
    expect(asked.statements).toBeLessThan(30);
    await replays.continueAll();
    expect(await replays.get("plain", asked.result.id)).toMatchObject({ state: "done", replayed: 1200 });
    expect(await states("plain")).toEqual({ queued: 1200 });
  });

  test("ids are looked up once, all together, and a repeated one counts once", async () => {
    const { replays, during } = setUp();
    const rows = await givenDead("ids", 700);
    const [open] = await newJobs("ids", 1);
    if (!open) throw new Error("one row was asked for");
    await createLedger(env.DB, () => undefined).insert([open]);
    const ids = [...rows.map(({ id }) => id), open.id, rows[0]?.id ?? ""];
    const asked = await during(() => replays.create("ids", { ids }));
    expect(asked.result).toMatchObject({ state: "done", total: 700, replayed: 700, failed: 1 });
    expect(asked.statements).toBeLessThan(22);
  });

  test("large payloads: a step takes as many as a few statements carry", { timeout: 60_000 }, async () => {
    const { replays, during, counts } = setUp();
    await givenDead("large", 120, { payload: JSON.stringify({ script: [{ do: "done" }], text: "語".repeat(30_000) }) });
    const asked = await during(() => replays.create("large", { filter: { type: "scripted" }, patch: { siteId: "main" } }));
    expect(asked.result).toMatchObject({ replayed: 66, failed: 0 });
    expect(asked.statements).toBeLessThan(120);
    expect(counts.longestValue).toBeLessThan(2_000_000);
    await replays.continueAll();
    expect(await replays.get("large", asked.result.id)).toMatchObject({ state: "done", replayed: 120, failed: 0 });
  });

  test("thirty replays at once: ten steps a tick, every tenant's turn comes", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    const tenants = Array.from({ length: 30 }, (_, index) => `turn-${String(index).padStart(2, "0")}`);
    for (const tenant of tenants) {
      await givenDead(tenant, 5);
      await replays.create(tenant, { filter: { state: "dead" }, ratePerMinute: 1 });
    }
    const seen = new Set<string>();
    for (let tick = 0; tick < 3; tick++) {
      const { statements } = await during(() => replays.continueAll());
      expect(statements).toBeLessThan(130);
      for (const tenant of tenants) if ((await states(tenant))["queued"] === 2) seen.add(tenant);
    }
    expect([...seen].toSorted()).toEqual(tenants);
  });

  test("a plan counts by pages and tries the patch on the first payloads", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    await givenDead("plan", 600);
    const plain = await during(() => replays.plan("plan", { filter: { type: "scripted" } }));
    expect(plain.result).toEqual({ total: 600, byType: { scripted: 600 }, refused: [], checked: 0, more: false });
    expect(plain.statements).toBeLessThan(4);
    const patched = await during(() => replays.plan("plan", { filter: { type: "scripted" }, patch: { text: 5 } }));
    expect(patched.result).toMatchObject({ total: 600, checked: 500, more: false });
    expect(patched.result.refused).toHaveLength(100);
    expect(patched.result.refused[0]?.reason).toContain("payload.text");
    expect(patched.statements).toBeLessThan(15);
    expect(await states("plan")).toEqual({ dead: 600 });
  });
});

describe("a patch", () => {
  test("leaves alone what it does not fit, what is in doubt and what cannot be read", async () => {
    const { replays } = setUp();
    const [fits, doubtful, unreadable] = await givenDead("mixed", 3);
    if (!fits || !doubtful || !unreadable) throw new Error("three rows were made");
    await env.DB.prepare("INSERT INTO effects (tenant, job, key, revision, state, at) VALUES ('mixed', ?, 'send', 0, 'uncertain', 1)").bind(doubtful.id).run();
    await env.DB.prepare("UPDATE jobs SET payload = 'no JSON' WHERE id = ?").bind(unreadable.id).run();
    const ids = [fits.id, doubtful.id, unreadable.id];
    const { refused } = await replays.plan("mixed", { ids, patch: { text: "x" } });
    expect(refused.toSorted((one, other) => one.reason.localeCompare(other.reason))).toEqual([
      { id: doubtful.id, reason: 'its effect "send" may have happened: replay it unpatched or not at all' },
      { id: unreadable.id, reason: "its payload cannot be read" },
    ]);
    expect(await replays.create("mixed", { ids, patch: { text: "x" } })).toMatchObject({ state: "done", total: 3, replayed: 1, failed: 2 });
    expect(await states("mixed")).toEqual({ queued: 1, dead: 2 });
    expect(await stored(fits)).toMatchObject({ revision: 1, payload: JSON.stringify({ script: [{ do: "done" }], text: "x" }) });
  });

  test("leaves alone a job whose Worker died during a call, though nothing of the call is recorded", async () => {
    const { replays } = setUp();
    const [row] = await givenDead("died", 1);
    if (!row) throw new Error("one row was made");
    await env.DB.prepare("UPDATE jobs SET doubt = 1 WHERE id = ?").bind(row.id).run();
    const { refused } = await replays.plan("died", { ids: [row.id], patch: { text: "x" } });
    expect(refused).toMatchObject([{ id: row.id, reason: expect.stringContaining("may have happened") }]);
    expect(await replays.create("died", { ids: [row.id], patch: { text: "x" } })).toMatchObject({ replayed: 0, failed: 1 });
    expect(await stored(row)).toMatchObject({ state: "dead", revision: 0 });
  });

  test("of a payload in R2 keeps its reference, by which retention removes the object; the new payload is what travels and is shown", async () => {
    const { bench, replays, loads, queries } = setUp();
    const ref = await bench.engine.payloads.put("stored", "job", fine);
    const [row] = await givenDead("stored", 1, { payload: null, ref });
    if (!row) throw new Error("one row was made");
    expect(await replays.create("stored", { ids: [row.id], patch: { text: "short" } })).toMatchObject({ replayed: 1 });
    const payload = JSON.stringify({ script: [{ do: "done" }], text: "short" });
    expect(loads).toEqual([ref]);
    expect(await stored(row)).toMatchObject({ ref, payload, revision: 1 });
    const body = bench.held[0]?.body as Envelope;
    expect([body.payload, body.ref]).toEqual([payload, undefined]);
    expect(await queries.job("stored", row.id)).toMatchObject({ payload, ref });
    await bench.deliverAll();
    expect((await queries.job("stored", row.id))?.state).toBe("done");
  });

  test("that makes a payload too long for a message is refused", async () => {
    const { replays } = setUp();
    const [row] = await givenDead("long", 1);
    const { refused } = await replays.plan("long", { ids: [row?.id ?? ""], patch: { text: '"'.repeat(46_000) } });
    expect(refused).toMatchObject([{ reason: expect.stringContaining("cannot be patched") }]);
  });
});

describe("a replay", () => {
  test("at a rate takes that many a minute, in several steps if it must", { timeout: 60_000 }, async () => {
    const { replays } = setUp();
    await givenDead("paced", 300);
    const { id } = await replays.create("paced", { filter: { state: "dead" }, ratePerMinute: 70, patch: { text: "x" } });
    expect(await replays.get("paced", id)).toMatchObject({ replayed: 70, ratePerMinute: 70 });
    await replays.continueAll();
    expect(await replays.get("paced", id)).toMatchObject({ replayed: 140 });
  });

  test("that fails leaves the others their turn", async () => {
    const { bench, replays } = setUp();
    for (const tenant of ["broken", "whole"]) {
      await givenDead(tenant, 2);
      await replays.create(tenant, { filter: { state: "dead" }, ratePerMinute: 1 });
    }
    await env.DB.prepare("UPDATE jobs SET payload = NULL, ref = 'away' WHERE tenant = 'broken'").run();
    await env.DB.prepare(`UPDATE replays SET request = '{"filter":{"state":"dead"},"patch":{"text":"x"},"ratePerMinute":1}' WHERE tenant = 'broken'`).run();
    bench.faults.payloads = true;
    await expect(replays.continueAll()).rejects.toThrow("R2 is down");
    expect(await states("whole")).toEqual({ queued: 2 });
    expect(await states("broken")).toEqual({ queued: 1, dead: 1 });
  });

  test("that was aborted goes no further", async () => {
    const { replays } = setUp();
    await givenDead("aborted", 3);
    const { id } = await replays.create("aborted", { filter: { state: "dead" }, ratePerMinute: 1 });
    expect(await replays.abort("aborted", id)).toMatchObject({ changed: true, replay: { state: "aborted", replayed: 1 } });
    expect(await replays.continueAll()).toEqual({ replayed: 0, failed: 0 });
    expect(await states("aborted")).toEqual({ queued: 1, dead: 2 });
  });
});
