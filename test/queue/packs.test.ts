import { beforeEach, describe, expect, test } from "vitest";
import type { Envelope, Pack } from "../../src/queue/envelope";
import { retryNow } from "../../src/queue/operate";
import { type EngineBench, type BenchOptions, createEngineBench, idOf } from "../support/engine";
import { jobsIn } from "../support/history/events";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

const minute = 60_000;
const fine = { script: [{ do: "done" }] };
const sizes = (bench: EngineBench) => bench.held.map(({ body }) => jobsIn(body).length);
const generations = (bench: EngineBench) =>
  bench.held
    .flatMap(({ body }) => jobsIn(body))
    .map(({ id, seq }) => `${id} ${seq}`)
    .toSorted();
const states = (bench: EngineBench) => bench.all("SELECT state, count(*) AS n FROM jobs GROUP BY state ORDER BY state");

async function withJobs(payloads: readonly unknown[], options: BenchOptions = {}): Promise<{ bench: EngineBench; ids: string[] }> {
  const bench = createEngineBench({ pack: 25, ...options });
  return { bench, ids: (await bench.accept(payloads.map((payload) => ({ payload })))).map(idOf) };
}
const many = (count: number, payload: unknown = fine) => Array.from({ length: count }, () => payload);

/** Counts the calls of the ledger from here on, by name. */
function countCalls(bench: EngineBench): Map<string, number> {
  const calls = new Map<string, number>();
  bench.engine.ledger = new Proxy(bench.engine.ledger, {
    get: (target, name) => {
      calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
      return target[name as keyof typeof target];
    },
  });
  return calls;
}

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

