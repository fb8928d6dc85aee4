import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createLedger } from "../../../src/ledger/ledger";
import { createQueries } from "../../../src/ledger/queries";
import { timePart } from "../../../src/queue/id";
import { emptyLedger } from "../../support/invariants";
import { jobOf, jobsOf, statesOf } from "../../support/jobs-of";
import { ids as rowIds, lease, messageOf, newJob, noon, sideRows, transition } from "../../support/rows";
import { given, givenDead, setUp } from "./bench";

beforeEach(async () => {
  await emptyLedger();
  await env.DB.prepare("DELETE FROM bulk_actions").run();
});

describe("cancelling many jobs", () => {
  test("by a filter: those that fit and have not ended; their side rows go, other tenants keep theirs", async () => {
    const { bulk } = setUp();
    const [first] = await given("mine", 3, { type: "email", wake: noon, due: noon });
    await given("mine", 2, { type: "image" });
    await given("other", 2, { type: "email" });
    await env.DB.prepare("UPDATE jobs SET state = 'done', ended = 1 WHERE id = ?").bind(first?.id).run();
    const request = { action: "cancel", filter: { type: "email" } } as const;
    expect(await bulk.plan("mine", request)).toEqual({ total: 2, byType: { email: 2 }, more: false });
    expect(await statesOf("mine")).toEqual({ queued: 4, done: 1 });
    expect(await bulk.create("mine", request)).toMatchObject({ action: "cancel", state: "done", total: 2, done: 2, failed: 0, endedAt: noon });
    expect(await statesOf("mine")).toEqual({ queued: 2, done: 1, cancelled: 2 });
    expect(await statesOf("other")).toEqual({ queued: 2 });
    expect((await sideRows("mine")).filter((row) => row.startsWith("due"))).toHaveLength(1);
    expect((await sideRows("mine")).filter((row) => row.startsWith("history cancelled"))).toHaveLength(2);
  });

  test("by their parent ends its children alone, by the tick too; an earlier release finds none to act on", async () => {
    const { bulk } = setUp();
    const [parent] = await given("family", 1);
    const children = await Promise.all(
      Array.from({ length: 1100 }, async (_, index) => newJob({ tenant: "family", id: await rowIds.derive("family", [`${index}`]), parent: parent?.id ?? "" })),
    );
    await createLedger(env.DB, () => undefined).insert(children);
    await given("family", 2);
    const request = { action: "cancel", filter: { parent: parent?.id } } as const;
    expect(await bulk.plan("family", request)).toMatchObject({ total: 1100 });
    const { id } = await bulk.create("family", request);
    expect(await bulk.earlier("family", id, request)).toMatchObject({ isSame: true, view: { state: "running", done: 1000 } });
    const stored = await env.DB.prepare("SELECT request ->> '$.ids' AS ids FROM bulk_actions WHERE id = ?").bind(id).first("ids");
    expect(stored).toBe("[]");
    await bulk.continueAll();
    expect(await bulk.get("family", id)).toMatchObject({ state: "done", done: 1100, failed: 0 });
    expect(await statesOf("family")).toEqual({ queued: 3, cancelled: 1100 });
    expect(await bulk.create("family", { action: "cancel", filter: { type: "email" }, ids: [] })).toMatchObject({ state: "done", total: 0, done: 0 });
  });

  test("flags those that run, and counts those that ended as failed", async () => {
    const { bulk } = setUp();
    const [runs, ended, waits] = await given("ids", 3);
    if (!runs || !ended || !waits) throw new Error("three rows were made");
    await createLedger(env.DB, () => undefined).claim([messageOf(runs)], lease("running"));
    await env.DB.prepare("UPDATE jobs SET state = 'done', ended = 1 WHERE id = ?").bind(ended.id).run();
    const ids = [runs.id, ended.id, waits.id, waits.id];
    expect(await bulk.create("ids", { action: "cancel", ids })).toMatchObject({ state: "done", total: 2, done: 2, failed: 1 });
    expect(await jobOf("ids", runs.id)).toMatchObject({ state: "running", cancelling: true });
  });

  test("ends jobs that have no row yet, and counts forged ids as failed", async () => {
    const { bulk } = setUp();
    const [queued] = await given("on-demand", 1);
    const unwritten = await rowIds.make("on-demand", noon);
    const foreign = await rowIds.make("another", noon);
    const ids = [queued?.id ?? "", unwritten, foreign];
    expect(await bulk.create("on-demand", { action: "cancel", ids })).toMatchObject({ state: "done", total: 2, done: 2, failed: 1 });
    expect(await statesOf("on-demand")).toEqual({ cancelled: 2 });
    expect(await jobOf("on-demand", unwritten)).toMatchObject({ at: noon, type: "unknown", queue: "" });
  });

  test("is carried on by the tick in bounded steps, and can be stopped", async () => {
    const { bulk, during } = setUp();
    await given("many", 3200);
    const begun = await during(() => bulk.create("many", { action: "cancel", filter: { state: "queued" } }));
    expect(begun.result).toMatchObject({ state: "running", total: 3200, done: 1000 });
    expect(begun.statements).toBeLessThan(60);
    await bulk.abort("many", begun.result.id);
    expect(await bulk.continueAll()).toEqual({ done: 0, failed: 0 });
    expect(await statesOf("many")).toEqual({ queued: 2200, cancelled: 1000 });
    const again = await bulk.create("many", { action: "cancel", filter: { state: "queued" } });
    const ticked = await during(() => bulk.continueAll());
    expect(ticked.statements).toBeLessThan(60);
    expect(await bulk.get("many", again.id)).toMatchObject({ state: "done", total: 2200, done: 2200, failed: 0 });
    expect(await statesOf("many")).toEqual({ cancelled: 3200 });
  });

  test("counts what a step did during which it was stopped", async () => {
    const { bulk, hooks } = setUp();
    await given("mid-step", 1600, { type: "email" });
    const { id } = await bulk.create("mid-step", { action: "cancel", filter: { type: "email" } });
    hooks.acted = async () => void (await bulk.abort("mid-step", id));
    expect(await bulk.continueAll()).toEqual({ done: 500, failed: 0 });
    expect(await bulk.get("mid-step", id)).toMatchObject({ state: "stopped", done: 1500, endedAt: noon });
    expect(await bulk.continueAll()).toEqual({ done: 0, failed: 0 });
    expect(await statesOf("mid-step")).toEqual({ queued: 100, cancelled: 1500 });
  });

  test("a step that is taken twice counts each job once", async () => {
    const { bulk } = setUp();
    await given("twice", 4);
    const { id } = await bulk.create("twice", { action: "cancel", filter: { type: "email" } });
    await env.DB.prepare("UPDATE bulk_actions SET state = 'running', cursor = NULL WHERE id = ?").bind(id).run();
    await Promise.all([bulk.continueAll(), bulk.continueAll()]);
    expect(await bulk.get("twice", id)).toMatchObject({ state: "done", done: 4 });
  });
});

