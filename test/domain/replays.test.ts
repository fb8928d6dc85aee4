import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { createReplays } from "../../src/domain/replays/create";
import { createReplayStore } from "../../src/domain/replays/store";
import { canaryRoom, endOf } from "../../src/domain/replays/end";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { createReplayable } from "../../src/ledger/replayable";
import { turnMark } from "../../src/ledger/watermarks";
import type { Envelope } from "../../src/queue/envelope";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { recordingDb } from "../support/recorder";
import { lease, messageOf, newJobs, noon, stored, transition } from "../support/rows";

const fine = JSON.stringify({ script: [{ do: "done" }] });

beforeEach(async () => {
  await emptyLedger();
  await env.DB.batch([env.DB.prepare("DELETE FROM replays"), env.DB.prepare("DELETE FROM replay_jobs"), env.DB.prepare("DELETE FROM watermarks")]);
});

/** An engine and its replays over a D1 that counts. */
function setUp() {
  const { db, said, counts } = recordingDb();
  const bench = createEngineBench({ db });
  const loads: string[] = [];
  const replays = createReplays({
    now: bench.now,
    store: createReplayStore(db),
    lastTurn: turnMark(db, "replays"),
    replayable: createReplayable(db),
    registry: bench.engine.registry,
    loadPayload: (ref) => (loads.push(ref), bench.engine.payloads.get(ref)),
    revive: (rows, replay) => retryNow(bench.engine, rows, { event: "replayed", from: ["dead", "discarded"], replay }),
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
    const asked = await during(() => replays.create("patched", { canary: 0, filter: { type: "scripted" }, patch: { text: "mended" } }));
    expect(asked.result).toMatchObject({ state: "running", total: 600, sent: 100, failed: 0 });
    expect(asked.statements).toBeLessThan(40);
    const ticked = await during(() => replays.continueAll());
    expect(ticked.result).toEqual({ sent: 500, failed: 0 });
    expect(ticked.statements).toBeLessThan(160);
    expect(await replays.get("patched", asked.result.id)).toMatchObject({ state: "running", sent: 600, open: 600, failed: 0 });
    expect(await states("patched")).toEqual({ queued: 600 });
    expect(bench.held.map(({ body }) => (body as Envelope).payload)).toEqual(
      Array.from({ length: 600 }, () => JSON.stringify({ script: [{ do: "done" }], text: "mended" })),
    );
    expect(new Set(bench.held.map(({ body }) => (body as Envelope).id)).size).toBe(600);
  });

  test("1,200 jobs as they are", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    await givenDead("plain", 1200);
    const asked = await during(() => replays.create("plain", { canary: 0, filter: { state: "dead" } }));
    expect(asked.result).toMatchObject({ state: "running", total: 1200, sent: 1000 });
    expect(asked.statements).toBeLessThan(30);
    await replays.continueAll();
    expect(await replays.get("plain", asked.result.id)).toMatchObject({ state: "running", sent: 1200 });
    expect(await states("plain")).toEqual({ queued: 1200 });
  });

  test("ids are looked up once, all together, and a repeated one counts once", async () => {
    const { replays, during } = setUp();
    const rows = await givenDead("ids", 700);
    const [open] = await newJobs("ids", 1);
    if (!open) throw new Error("one row was asked for");
    await createLedger(env.DB, () => undefined).insert([open]);
    const ids = [...rows.map(({ id }) => id), open.id, rows[0]?.id ?? ""];
    const asked = await during(() => replays.create("ids", { canary: 0, ids }));
    expect(asked.result).toMatchObject({ state: "running", total: 700, sent: 700, failed: 1 });
    expect(asked.statements).toBeLessThan(22);
  });

  test("large payloads: a step takes as many as a few statements carry", { timeout: 60_000 }, async () => {
    const { replays, during, counts } = setUp();
    await givenDead("large", 120, { payload: JSON.stringify({ script: [{ do: "done" }], text: "語".repeat(30_000) }) });
    const asked = await during(() => replays.create("large", { canary: 0, filter: { type: "scripted" }, patch: { siteId: "main" } }));
    expect(asked.result).toMatchObject({ sent: 66, failed: 0 });
    expect(asked.statements).toBeLessThan(120);
    expect(counts.longestValue).toBeLessThan(2_000_000);
    await replays.continueAll();
    expect(await replays.get("large", asked.result.id)).toMatchObject({ state: "running", sent: 120, failed: 0 });
  });

  test("thirty replays at once: ten steps a tick, every tenant's turn comes", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    const tenants = Array.from({ length: 30 }, (_, index) => `turn-${String(index).padStart(2, "0")}`);
    for (const tenant of tenants) {
      await givenDead(tenant, 5);
      await replays.create(tenant, { canary: 0, filter: { state: "dead" }, ratePerMinute: 1 });
    }
    const seen = new Set<string>();
    for (let tick = 0; tick < 3; tick++) {
      const { statements } = await during(() => replays.continueAll());
      expect(statements).toBeLessThan(160);
      for (const tenant of tenants) if ((await states(tenant))["queued"] === 2) seen.add(tenant);
    }
    expect([...seen].toSorted()).toEqual(tenants);
  });

  test("a plan counts by pages and tries the patch on the first payloads", { timeout: 60_000 }, async () => {
    const { replays, during } = setUp();
    await givenDead("plan", 600);
    const plain = await during(() => replays.plan("plan", { filter: { type: "scripted" } }));
    expect(plain.result).toEqual({
      total: 600,
      byType: { scripted: 600 },
      refused: [],
      checked: 0,
      more: false,
      effects: { done: 0, inDoubt: 0 },
      providerCalls: 600,
      usd: expect.closeTo(0.005_131, 6),
    });
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
    expect(await replays.create("mixed", { canary: 0, ids, patch: { text: "x" } })).toMatchObject({ state: "running", total: 3, sent: 1, failed: 2 });
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
    expect(await replays.create("died", { canary: 0, ids: [row.id], patch: { text: "x" } })).toMatchObject({ state: "done", sent: 0, failed: 1 });
    expect(await stored(row)).toMatchObject({ state: "dead", revision: 0 });
  });

  test("of a payload in R2 keeps its reference, by which retention removes the object; the new payload is what travels and is shown", async () => {
    const { bench, replays, loads, queries } = setUp();
    const ref = await bench.engine.payloads.put("stored", "job", fine);
    const [row] = await givenDead("stored", 1, { payload: null, ref });
    if (!row) throw new Error("one row was made");
    expect(await replays.create("stored", { canary: 0, ids: [row.id], patch: { text: "short" } })).toMatchObject({ sent: 1 });
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
    const { id } = await replays.create("paced", { canary: 0, filter: { state: "dead" }, ratePerMinute: 70, patch: { text: "x" } });
    expect(await replays.get("paced", id)).toMatchObject({ sent: 70, ratePerMinute: 70 });
    await replays.continueAll();
    expect(await replays.get("paced", id)).toMatchObject({ sent: 140 });
  });

  test("that fails leaves the others their turn", async () => {
    const { bench, replays } = setUp();
    for (const tenant of ["broken", "whole"]) {
      await givenDead(tenant, 2);
      await replays.create(tenant, { canary: 0, filter: { state: "dead" }, ratePerMinute: 1 });
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
    const { id } = await replays.create("aborted", { canary: 0, filter: { state: "dead" }, ratePerMinute: 1 });
    expect(await replays.abort("aborted", id)).toMatchObject({ changed: true, replay: { state: "stopped", reason: "an operator stopped it", sent: 1 } });
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await states("aborted")).toEqual({ queued: 1, dead: 2 });
  });
});

