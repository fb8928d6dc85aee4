import { beforeEach, describe, expect, test } from "vitest";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";
import type { Pack } from "../../src/queue/envelope";
import { type EngineBench } from "../support/engine";
import { minute, fine, sizes, generations, states, withJobs, many } from "./pack-bench";

hurry();
beforeEach(emptyLedger);

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
