import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { createGateOperations } from "../../../src/domain/gates/operate";
import { createStateLookup } from "../../../src/ledger/states";
import { defineJob, job } from "../../../src/queue/job";
import { cancel } from "../../../src/queue/operate";
import { done, retry } from "../../../src/queue/outcome";
import { createGates } from "../../../src/tenants/gates";
import { createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";
import { recordingDb } from "../../support/recorder";
import { jobsOf, statesOf } from "../../support/jobs-of";

beforeEach(emptyLedger);

const minute = 60_000;
let tenants = 0;

const calling = defineJob({
  type: "calling",
  queue: "events",
  payload: v.strictObject({}),
  gates: ["mail"],
  needs: ["mail" as never],
  policy: { maxAttempts: 5, backoff: { base: 1, cap: 1 } },
});

/** Jobs that call a provider, real gates, and a switch for the provider. */
function world() {
  const tenant = `gates-${++tenants}`;
  const state = { down: true, limits: { breaker: { failures: 2, openSeconds: 300 } } };
  const gates = createGates(env.GATE, async () => state.limits);
  const bench = createEngineBench({
    gates,
    jobs: [job(calling, async () => (state.down ? retry("the provider answered 503 to a@b.example") : done()))],
    capabilities: async (_names, scope) => (scope.onResult("mail", state.down ? "transient" : "answered"), {}),
  });
  const operations = createGateOperations({
    db: env.DB,
    engine: bench.engine,
    gates,
    stateOf: createStateLookup(env.DB),
    namesOf: async () => ["mail", "slack"],
  });
  const accept = async (count: number) => (await bench.accept(Array.from({ length: count }, () => ({ tenant, type: "calling", payload: {} })))).length;
  /** Until the circuit is open and all the others are parked. */
  const fail = async (count: number) => {
    await accept(count);
    for (let round = 0; round < 4; round++) {
      await bench.deliver(bench.held.filter(({ at }) => at <= bench.now()).slice(0, 10));
      bench.advance(2000);
    }
  };
  return { tenant, state, bench, operations, fail, accept, gates };
}

describe("a connection that was corrected", () => {
  test("is called at once: its circuit is closed and what was parked goes on", async () => {
    const { tenant, state, bench, operations, fail } = world();
    await fail(6);
    expect((await operations.list(tenant, { limit: 1 })).gates).toMatchObject([{ dependency: "mail", parked: 6 }]);
    state.down = false;
    await bench.tick(minute);
    expect(bench.held).toHaveLength(0);
    await operations.changed(tenant, ["mail"]);
    expect(bench.held).toHaveLength(6);
    await bench.deliverAll();
    expect(await statesOf(tenant)).toEqual({ done: 6 });
  });

  test("whose gate cannot be reached stays set, and its jobs wait for the circuit", async () => {
    const { tenant, bench, fail } = world();
    await fail(3);
    const broken = { status: async () => null, reset: async () => false, probe: async () => false };
    const operations = createGateOperations({
      db: env.DB,
      engine: bench.engine,
      gates: broken,
      stateOf: createStateLookup(env.DB),
      namesOf: async () => ["mail"],
    });
    await operations.changed(tenant, ["mail"]);
    expect(await operations.reset(tenant, "mail")).toBe("unreachable");
    expect(await operations.list(tenant, { limit: 10 })).toMatchObject({ gates: [{ dependency: "mail", circuit: "unknown", parked: 3 }] });
  });
});

test("the jobs that gates hold back are counted by one statement, however many there are", async () => {
  const { tenant, bench } = world();
  const ids = (await bench.accept(Array.from({ length: 30 }, () => ({ tenant, type: "calling", payload: {} })))).flatMap((receipt) =>
    receipt.ok ? [receipt.id] : [],
  );
  const { db, statements } = recordingDb();
  const open = { circuit: "open" as const, openUntil: bench.now(), failures: 5, inside: 0, concurrency: 4, tokens: null, perSecond: null, lastFailure: null };
  const gates = { status: async () => ({ ...open, held: ids }), reset: async () => true, probe: async () => true };
  const operations = createGateOperations({ db, engine: bench.engine, gates, stateOf: createStateLookup(db), namesOf: async () => ["mail", "crm", "chat"] });
  const views = await operations.first(tenant, 2);
  expect(views.map(({ dependency, held }) => [dependency, held])).toEqual([
    ["mail", 30],
    ["crm", 30],
  ]);
  expect(statements.filter(({ sql }) => sql.includes("j.state"))).toHaveLength(1);
});

describe("an operator", () => {
  test("sees the circuit, why it opened, and how many jobs wait", async () => {
    const { tenant, bench, operations, fail } = world();
    await fail(6);
    expect(await operations.list(tenant, { limit: 10 })).toEqual({
      cursor: null,
      gates: [
        {
          dependency: "mail",
          circuit: "open",
          openUntil: expect.any(Number),
          openedAt: expect.any(Number),
          failures: expect.any(Number),
          slots: { used: 0, max: 100 },
          rate: null,
          held: 0,
          parked: 6,
          lastFailure: { at: expect.any(Number), reason: "the provider answered 503 to [e-mail]" },
          refusal: null,
        },
        expect.objectContaining({ dependency: "slack", circuit: "closed", parked: 0, lastFailure: null }),
      ],
    });
    const [parked] = (await jobsOf(tenant)).filter(({ gate }) => gate !== null);
    await cancel(bench.engine, { tenant, id: parked?.id ?? "" });
    expect((await operations.list(tenant, { limit: 1 })).gates).toMatchObject([{ dependency: "mail", parked: 5 }]);
    expect(await operations.list(tenant, { limit: 1 })).toMatchObject({ cursor: "mail" });
    expect(await operations.list(tenant, { cursor: "mail", limit: 1 })).toMatchObject({ gates: [{ dependency: "slack" }], cursor: null });
  });

  test("counts among those held back none that were cancelled", async () => {
    const { tenant, state, bench, operations, fail, accept } = world();
    state.limits = { breaker: { failures: 2, openSeconds: 30 } };
    await fail(2);
    await accept(2);
    await bench.deliver(bench.held.filter(({ at }) => at <= bench.now()).slice(0, 10));
    const waiting = (await jobsOf(tenant, { state: "waiting" })).filter(({ gate }) => gate === null);
    const heldNow = async () => (await operations.list(tenant, { limit: 1 })).gates[0]?.held;
    expect(await heldNow()).toBe(waiting.length);
    expect(waiting.length).toBeGreaterThan(0);
    for (const { id } of waiting) await cancel(bench.engine, { tenant, id });
    expect(await heldNow()).toBe(0);
  });

  test("probes: one job tries now, and when it is answered the others follow", async () => {
    const { tenant, state, bench, operations, fail } = world();
    await fail(6);
    state.down = false;
    expect(await operations.probe(tenant, "mail")).toMatchObject({ circuit: "half-open", parked: 5 });
    expect(bench.held).toHaveLength(1);
    await bench.deliverAll();
    expect((await operations.list(tenant, { limit: 1 })).gates).toMatchObject([{ circuit: "closed" }]);
    expect(await bench.tick(minute)).toMatchObject({ admitted: 5 });
    await bench.deliverAll();
    expect(await statesOf(tenant)).toEqual({ done: 6 });
  });

  test("resets: all go on", async () => {
    const { tenant, state, bench, operations, fail } = world();
    await fail(6);
    state.down = false;
    expect(await operations.reset(tenant, "mail")).toMatchObject({ circuit: "closed", parked: 0 });
    await bench.deliverAll();
    expect(await statesOf(tenant)).toEqual({ done: 6 });
  });

  test("finds no gate that nothing is called by, and makes none", async () => {
    const { tenant, operations, gates, bench } = world();
    expect(await operations.reset(tenant, "made-up")).toBe("unknown");
    expect(await operations.probe(tenant, "made-up")).toBe("unknown");
    expect(await gates.status(tenant, "made-up", bench.now())).toMatchObject({ circuit: "closed", lastFailure: null });
  });
});
