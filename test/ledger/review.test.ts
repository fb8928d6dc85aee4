import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { dismiss, lettersInDoubt, resolveSingleDoubts, resolveUncertainEffect } from "../../src/ledger/review";
import { createQueries } from "../../src/ledger/queries";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const doubtful = { script: [{ do: "effect", fail: "uncertain" }, { do: "discard" }, { do: "done" }] };

/** A job whose effect got no answer, at a provider without idempotency. */
async function inDoubt() {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: doubtful });
  await bench.deliverAll();
  const queries = createQueries(env.DB);
  const ref = { tenant: "one", id };
  return { bench, id, ref, look: async () => (await queries.job("one", id)) ?? expect.fail("the job is gone") };
}

test("an effect in doubt that happened is not done again", async () => {
  const { bench, ref, look } = await inDoubt();
  expect((await look()).effects).toMatchObject([{ key: "send", state: "uncertain" }]);
  const before = [...bench.outside.values()];
  expect(await resolveUncertainEffect(env.DB, ref, "send", "done", bench.now())).toBe(true);
  await retryNow(bench.engine, [ref], { event: "retried" });
  await bench.deliverAll();
  expect(await look()).toMatchObject({ state: "done", effects: [{ state: "done" }] });
  expect([...bench.outside.values()]).toEqual(before);
  expect((await look()).timeline).toContainEqual(expect.objectContaining({ event: "reviewed", detail: '"send" happened' }));
});

test("an effect that certainly did not happen is done again", async () => {
  const { bench, ref, id } = await inDoubt();
  expect([...bench.outside.keys()]).toEqual([`${id}:send:0`]);
  expect(await resolveUncertainEffect(env.DB, ref, "send", "failed", bench.now())).toBe(true);
  await retryNow(bench.engine, [ref], { event: "retried" });
  await bench.deliver(bench.held.slice());
  expect([...bench.outside.keys()]).toEqual([`${id}:send:0`, `${id}:send:1`]);
});

test("what is not in doubt, not there or another tenant's is left alone", async () => {
  const { bench, ref } = await inDoubt();
  expect(await resolveUncertainEffect(env.DB, ref, "other", "done", bench.now())).toBe(false);
  expect(await resolveUncertainEffect(env.DB, { ...ref, tenant: "two" }, "send", "done", bench.now())).toBe(false);
  expect(await resolveUncertainEffect(env.DB, ref, "send", "done", bench.now())).toBe(true);
  expect(await resolveUncertainEffect(env.DB, ref, "send", "failed", bench.now())).toBe(false);
});

test("effects in doubt of many jobs are settled at once, but for those of another tenant, of a job that runs and of one with several", async () => {
  const bench = createEngineBench();
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push(await bench.acceptOne({ payload: doubtful }));
  await bench.deliverAll();
  const [first = "", second = "", third = ""] = ids;
  const settle = (tenant: string, of: readonly string[], finding: "done" | "failed") =>
    resolveSingleDoubts(env.DB, tenant, of, { finding, now: bench.now(), oneEffectTypes: ["scripted"] });
  const kind = (await env.DB.prepare("SELECT kind FROM dead_letters WHERE tenant = 'one' LIMIT 1").first<string>("kind")) ?? "";
  expect(await lettersInDoubt(env.DB, "one", kind)).toBe(3);
  expect(await settle("two", ids, "done")).toEqual([]);
  await env.DB.batch([
    env.DB.prepare("UPDATE jobs SET state = 'running' WHERE id = ?").bind(second),
    env.DB.prepare("INSERT INTO effects (tenant, job, key, revision, state, at) VALUES ('one', ?, 'other', 0, 'uncertain', 0)").bind(third),
    env.DB.prepare("UPDATE jobs SET doubt = 1 WHERE tenant = 'one'"),
  ]);
  expect(await settle("one", [...ids, first], "done")).toEqual([first]);
  expect(await settle("one", ids, "failed")).toEqual([]);
  expect(await lettersInDoubt(env.DB, "one", kind)).toBe(2);
  const { results } = await env.DB.prepare("SELECT id, doubt FROM jobs WHERE tenant = 'one'").all<{ id: string; doubt: number }>();
  expect(new Map(results.map(({ id, doubt }) => [id, doubt]))).toEqual(
    new Map([
      [first, 0],
      [second, 1],
      [third, 1],
    ]),
  );
  const settled = await createQueries(env.DB).job("one", first);
  expect(settled).toMatchObject({ effects: [{ key: "send", state: "done" }] });
  expect(settled?.timeline).toContainEqual(expect.objectContaining({ event: "reviewed", detail: '"send" happened' }));
});

test("a job of which an act without a record may have happened too is left, unless its type makes one effect", async () => {
  const { bench, id, look } = await inDoubt();
  await env.DB.prepare("UPDATE jobs SET doubt = 1 WHERE tenant = 'one'").run();
  const settle = (oneEffectTypes: string[]) => resolveSingleDoubts(env.DB, "one", [id], { finding: "failed", now: bench.now(), oneEffectTypes });
  expect(await settle(["email"])).toEqual([]);
  expect(await look()).toMatchObject({ doubt: true, effects: [{ state: "uncertain" }] });
  expect(await settle(["scripted"])).toEqual([id]);
  expect(await look()).toMatchObject({ doubt: false, effects: [{ state: "failed" }] });
});

test("a decision of a run is never in doubt: settled, it would leave the next run without what was decided", async () => {
  const { bench, ref, id } = await inDoubt();
  await env.DB.prepare("UPDATE jobs SET doubt = 1 WHERE tenant = 'one' AND id = ?").bind(id).run();
  expect(await resolveUncertainEffect(env.DB, ref, "decide:recipients", "done", bench.now())).toBe(false);
});

test("a dismissed dead letter leaves the list, its job stays", async () => {
  const { bench, ref, look } = await inDoubt();
  expect(await dismiss(env.DB, { ...ref, tenant: "two" }, bench.now())).toBe(false);
  expect(await dismiss(env.DB, ref, bench.now())).toBe(true);
  expect(await dismiss(env.DB, ref, bench.now())).toBe(false);
  expect(await createQueries(env.DB).backlog("one")).toMatchObject({ deadLetters: 0 });
  expect((await look()).state).toBe("discarded");
});
