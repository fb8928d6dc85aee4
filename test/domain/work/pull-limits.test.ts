import { describe, expect, test } from "vitest";
import { createWorkBench, pullBody } from "../../support/work-bench";

describe("what holds at the pull", () => {
  test("pauses of type, tenant and queue: the jobs stay on the shelf", async () => {
    const bench = createWorkBench();
    const { offer, pull, name } = await bench.tenant();
    await offer();
    const { createPauseStore } = await import("../../../src/ledger/pauses");
    const { env } = await import("cloudflare:workers");
    const pauses = createPauseStore(env.DB);
    for (const [scope, what] of [
      ["type", "chore"],
      ["tenant", name],
      ["queue", "events"],
    ] as const) {
      await pauses.put(name, scope, what, { actor: "test" }, bench.now());
      expect((await pull()).body.jobs).toEqual([]);
      await pauses.remove(name, scope, what);
    }
    expect((await pull()).body.jobs).toHaveLength(1);
  });

  test("gates: who is held back waits at the gate, with no run counted, and comes back to the shelf by the tick", async () => {
    let open = false;
    const left: unknown[] = [];
    const gates = {
      enter: async (_tenant: string, _gate: string, ids: readonly string[]) =>
        ids.map((id) => (open ? { granted: true as const, lease: `gate-${id}` } : { granted: false as const, reason: "open", until: 0, park: true })),
      leave: async (_tenant: string, gate: string, reports: readonly unknown[]) => void left.push({ gate, reports }),
      admit: async (_tenant: string, _gate: string, waiting: number) => ({ count: open ? waiting : 0, perSecond: Infinity }),
    };
    const bench = createWorkBench({ gates });
    const { offer, pull, one, post, job: seen } = await bench.tenant();
    const [id = ""] = await offer(1, "chore", { gate: "press" });
    expect((await pull()).body.jobs).toEqual([]);
    expect(await seen(id)).toMatchObject({ state: "waiting", gate: "press", runs: 0, reason: "press: open" });
    open = true;
    await bench.tick(60_000);
    await bench.shelve();
    const job = await one();
    expect(job.id).toBe(id);
    await post(`/${id}/settle`, { lease: job.lease, outcome: { kind: "done" } });
    await bench.settle();
    expect(left).toEqual([{ gate: "press", reports: [expect.objectContaining({ id, lease: `gate-${id}`, calls: "answered" })] }]);
  });

  test("the type's concurrency bounds one pull", async () => {
    const bench = createWorkBench();
    const { offer, pull } = await bench.tenant();
    await offer(5, "errand");
    expect((await pull({ types: ["errand"], max: 50 })).body.jobs).toHaveLength(2);
  });

  test("a worker holds 1,000 jobs at most", async () => {
    const bench = createWorkBench();
    const { offer, pull } = await bench.tenant();
    for (let round = 0; round < 11; round++) await offer(100);
    const counts: number[] = [];
    for (let round = 0; round < 11; round++) counts.push((await pull({ max: 100 })).body.jobs.length);
    expect(counts).toEqual([...Array.from({ length: 10 }, () => 100), 0]);
    expect((await pull({ max: 100, worker: "w2" })).body.jobs).toHaveLength(100);
  });

  test("versions: a worker gets what it reads, older payloads brought to it", async () => {
    const bench = createWorkBench();
    const { offer, pull, name } = await bench.tenant();
    await offer(1, "chore", { name: "new" });
    const [old = ""] = await offer();
    const { env } = await import("cloudflare:workers");
    await env.DB.prepare("UPDATE jobs SET version = 1, payload = ? WHERE id = ?").bind('{"old":"Anna"}', old).run();
    expect((await pull({ versions: { chore: [3] } })).body.jobs).toEqual([]);
    const raw = (await pull({ versions: { chore: [1] }, max: 10 })).body.jobs;
    expect(raw).toEqual([expect.objectContaining({ id: old, version: 1, payload: { old: "Anna" } })]);
    bench.advance(31_000);
    const all = (await pull({ max: 10 })).body.jobs;
    expect(all.map(({ payload, version }: { payload: unknown; version: number }) => [version, payload])).toEqual(
      expect.arrayContaining([
        [2, { name: "new" }],
        [2, { name: "Anna" }],
      ]),
    );
    expect(name).toContain("work-");
  });
});

describe("tenants", () => {
  test("see only their own: neither jobs nor leases of another", async () => {
    const bench = createWorkBench();
    const [mine, other] = [await bench.tenant(), await bench.tenant()];
    const [id = ""] = await mine.offer();
    expect((await other.pull({ max: 100 })).body.jobs).toEqual([]);
    const { lease } = await mine.one();
    for (const path of ["beat", "settle", "release", "effects/send", "children"]) {
      const body =
        path === "settle" ? { lease, outcome: { kind: "done" } } : path === "children" ? { lease, jobs: [{ type: "inner", payload: { n: 1 } }] } : { lease };
      expect(await other.post(`/${id}/${path}`, body)).toMatchObject({ status: 404, body: { code: "not-found" } });
    }
    const beats = await other.post("/beat", {
      worker: "w",
      beats: [
        { id, lease },
        { id, lease, tenant: mine.name },
      ],
    });
    expect(beats.body.results).toEqual([expect.objectContaining({ ok: false, code: "unknown" }), expect.objectContaining({ ok: false, code: "unknown" })]);
    expect(await mine.job(id)).toMatchObject({ state: "running" });
  });

  test("are served in turn by a worker of all of them", async () => {
    const bench = createWorkBench();
    // Other tests left jobs of other tenants.
    for (const table of ["parked", "leases"]) await bench.all(`DELETE FROM ${table}`);
    const [one, two, three] = [await bench.tenant(), await bench.tenant(), await bench.tenant()];
    await one.offer(20);
    await two.offer(3);
    await three.offer(1);
    const order: string[] = [];
    const nameOf = new Map([one, two, three].map((tenant, index) => [tenant.name, index]));
    for (let round = 0; round < 9; round++) {
      const { body } = await bench.root("/pull", { ...pullBody(), worker: "fleet" });
      order.push(body.jobs.map(({ tenant }: { tenant: string }) => nameOf.get(tenant)).join());
    }
    expect(order.slice(0, 3).toSorted()).toEqual(["0", "1", "2"]);
    expect(order.filter((each) => each === "1")).toHaveLength(3);
    expect(order.slice(3, 7).filter((each) => each === "0")).toHaveLength(2);
    const many = (await bench.root("/pull", { ...pullBody(), worker: "fleet", max: 100 })).body.jobs;
    const job = many[0];
    // The root token names the tenant of each job.
    const settled = await bench.root("/settle", {
      settlements: [
        { id: job.id, tenant: job.tenant, lease: job.lease, outcome: { kind: "done" } },
        { id: job.id, lease: job.lease, outcome: { kind: "done" } },
      ],
    });
    expect(settled.body.results).toEqual([expect.objectContaining({ ok: true, state: "done" }), expect.objectContaining({ ok: false, code: "unknown" })]);
    expect((await bench.root(`/${many[1].id}/settle`, { lease: many[1].lease, outcome: { kind: "done" } })).status).toBe(422);
    expect((await bench.root(`/${many[1].id}/settle`, { lease: many[1].lease, outcome: { kind: "done" } }, many[1].tenant)).status).toBe(200);
  });
});
