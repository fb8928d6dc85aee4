import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createLedger } from "../../../src/ledger/ledger";
import type { Envelope } from "../../../src/queue/envelope";
import { newJobs, stored } from "../../support/rows";
import { fine, setUp, givenDead, states, useReplays } from "../../support/replays";

useReplays();

describe("what one invocation asks of D1 is bounded", () => {
  test("600 jobs, patched: a hundred at once, the rest by the next ticks", async () => {
    const { bench, replays, during } = setUp();
    await givenDead("patched", 600);
    const created = await during(() => replays.create("patched", { canary: 0, filter: { type: "scripted" }, patch: { text: "mended" } }));
    expect(created.result).toMatchObject({ state: "running", total: 600, sent: 100, failed: 0 });
    expect(created.statements).toBeLessThan(40);
    const ticked = await during(() => replays.continueAll());
    expect(ticked.result).toEqual({ sent: 500, failed: 0 });
    expect(ticked.statements).toBeLessThan(160);
    expect(await replays.get("patched", created.result.id)).toMatchObject({ state: "running", sent: 600, open: 600, failed: 0 });
    expect(await states("patched")).toEqual({ queued: 600 });
    expect(bench.held.map(({ body }) => (body as Envelope).payload)).toEqual(
      Array.from({ length: 600 }, () => JSON.stringify({ script: [{ do: "done" }], text: "mended" })),
    );
    expect(new Set(bench.held.map(({ body }) => (body as Envelope).id)).size).toBe(600);
  });

  test("1,200 jobs as they are", async () => {
    const { replays, during } = setUp();
    await givenDead("plain", 1200);
    const created = await during(() => replays.create("plain", { canary: 0, filter: { state: "dead" } }));
    expect(created.result).toMatchObject({ state: "running", total: 1200, sent: 1000 });
    expect(created.statements).toBeLessThan(30);
    await replays.continueAll();
    expect(await replays.get("plain", created.result.id)).toMatchObject({ state: "running", sent: 1200 });
    expect(await states("plain")).toEqual({ queued: 1200 });
  });

  test("ids are looked up once, all together, and a repeated one counts once", async () => {
    const { replays, during } = setUp();
    const rows = await givenDead("ids", 700);
    const [open] = await newJobs("ids", 1);
    if (!open) throw new Error("one row was asked for");
    await createLedger(env.DB, () => undefined).insert([open]);
    const ids = [...rows.map(({ id }) => id), open.id, rows[0]?.id ?? ""];
    const created = await during(() => replays.create("ids", { canary: 0, ids }));
    expect(created.result).toMatchObject({ state: "running", total: 700, sent: 700, failed: 1 });
    expect(created.statements).toBeLessThan(22);
  });

  test("large payloads: a step takes as many as a few statements carry", async () => {
    const { replays, during, counts } = setUp();
    await givenDead("large", 120, { payload: JSON.stringify({ script: [{ do: "done" }], text: "語".repeat(30_000) }) });
    const created = await during(() => replays.create("large", { canary: 0, filter: { type: "scripted" }, patch: { siteId: "main" } }));
    expect(created.result).toMatchObject({ sent: 66, failed: 0 });
    expect(created.statements).toBeLessThan(120);
    expect(counts.longestValue).toBeLessThan(2_000_000);
    await replays.continueAll();
    expect(await replays.get("large", created.result.id)).toMatchObject({ state: "running", sent: 120, failed: 0 });
  });

  test("thirty replays at once: ten steps a tick, every tenant's turn comes", async () => {
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

  test("a plan counts by pages and tries the patch on the first payloads", async () => {
    const { replays, during, counts } = setUp();
    await givenDead("plan", 600);
    counts.read = 0;
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
      running: [],
    });
    expect(plain.statements).toBeLessThan(5);
    // Each letter, its id in two lists, its job twice, and a look for each kind of effect.
    expect(counts.read).toBeLessThan(600 * 10);
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