const fails = JSON.stringify({ script: [{ do: "discard", reason: "still broken" }] });

describe("what a replay says of its jobs", () => {
  test("ends when they have ended, and says how: succeeded, failed again, cancelled", async () => {
    const { bench, replays } = setUp();
    const mended = await givenDead("mixed-end", 3);
    const broken = await givenDead("mixed-end", 2, { payload: fails });
    const { id } = await replays.create("mixed-end", { canary: 0, filter: { state: "dead" } });
    expect(await replays.get("mixed-end", id)).toMatchObject({ state: "running", total: 5, sent: 5, open: 5, endedAt: null });
    await env.DB.prepare("UPDATE jobs SET state = 'cancelled', ended = 1, cancel = 1 WHERE id = ?")
      .bind(mended[0]?.id ?? "")
      .run();
    await bench.deliverAll();
    expect(await replays.get("mixed-end", id)).toMatchObject({
      state: "done",
      sent: 5,
      succeeded: 2,
      failedAgain: 2,
      cancelled: 1,
      open: 0,
      endedAt: bench.now(),
    });
    const examples = (await replays.get("mixed-end", id))?.examples ?? [];
    expect(examples.toSorted()).toEqual(broken.map((row) => row.id).toSorted());
    expect(await bench.all("SELECT job FROM replay_jobs")).toEqual([]);
  });

  test("whose cause stands ends with all of them failed again; the tick finds out without a reader", async () => {
    const { bench, replays } = setUp();
    await givenDead("stands", 12, { payload: fails });
    const { id } = await replays.create("stands", { canary: 0, filter: { state: "dead" } });
    await bench.deliverAll();
    await replays.continueAll();
    const [row] = await bench.all("SELECT state, done, failed_again FROM replays WHERE id = ?", id);
    expect(row).toEqual({ state: "done", done: 12, failed_again: 12 });
    expect(await states("stands")).toEqual({ discarded: 12 });
  });

  test("its first five go alone; when they fail again it stops by itself and leaves the others", async () => {
    const { bench, replays } = setUp();
    await givenDead("stops", 12, { payload: fails });
    const { id } = await replays.create("stops", { filter: { state: "dead" } });
    expect(await replays.get("stops", id)).toMatchObject({ state: "running", canary: 5, sent: 5, open: 5 });
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    await bench.deliverAll();
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await replays.get("stops", id)).toMatchObject({
      state: "stopped",
      reason: "5 of the first 5 jobs failed again; the others were not sent",
      sent: 5,
      failedAgain: 5,
      open: 0,
    });
    expect(await states("stops")).toEqual({ discarded: 5, dead: 7 });
  });

  test("goes on at its rate once the first five ended well", async () => {
    const { bench, replays } = setUp();
    await givenDead("ramps", 40);
    const { id } = await replays.create("ramps", { filter: { state: "dead" }, ratePerMinute: 20 });
    await bench.deliverAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "running", sent: 5, succeeded: 5 });
    await replays.continueAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "running", sent: 25 });
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("ramps", id)).toMatchObject({ state: "done", sent: 40, succeeded: 40, failedAgain: 0 });
  });

  test("stops on the way when most of what was sent since fails again", async () => {
    const { bench, replays } = setUp();
    await givenDead("midway", 60, { payload: fails });
    const good = await givenDead("midway", 5, { at: noon + 1 });
    await env.DB.batch(good.map(({ id }) => env.DB.prepare("UPDATE dead_letters SET died = ?2 WHERE id = ?1").bind(id, noon + 1000)));
    await env.DB.prepare("UPDATE jobs SET ended = ?1 WHERE at = ?2")
      .bind(noon + 1000, noon + 1)
      .run();
    const { id } = await replays.create("midway", { filter: { state: "dead" }, ratePerMinute: 20 });
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.continueAll()).toEqual({ sent: 0, failed: 0 });
    expect(await replays.get("midway", id)).toMatchObject({
      state: "stopped",
      sent: 25,
      succeeded: 5,
      failedAgain: 20,
      reason: expect.stringContaining("20 of 25"),
    });
  });

  test("a step that crashed after it sent is taken again and counts each job once", async () => {
    const { bench, replays } = setUp();
    await givenDead("crashed", 8);
    const { id } = await replays.create("crashed", { canary: 3, filter: { state: "dead" } });
    // As if the record of the step had been lost: the cursor stands where it began.
    await env.DB.prepare("UPDATE replays SET cursor = NULL WHERE id = ?").bind(id).run();
    await bench.deliverAll();
    await replays.continueAll();
    await bench.deliverAll();
    expect(await replays.get("crashed", id)).toMatchObject({ state: "done", sent: 8, succeeded: 8, open: 0 });
  });

  test("one that was stopped still says what became of what it had sent", async () => {
    const { bench, replays } = setUp();
    await givenDead("late", 3);
    const { id } = await replays.create("late", { canary: 0, filter: { state: "dead" }, ratePerMinute: 2 });
    await replays.abort("late", id);
    await bench.deliverAll();
    expect(await replays.get("late", id)).toMatchObject({ state: "stopped", sent: 2, succeeded: 2, open: 0 });
    expect(await replays.list("late", 10)).toMatchObject([{ id, succeeded: 2 }]);
  });

  test("a plan says how many effects happened, are in doubt, and how many calls it makes", async () => {
    const { replays } = setUp();
    const rows = await givenDead("effects", 4);
    const effect = "INSERT INTO effects (tenant, job, key, revision, state, at) VALUES ('effects', ?, ?, 0, ?, 1)";
    const given = [
      ["send", "done"],
      ["send", "uncertain"],
      ["decide:page", "done"],
    ] as const;
    await env.DB.batch(given.map(([key, state], index) => env.DB.prepare(effect).bind(rows[index]?.id ?? "", key, state)));
    expect(await replays.plan("effects", { filter: { state: "dead" } })).toMatchObject({ total: 4, effects: { done: 1, inDoubt: 1 }, providerCalls: 2 });
  });
});

const standing = fc.record({ canary: fc.nat(9), sent: fc.nat(60), succeeded: fc.nat(60), failedAgain: fc.nat(60), open: fc.nat(60), isSent: fc.boolean() });

test("a replay under way is never both waiting for its canary and free to go on, and never stops without failures", () => {
  fc.assert(
    fc.property(standing, (replay) => {
      const verdict = endOf(replay);
      if (replay.failedAgain === 0) expect(verdict?.state).not.toBe("stopped");
      if (replay.open > 0) expect(verdict?.state).not.toBe("done");
      if (replay.canary === 0) expect([verdict?.state === "stopped", canaryRoom(replay)]).toEqual([false, Infinity]);
      if (replay.sent < replay.canary) expect(canaryRoom(replay)).toBe(replay.canary - replay.sent);
    }),
  );
});