test("dismissing by a parent takes its dead children off the list and no other letter", async () => {
  const { bulk } = setUp();
  const [parent] = await givenDead("grave", 1);
  await givenDead("grave", 3, { parent: parent?.id ?? "" });
  const request = { action: "dismiss", filter: { parent: parent?.id } } as const;
  expect(await bulk.plan("grave", request)).toMatchObject({ total: 3 });
  expect(await bulk.create("grave", request)).toMatchObject({ state: "done", done: 3 });
  expect((await createQueries(env.DB).deadLetters("grave", {}, { limit: 10 })).deadLetters.map(({ id }) => id)).toEqual([parent?.id]);
});

test("a queue narrows what is cancelled and what is dismissed", async () => {
  const { bulk } = setUp();
  await givenDead("queues", 1, { queue: "email-bulk" });
  await givenDead("queues", 2);
  await given("queues", 2, { queue: "email-bulk" });
  await given("queues", 2);
  const total = async (request: Parameters<typeof bulk.plan>[1]) => (await bulk.plan("queues", request)).total;
  expect(await total({ action: "dismiss", filter: { queue: "email-bulk" } })).toBe(1);
  expect(await total({ action: "dismiss", filter: { queue: "events" } })).toBe(2);
  expect(await total({ action: "cancel", filter: { queue: "email-bulk" } })).toBe(2);
  expect(await total({ action: "cancel", filter: { queue: "nothing" } })).toBe(0);
  const { deadLetters: letters } = await createQueries(env.DB).deadLetters("queues", { queue: "email-bulk" }, { limit: 10 });
  expect(letters).toHaveLength(1);
  expect(letters[0]).not.toHaveProperty("isOfQueue");
  expect(await createQueries(env.DB).backlog("queues")).toMatchObject({ deadLetters: 3, discarded: 0 });
});

