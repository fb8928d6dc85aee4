import { describe, expect, test } from "vitest";
import { createWorkBench, pullBody } from "../../support/work-bench";

const seconds = (count: number) => count * 1000;

describe("a pull whose answer was lost", () => {
  test("gets the same jobs and leases when it is repeated, without those that ended", async () => {
    const bench = createWorkBench();
    const { offer, pull, post } = await bench.tenant();
    await offer(4);
    const body = { ...pullBody(), max: 3 };
    const first = await pull(body);
    const again = await pull(body);
    expect(again.body.jobs).toEqual(first.body.jobs);
    const [job] = first.body.jobs;
    await post(`/${job.id}/settle`, { lease: job.lease, outcome: { kind: "done" } });
    bench.advance(seconds(10));
    const third = await pull(body);
    expect(third.body.jobs.map(({ id }: { id: string }) => id).toSorted()).toEqual(
      first.body.jobs
        .slice(1)
        .map(({ id }: { id: string }) => id)
        .toSorted(),
    );
  });

  test("with another request under its id is refused; under another token it is another pull", async () => {
    const bench = createWorkBench();
    const { offer, pull, mint } = await bench.tenant();
    await offer(2);
    const body = pullBody();
    await pull(body);
    expect(await pull({ ...body, max: 2 })).toMatchObject({ status: 409, body: { code: "pull-id-reused" } });
    const other = await bench.call("POST", "/v1/work/pull", { token: await mint(["work"]), body });
    expect(other.body.jobs).toHaveLength(1);
  });

  test("and not repeated gives its jobs back after startBy, with no attempt and no run counted", async () => {
    const bench = createWorkBench();
    const { offer, pull, one, job } = await bench.tenant();
    const [id = ""] = await offer();
    const { lease } = await one();
    bench.advance(seconds(29));
    expect((await pull()).body.jobs).toEqual([]);
    bench.advance(seconds(2));
    const next = await one({ worker: "w2" });
    expect(next).toMatchObject({ id, attempt: 1 });
    expect(next.lease).not.toBe(lease);
    const again = await job(id);
    expect(again).toMatchObject({ state: "running", runs: 1, attempt: 1 });
    expect(again?.timeline.map(({ event }) => event)).not.toContain("crashed");
    expect(bench.voids).toEqual([expect.objectContaining({ type: "chore", count: 1 })]);
  });

  test("three in a row make the worker quiet; an operator lets it go on", async () => {
    const bench = createWorkBench();
    const { offer, pull, one, mint } = await bench.tenant();
    await offer();
    for (let round = 0; round < 3; round++) {
      expect(await one()).toBeDefined();
      bench.advance(seconds(31));
    }
    await bench.call("POST", "/v1/work/pull", { token: await mint(["work"]), body: { ...pullBody(), worker: "other", max: 1 } });
    expect((await pull()).body).toMatchObject({ jobs: [], workerState: "quiet", pollAfterMs: 15_000 });
    const operator = await mint(["operate"]);
    expect((await bench.call("POST", "/v1/workers/w1/state", { token: operator, body: { state: "run" } })).status).toBe(200);
    bench.advance(seconds(31));
    expect((await pull()).body).toMatchObject({ workerState: "run", jobs: [expect.anything()] });
  });
});
