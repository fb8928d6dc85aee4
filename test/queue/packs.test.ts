import { beforeEach, describe, expect, test } from "vitest";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";
import type { Envelope } from "../../src/queue/envelope";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench, idOf } from "../support/engine";
import { minute, fine, sizes, generations, states, withJobs, many, countCalls } from "./pack-bench";

hurry();
beforeEach(emptyLedger);

describe("a pack", () => {
  test("carries 25 jobs of a hundred: 0.12 queue operations and 0.06 calls of the ledger per job, batch after batch", async () => {
    const bench = createEngineBench({ pack: 25 });
    const calls = countCalls(bench);
    const ids = (await bench.accept(many(100).map((payload) => ({ payload })))).map(idOf);
    expect(bench.sent).toHaveLength(1);
    expect(sizes(bench)).toEqual([25, 25, 25, 25]);
    // A message is written, read and deleted.
    expect((bench.held.length * 3) / ids.length).toBe(0.12);
    const answers = await bench.deliver(bench.held.slice());
    expect(answers.map(({ answer }) => answer)).toEqual(["ack", "ack", "ack", "ack"]);
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await states(bench)).toEqual([{ state: "done", n: 100 }]);
    expect(Object.fromEntries(calls)).toEqual({ insert: 1, claim: 1, settle: 1 });
  });

  test("is not made where sending is off, and read all the same", async () => {
    const { bench: sender } = await withJobs(many(3));
    const { bench } = await withJobs(many(3), { sendsPacks: false });
    expect(sizes(bench)).toEqual([1, 1, 1]);
    bench.held.splice(0, 3, ...sender.held);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(3);
  });

  test("holds jobs of one tenant, queue and delay, with and without a key, none of which has its payload elsewhere", async () => {
    const bench = createEngineBench({ pack: 25 });
    const receipts = await bench.accept([
      { payload: fine },
      { payload: fine, tenant: "two" },
      { payload: fine, delaySeconds: 60 },
      { payload: { ...fine, text: "x".repeat(100_000) } },
      { payload: fine, key: "a" },
      { payload: fine, key: "b" },
      { payload: fine, dryRun: true },
      { payload: fine, delaySeconds: 60 },
    ]);
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    // Jobs with a key are sent after their rows are there, the others beside theirs.
    expect(sizes(bench).toSorted()).toEqual([1, 1, 2, 2, 2]);
    await bench.deliverAll();
    expect(await states(bench)).toEqual([{ state: "done", n: 8 }]);
  });

  test("of which the ledger has no row is taken up whole", async () => {
    const bench = createEngineBench({ pack: 25 });
    bench.faults.ledger = true;
    const ids = (await bench.accept(many(30).map((payload) => ({ payload })))).map(idOf);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await states(bench)).toEqual([{ state: "done", n: 30 }]);
  });

  test("that no queue takes is marked job by job, and sent by the tick", async () => {
    const bench = createEngineBench({ pack: 25 });
    bench.faults.send = true;
    const receipts = await bench.accept(many(30).map((payload) => ({ payload })));
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    bench.faults.send = false;
    expect(await bench.tick(minute)).toMatchObject({ released: 30 });
    expect(sizes(bench)).toEqual([25, 5]);
    await bench.deliverAll();
    expect(await states(bench)).toEqual([{ state: "done", n: 30 }]);
  });

  test("of an unknown type is left to a deployment that has it; a copy of one job beside it changes nothing", async () => {
    const { bench, ids } = await withJobs(many(3));
    const [held] = bench.held as [(typeof bench.held)[number]];
    bench.held.push({ ...held, id: "copy", body: structuredClone(held.body) });
    const pack = structuredClone(held.body) as { jobs: Envelope[] };
    held.body = { ...pack, jobs: pack.jobs.map((each) => ({ ...each, type: "of-tomorrow" })) };
    const answers = await bench.deliver(bench.held.slice());
    expect(answers.map(({ answer }) => answer)).toEqual([{ retry: 1 }, "ack"]);
    held.body = pack;
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });
});

describe("what goes out together later travels in packs too", () => {
  test("what is due at the same time, what the sweep finds lost, what an operator brings back", async () => {
    const bench = createEngineBench({ pack: 25 });
    const later = many(30).map((payload) => ({ payload, delaySeconds: 3600 }));
    const ids = (await bench.accept(later)).map(idOf);
    expect(bench.held).toEqual([]);
    await bench.tick(61 * minute);
    expect(sizes(bench)).toEqual([25, 5]);
    bench.held.splice(0);
    expect(await bench.tick(11 * minute)).toMatchObject({ swept: 30 });
    expect(sizes(bench)).toEqual([25, 5]);
    bench.held.splice(0);
    const refs = ids.map((id) => ({ tenant: "one", id }));
    for (const { id } of refs) await bench.engine.ledger.cancel({ tenant: "one", id }, bench.now());
    await retryNow(bench.engine, refs, { event: "retried" });
    expect(sizes(bench)).toEqual([25, 5]);
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  test("jobs that a pause held come back in packs when it is lifted", async () => {
    const { bench } = await withJobs(many(30));
    await bench.all("INSERT INTO pauses (tenant, scope, name, at) VALUES ('*', 'queue', 'events', 0) RETURNING 1");
    const answers = await bench.deliver(bench.held.slice());
    expect(answers.map(({ answer }) => answer)).toEqual(["ack", "ack"]);
    await bench.all("DELETE FROM pauses RETURNING 1");
    expect(await bench.tick(minute)).toMatchObject({ admitted: 30 });
    expect(sizes(bench)).toEqual([25, 5]);
  });
});

describe("the backstop", () => {
  test("drives each open job of a pack again, and buries none", async () => {
    const { bench, ids } = await withJobs(many(4));
    await bench.engine.ledger.cancel({ tenant: "one", id: ids[0] ?? "" }, bench.now());
    const [answered] = await bench.deliver(bench.held.slice(), { to: "backstop" });
    expect(answered?.answer).toBe("ack");
    await bench.tick(minute);
    expect(generations(bench)).toEqual(
      ids
        .slice(1)
        .map((id) => `${id} 1`)
        .toSorted(),
    );
    await bench.deliverAll();
    expect(await states(bench)).toEqual([
      { state: "cancelled", n: 1 },
      { state: "done", n: 3 },
    ]);
    expect(await bench.all("SELECT * FROM dead_letters")).toEqual([]);
  });

  test("keeps a pack of which the ledger takes one job and not another", async () => {
    const { bench, ids } = await withJobs(many(3));
    let calls = 0;
    bench.faults.ledger = (call) => call === "insertKeyed" && ++calls === 2;
    const [answered] = await bench.deliver(bench.held.slice(), { to: "backstop" });
    expect(answered?.answer).toEqual({ retry: 1 });
    bench.faults.ledger = false;
    const [again] = await bench.deliver(bench.held.slice(), { to: "backstop" });
    expect(again?.answer).toBe("ack");
    await bench.tick(minute);
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });
});
