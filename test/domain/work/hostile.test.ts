import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sized } from "../../support/size";
import { createWorkBench, pullBody, type WorkBench } from "../../support/work-bench";

type Json = Record<string, unknown>;

/** Every call of a worker with a body that is good, by the job it is about. */
function calls(id: string, lease: string): { method: "POST" | "PUT"; path: string; body: Json }[] {
  const done = { kind: "done", result: { made: 1 } };
  return [
    { method: "POST", path: "/v1/work/pull", body: { ...pullBody(), versions: { chore: [2] }, leaseSeconds: 60 } },
    {
      method: "POST",
      path: "/v1/work/beat",
      body: { worker: "w1", beats: [{ id, lease, extendSeconds: 60, progress: { done: 1, total: 2, note: "n" }, cursor: 1 }] },
    },
    { method: "POST", path: `/v1/work/${id}/beat`, body: { lease, progress: { done: 1 } } },
    { method: "POST", path: `/v1/work/${id}/effects/send`, body: { lease, idempotentForSeconds: 5 } },
    { method: "PUT", path: `/v1/work/${id}/effects/send`, body: { lease, result: 1 } },
    { method: "POST", path: `/v1/work/${id}/children`, body: { lease, jobs: [{ type: "errand", payload: {}, idempotencyKey: "k" }] } },
    { method: "POST", path: `/v1/work/${id}/result-upload`, body: { lease } },
    { method: "POST", path: `/v1/work/${id}/settle`, body: { lease, outcome: done } },
    { method: "POST", path: "/v1/work/settle", body: { settlements: [{ id, lease, outcome: done }] } },
    { method: "POST", path: `/v1/work/${id}/release`, body: { lease, reason: "r" } },
  ];
}

async function held(bench: WorkBench) {
  const tenant = await bench.tenant();
  const [id = ""] = await tenant.offer();
  const { lease } = await tenant.one();
  return { ...tenant, id, lease: lease as string };
}

const nasty: unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 1e308, -1e308, 2 ** 53 + 2, "", "x", "\0", "\ud800", "__proto__", "../../x", "' OR 1=1 --"],
  ...["x".repeat(5000), [], {}, [null], [[]], { __proto__: null, constructor: 1 }, Array.from({ length: 2000 }, () => 0)],
  Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], 0),
];

/** The paths to each value within a body. */
function placesIn(value: unknown, before: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...before]];
  return [[...before], ...Object.entries(value).flatMap(([key, each]) => placesIn(each, [...before, key]))];
}

function replaced(value: unknown, [first, ...rest]: readonly string[], by: unknown): unknown {
  if (first === undefined) return by;
  const copy: Json = Array.isArray(value) ? ([...value] as unknown as Json) : { ...(value as Json) };
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}

describe("whatever a worker sends", () => {
  test("is answered, never by an error of ours, and the ledger stays whole", async () => {
    const bench = createWorkBench();
    const { id, lease, token, job } = await held(bench);
    const cases = calls(id, lease).flatMap(({ method, path, body }) => placesIn(body).map((place) => ({ method, path, body, place })));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cases),
        fc.oneof(fc.constantFrom(...nasty), fc.jsonValue({ maxDepth: 3 })),
        async ({ method, path, body, place }, by) => {
          const answer = await bench.call(method, path, { token, body: JSON.stringify(replaced(body, place, by)) });
          expect([answer.status < 500, path, place, by]).toEqual([true, path, place, by]);
          expect(JSON.stringify(answer.body).length).toBeLessThan(2 * JSON.stringify(body).length + 20_000);
          expect(["running", "done", "queued", "retrying", "waiting", "discarded", "cancelled"]).toContain((await job(id))?.state);
        },
      ),
      { numRuns: sized(80, 250) },
    );
  });

  test("in a body that is no object, too deep, too long or no JSON is refused before anything is looked at", async () => {
    const bench = createWorkBench();
    const { id, lease, token, job } = await held(bench);
    const stands = async () => [await job(id), await bench.all("SELECT * FROM leases WHERE id = ?", id)];
    const before = await stands();
    for (const { method, path } of calls(id, lease)) {
      for (const body of ["null", "[]", "7", '"x"', "{", "", "[".repeat(50_000), '{"lease":"x","lease":"y"', "\ufeff{}"]) {
        const { status } = await bench.call(method, path, { token, body, headers: { "content-type": "application/json" } });
        expect([method, path, body.slice(0, 20), [400, 422].includes(status)]).toEqual([method, path, body.slice(0, 20), true]);
      }
      expect((await bench.call(method, path, { token, body: `{"lease":"${"x".repeat(11_000_000)}"}` })).status).toBe(413);
      expect((await bench.call(method, path, { token, body: "{}", headers: { "content-type": "application/xml" } })).status).toBe(415);
    }
    expect(await stands()).toEqual(before);
  });

  test("under another tenant's token, another job's lease or a token that is not for the type changes nothing", async () => {
    const bench = createWorkBench();
    const mine = await held(bench);
    const other = await held(bench);
    const second = await held(bench);
    const stands = async () => [await mine.job(mine.id), await bench.all("SELECT * FROM leases WHERE id = ?", mine.id)];
    const before = await stands();
    expect(before).toMatchObject([{ effects: [] }, [{}]]);
    const bound = await mine.mint(["work"], ["errand"]);
    const isRefused = ({ status, body }: Awaited<ReturnType<WorkBench["call"]>>) =>
      status >= 400 || (body.results as { ok: boolean }[] | undefined)?.every(({ ok }) => !ok) === true;
    for (const { method, path, body } of calls(mine.id, mine.lease)) {
      if (path.endsWith("/pull")) continue;
      for (const token of [other.token, bound, await mine.mint(["enqueue", "read", "operate"])]) {
        expect([path, isRefused(await bench.call(method, path, { token, body }))]).toEqual([path, true]);
      }
      const withTenant = await bench.call(method, path, { token: other.token, tenant: mine.name, body });
      expect([path, withTenant.status]).toEqual([path, 403]);
    }
    for (const lease of [other.lease, second.lease, mine.lease.slice(0, -1), `${mine.lease}A`, mine.lease.toLowerCase(), "A".repeat(43), " "]) {
      for (const { method, path, body } of calls(mine.id, lease)) {
        if (path.endsWith("/pull")) continue;
        expect([path, lease, isRefused(await bench.call(method, path, { token: mine.token, body }))]).toEqual([path, lease, true]);
      }
    }
    expect(await stands()).toEqual(before);
  });
});
