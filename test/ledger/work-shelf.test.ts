import fc from "fast-check";
import { expect, test } from "vitest";
import { reapWork } from "../../src/intake/tick/reap-work";
import { sized } from "../support/size";
import { createWorkBench, pullBody } from "../support/work-bench";

const seconds = (count: number) => count * 1000;

test("whatever workers do in whatever order: one result, no job lost, none in two hands", async () => {
  const step = fc.record({
    do: fc.constantFrom("pull", "beat", "done", "retry", "release", "pass", "tick", "repeat"),
    who: fc.nat({ max: 2 }),
    seconds: fc.constantFrom(1, 20, 40, 70),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const bench = createWorkBench();
      const tenant = await bench.tenant();
      const [id = ""] = await tenant.offer();
      const leases: (string | undefined)[] = [undefined, undefined, undefined];
      const pulls = Array.from({ length: 3 }, () => pullBody());
      let done = 0;
      for (const { do: what, who, seconds: by } of steps) {
        const lease = leases[who];
        if (what === "pass") bench.advance(seconds(by));
        if (what === "tick") await reapWork(bench.work)(bench.now());
        if (what === "pull" || what === "repeat") {
          const body = what === "pull" ? { ...pullBody(), worker: `w${who}` } : { ...pulls[who]!, worker: `w${who}` };
          if (what === "pull") pulls[who] = body;
          const { jobs } = (await tenant.post("/pull", body)).body;
          if (jobs?.length > 0) leases[who] = jobs[0].lease;
        }
        if (lease !== undefined && what === "beat") await tenant.post(`/${id}/beat`, { lease });
        if (lease !== undefined && what === "release") await tenant.post(`/${id}/release`, { lease });
        if (lease !== undefined && (what === "done" || what === "retry")) {
          const outcome = what === "done" ? { kind: "done", result: { made: who } } : { kind: "retry", reason: "again" };
          const { status } = await tenant.post(`/${id}/settle`, { lease, outcome });
          if (what === "done" && status === 200) done++;
        }
        await bench.shelve();
        const row = (await bench.row(id))!;
        const [{ n: onShelf } = { n: 0 }] = await bench.all<{ n: number }>("SELECT count(*) AS n FROM parked WHERE id = ?", id);
        const inQueue = bench.messagesOf(id).length;
        const isOpen = ["queued", "retrying", "waiting"].includes(row.state);
        // An open job has exactly one place from where it goes on: the shelf or a message.
        if (isOpen) expect([row.state, onShelf + inQueue]).toEqual([row.state, 1]);
        else expect([row.state, onShelf, inQueue]).toEqual([row.state, 0, 0]);
        if (row.state === "running") expect(await bench.all("SELECT at FROM leases WHERE id = ?", id)).toEqual([{ at: row.wake }]);
      }
      if (done > 0) expect((await bench.row(id))?.state).toBe("done");
    }),
    { numRuns: sized(5, 15) },
  );
});