describe("a pack half answered", () => {
  test("is acknowledged once each job is recorded: ended, or going on in a message of its own", async () => {
    const ends = ["done", "discard", "retry", "wait", "again"];
    const { bench, ids } = await withJobs(ends.map((end) => ({ script: [{ do: end }, { do: "done" }] })));
    const [answered] = await bench.deliver(bench.held.slice());
    expect(answered?.answer).toBe("ack");
    expect(generations(bench)).toEqual(
      ids
        .slice(2)
        .map((id) => `${id} 1`)
        .toSorted(),
    );
    await bench.deliverAll();
    expect(await states(bench)).toEqual([
      { state: "discarded", n: 1 },
      { state: "done", n: 4 },
    ]);
  });

  test("comes back when the rest of the lease of the job is over that another batch holds; the others are not run twice", async () => {
    const { bench, ids } = await withJobs([{ script: [{ do: "call", name: "sleep" }, { do: "done" }] }, fine, fine]);
    const [held] = bench.held.splice(0) as [(typeof bench.held)[number]];
    const pack = held.body as Pack;
    const [slow, ...others] = pack.jobs;
    const split = (jobs: Pack["jobs"], id: string) => ({ ...held, id, body: { ...pack, jobs } });
    bench.calls["sleep"] = async () => {
      const [answered] = await bench.deliver([split(pack.jobs, "whole")]);
      // The lease of a batch of one: its time-out of 5 s, 30 s and the margin.
      expect(answered?.answer).toEqual({ retry: 97 });
      expect(others.length).toBe(2);
    };
    await bench.deliver([split(slow ? [slow] : [], "first")]);
    bench.advance(2 * minute);
    const [again] = await bench.deliver([split(pack.jobs, "whole")]);
    expect(again?.answer).toBe("ack");
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  test("comes back after the smallest delay that one of its jobs needs", async () => {
    const { bench, ids } = await withJobs(many(3));
    for (const [index, seconds] of [600, 40, 0].entries())
      await bench.all("UPDATE jobs SET due = ? WHERE id = ? RETURNING 1", bench.now() + seconds * 1000, ids[index] ?? "");
    const delays: unknown[] = [];
    while (bench.held.length > 0) {
      const [answered] = await bench.deliver(bench.held.slice());
      delays.push(answered?.answer);
      bench.advance(typeof answered?.answer === "object" ? answered.answer.retry * 1000 : 0);
    }
    expect(delays).toEqual([{ retry: 40 }, { retry: 560 }, "ack"]);
    expect(bench.runs.map(({ id }) => id)).toEqual(ids.toReversed());
  });

  test("whose outcomes the ledger did not take comes back, and runs once more what was not recorded", async () => {
    const { bench } = await withJobs(many(3, { script: [{ do: "effect" }, { do: "done" }] }));
    bench.faults.ledger = (call) => call === "settle";
    const [answered] = await bench.deliver(bench.held.slice());
    expect(answered?.answer).toMatchObject({ retry: 65 });
    bench.faults.ledger = false;
    bench.advance(3 * minute);
    await bench.deliverAll();
    expect(await states(bench)).toEqual([{ state: "done", n: 3 }]);
    expect([...bench.outside.values()]).toEqual([1, 1, 1]);
  });
});

describe("a pack whose Worker died", () => {
  const dies = async (bench: EngineBench) => {
    bench.faults.ledger = (call) => call === "settle";
    await bench.deliver(bench.held.slice());
    bench.faults.ledger = false;
    bench.advance(20 * minute);
    bench.runs.splice(0);
  };

  test("twenty of its jobs run alone, the others are sent on, each in a message of its own under a raised seq", async () => {
    const { bench, ids } = await withJobs(many(50));
    await dies(bench);
    const messages = bench.held.slice();
    const answers = await bench.deliver(messages);
    expect(answers.map(({ answer }) => answer)).toEqual(["ack", "ack"]);
    const alone = bench.runs.map(({ id }) => id);
    expect(new Set(alone).size).toBe(20);
    expect(generations(bench)).toEqual(
      ids
        .filter((id) => !alone.includes(id))
        .map((id) => `${id} 1`)
        .toSorted(),
    );
    expect(sizes(bench)).toEqual(many(30, 1));
    expect(await bench.all("SELECT state, seq, crash, attempt, count(*) AS n FROM jobs GROUP BY 1, 2, 3, 4 ORDER BY 1")).toEqual([
      { state: "done", seq: 0, crash: 0, attempt: 0, n: 20 },
      { state: "queued", seq: 1, crash: 1, attempt: 0, n: 30 },
    ]);
    // The old message of what was sent on is stale, however often it comes.
    bench.held.unshift(...messages.map((each) => ({ ...each, id: `${each.id}-copy` })));
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await states(bench)).toEqual([{ state: "done", n: 50 }]);
    expect(await bench.all("SELECT * FROM due")).toEqual([]);
  });

  test("by one of them: it ends dead after its attempts, the others lose nothing", async () => {
    const { bench, ids } = await withJobs([...many(30), { script: [{ do: "call", name: "kill" }, { do: "done" }] }, ...many(9)]);
    bench.calls["kill"] = () => (bench.faults.ledger = true);
    for (let round = 0; round < 40 && bench.held.length > 0; round++) {
      bench.faults.ledger = false;
      bench.advance(15 * minute);
      await bench.deliver(bench.held.filter(({ at }) => at <= bench.now()).slice(0, 10));
    }
    bench.faults.ledger = false;
    expect(await bench.row(ids[30] ?? "")).toMatchObject({ state: "dead", attempt: 3, reason: "the Worker died in each of its 3 attempts" });
    expect(await bench.all("SELECT state, attempt, count(*) AS n FROM jobs WHERE state <> 'dead' GROUP BY 1, 2")).toEqual([
      { state: "done", attempt: 0, n: 39 },
    ]);
  });

  test("what cannot be sent on now comes back with its message", async () => {
    const { bench, ids } = await withJobs(many(25));
    await dies(bench);
    bench.faults.ledger = (call) => call === "bringBack";
    const [answered] = await bench.deliver(bench.held.slice());
    expect(answered?.answer).toMatchObject({ retry: expect.any(Number) });
    expect(bench.troubles()).toContainEqual(expect.objectContaining({ where: "suspects" }));
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(bench.runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await states(bench)).toEqual([{ state: "done", n: 25 }]);
  });

  test("and whose message was lost too is brought back by the tick, each job in a message of its own", async () => {
    const { bench } = await withJobs(many(30));
    await dies(bench);
    bench.held.splice(0);
    expect(await bench.tick(minute)).toMatchObject({ swept: 30 });
    expect(sizes(bench)).toEqual(many(30, 1));
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
