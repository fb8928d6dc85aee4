import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runDueSchedules } from "../../src/domain/schedules/due";
import { openApi } from "../../src/intake/openapi";
import { routes } from "../../src/intake/routes";
import { jobs } from "../../src/jobs";
import { firstName, ownParts } from "../../src/queue/accept/prepare";
import type { EnqueueRequest } from "../../src/queue/request";
import { createEngineBench, idOf } from "../support/engine";
import { scripted } from "../support/scripted";

const real = () => createEngineBench({ jobs });
const done = { script: [{ do: "done" }] };

test("no key that a sender may send is one of our own, whatever stands in either", async () => {
  const bench = createEngineBench();
  const text = fc.string({ minLength: 1, maxLength: 40, unit: "binary" });
  const given = fc.oneof(text, fc.constantFrom("own", "schedule:nightly:2026-11-26T00:04:00.000Z", '["own","scripted","schedule"]', "\u0000own"));
  await fc.assert(
    fc.asyncProperty(given, fc.array(given, { minLength: 1, maxLength: 3 }), async (key, own) => {
      const [theirs, ours] = await Promise.all([
        bench.engine.ids.derive("one", [firstName(scripted), key]),
        bench.engine.ids.derive("one", ownParts(scripted, own)),
      ]);
      expect(theirs).not.toBe(ours);
    }),
    { numRuns: 300 },
  );
});

test("a sender who foresees a schedule's planned time does not silence it", async () => {
  const bench = createEngineBench();
  const planned = Date.UTC(2026, 10, 21, 12);
  const key = `schedule:nightly:${new Date(planned).toISOString()}`;
  const theirs = await bench.acceptOne({ key, payload: { script: [], text: "theirs" } });
  const schedule = { tenant: "one", name: "nightly", type: "scripted", payload: done, siteId: null, cron: "0 12 * * *", timezone: "UTC" } as const;
  const due = { ...schedule, misfire: "once", overlap: "allow", enabled: true, spreadSeconds: 0, nextAt: planned, last: null } as never;
  const advanced: unknown[] = [];
  const store = { due: async () => [due], advance: async (moves: readonly unknown[]) => (advanced.push(...moves), moves.map(() => true)) };
  const tick = { now: planned, store: store as never, enqueue: (requests: readonly EnqueueRequest[]) => bench.accept(requests), isOpen: async () => false };
  expect(await runDueSchedules(tick)).toMatchObject({ ran: 1, failed: 0 });
  const last = (advanced[0] as { last: { jobId: string; outcome: string } }).last;
  expect(last.outcome).toBe("ran");
  expect(last.jobId).not.toBe(theirs);
});

test("a job that was accepted under the former id of such a key is found there; what a sender put there later, or with other content, is not", async () => {
  const bench = createEngineBench();
  const own = { own: ["schedule", "nightly", "t"], formerKey: "schedule:nightly:t", payload: done };
  const former = await bench.acceptOne({ tenant: "moved", key: "schedule:nightly:t", payload: done });
  const foreign = await bench.acceptOne({ tenant: "foreign", key: "schedule:nightly:t", payload: { ...done, text: "theirs" } });
  const fresh = createEngineBench();
  expect(await fresh.acceptOne({ tenant: "moved", ...own })).not.toBe(former);
  // The migration of an installation that had jobs.
  const mark = "INSERT INTO watermarks (tenant, walk, position) VALUES ('*', 'own-keys', ?)";
  await env.DB.prepare(mark)
    .bind(String(bench.now() + 1))
    .run();
  const upgraded = createEngineBench();
  expect(await upgraded.accept([{ tenant: "moved", ...own }])).toMatchObject([{ ok: true, id: former, replayed: true }]);
  expect(await upgraded.acceptOne({ tenant: "foreign", ...own })).not.toBe(foreign);
  upgraded.advance(1);
  const late = await upgraded.acceptOne({ tenant: "late", key: "schedule:nightly:t", payload: done });
  expect(await upgraded.acceptOne({ tenant: "late", ...own })).not.toBe(late);
  upgraded.faults.ledger = (call) => call === "former";
  expect(await upgraded.accept([{ tenant: "moved", ...own }])).toMatchObject([{ ok: true }]);
});

test("types and fields that are ours alone are unknown to senders and taken from ourselves", async () => {
  const bench = real();
  const about = { entity: "lead:4711", event: "z", type: "lead.updated", at: 1, data: {} };
  const refused = async (type: string, payload: unknown) => {
    const [receipt] = await bench.accept([{ type, payload }]);
    return receipt?.ok ? "taken" : receipt?.errors.map(({ path, message }) => `${path} ${message.split(";")[0]}`).join();
  };
  expect(await refused("store-event", about)).toBe('type there is no type "store-event"');
  expect(await refused("follow-up", { entity: "lead:1", since: 1, to: "a@b.example", variables: {} })).toBe('type there is no type "follow-up"');
  expect(await refused("sync-orders-part", { siteId: "a", run: "r", from: 0, to: 1 })).toBe('type there is no type "sync-orders-part"');
  for (const target of ["subscription", "destination"]) {
    expect(await refused("webhook", { [target]: "saas", body: { type: "job.done" } })).toContain(`payload.${target} is not a field here`);
  }
  expect(await refused("webhook", { url: "https://a.example/x", body: 1, hops: 0 })).toContain("payload.hops");
  expect(await refused("crm", { email: "a@b.example", properties: {}, order: { entity: "lead:1", at: 1, event: "e" } })).toContain("payload.order");
  expect(await refused("webhook", { url: "https://a.example/x", body: 1 })).toBe("taken");
  expect(await refused("nothing", {})).not.toMatch(/store-event|follow-up|sync-orders-part/);
  const ours = await bench.accept([
    { type: "store-event", internal: true, payload: about },
    { type: "webhook", internal: true, payload: { subscription: "saas", body: 1 } },
  ]);
  expect(ours.map(({ ok }) => ok)).toEqual([true, true]);
  expect(JSON.stringify(openApi(routes, bench.engine.registry.contracts()))).not.toMatch(/store-event|"follow-up"|sync-orders-part/);
});

test("no time of an event is later than the job that stores it, and none is out of range", async () => {
  const facts: { at: number }[] = [];
  const state = async () => ({ data: {}, version: 1 });
  const capabilities = async () =>
    ({
      facts: { add: async (_tenant: string, fact: { at: number }) => void facts.push(fact), stateOf: state },
      crm: { idempotentFor: 60, upsert: async () => ({ ok: true, value: { id: "1", created: true } }) },
    }) as never;
  const bench = createEngineBench({ jobs, capabilities });
  const late = bench.now() + 86_400_000;
  const fact = (at: number) => ({ type: "store-event", internal: true, payload: { entity: "lead:1", event: `e${at}`, type: "lead.updated", at, data: {} } });
  const receipts = await bench.accept([
    fact(late),
    { type: "crm", internal: true, payload: { email: "a@b.example", properties: {}, order: { entity: "lead:1", at: late, event: "e" } } },
    fact(Number.MAX_SAFE_INTEGER),
    fact(-1),
  ]);
  expect(receipts.map(({ ok }) => ok)).toEqual([true, true, false, false]);
  idOf(receipts[0]);
  await bench.deliverAll();
  expect(facts.map(({ at }) => at)).toEqual([bench.now(), bench.now()].map(() => expect.any(Number)));
  for (const { at } of facts) expect(at).toBeLessThan(late);
});