test("dismissing takes dead letters off the list, writes it down once, and leaves the jobs", async () => {
  const { bulk } = setUp();
  await givenDead("letters", 4);
  const request = { action: "dismiss", filter: { state: "dead" } } as const;
  expect(await bulk.plan("letters", request)).toEqual({ total: 4, byType: { email: 4 }, more: false });
  expect(await bulk.create("letters", request)).toMatchObject({ action: "dismiss", state: "done", total: 4, done: 4 });
  expect(await statesOf("letters")).toEqual({ dead: 4 });
  const rows = await sideRows("letters");
  expect([rows.filter((row) => row.startsWith("letter")).length, rows.filter((row) => row.startsWith("history dismissed")).length]).toEqual([0, 4]);
  expect(await bulk.create("letters", request)).toMatchObject({ total: 0, done: 0 });
});

test("tenants take turns: the many jobs of one do not stand before the few of another", async () => {
  const { bulk } = setUp();
  await given("large", 7500);
  await given("small", 1100);
  await bulk.create("large", { action: "cancel", filter: { state: "queued" } });
  const { id } = await bulk.create("small", { action: "cancel", filter: { state: "queued" } });
  await bulk.continueAll();
  expect(await bulk.get("small", id)).toMatchObject({ state: "done", done: 1100 });
});

test("an act by the words of a reason leaves jobs alone whose id ends so; with … before them they are the end of an id", async () => {
  const { bulk } = setUp();
  const tail = "reset";
  const healthy = newJob({ tenant: "words", id: `${timePart(noon)}${tail.padStart(24, "0")}` });
  const [waits] = await given("words", 1);
  if (!waits) throw new Error("a row was asked for");
  const ledger = createLedger(env.DB, () => undefined);
  await ledger.insert([healthy]);
  await ledger.claim([messageOf(waits)], lease("mine"));
  const retried = { state: "retrying", bump: 1, due: noon + 1, sent: noon + 1, wake: noon + 2, ended: null, reason: "connection reset" } as const;
  await ledger.settle([transition(waits, retried)], "mine", noon);
  expect(await bulk.plan("words", { action: "cancel", filter: { q: tail } })).toMatchObject({ total: 1 });
  expect(await bulk.create("words", { action: "cancel", filter: { q: tail } })).toMatchObject({ total: 1, done: 1 });
  expect(await bulk.create("words", { action: "cancel", filter: { q: `…${tail}` } })).toMatchObject({ total: 1, done: 1 });
  const states = (await jobsOf("words")).map(({ id, state }) => ({ id, state }));
  expect(new Set(states)).toEqual(new Set([waits, healthy].map(({ id }) => ({ id, state: "cancelled" }))));
});

test("two equal requests under one id are one action; a different request under that id is recognised", async () => {
  const { bulk } = setUp();
  await given("twice", 3);
  const request = { action: "cancel", filter: { type: "email" } } as const;
  expect(await bulk.earlier("twice", "b-1", request)).toBeNull();
  const [one, other] = await Promise.all([bulk.create("twice", request, "b-1"), bulk.create("twice", request, "b-1")]);
  expect([one.id, other.id]).toEqual(["b-1", "b-1"]);
  expect(await bulk.list("twice", 10)).toMatchObject([{ id: "b-1", total: 3 }]);
  expect(await bulk.earlier("twice", "b-1", { filter: { type: "email" }, action: "cancel" })).toMatchObject({ isSame: true });
  expect(await bulk.earlier("twice", "b-1", { action: "cancel", filter: { type: "other" } })).toMatchObject({ isSame: false });
  expect(await bulk.earlier("others", "b-1", request)).toBeNull();
});
