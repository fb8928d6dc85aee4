import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { EnqueueRequest } from "../../../src/queue/request";
import { type EngineBench, createEngineBench, idOf } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";
import { scripted } from "../../support/scripted";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const second = 1000;
const minute = 60 * second;
const kept = async () => (await env.PAYLOADS.list({ prefix: "_unwritten/" })).objects.length;

/** `kill -9` of the runtime: its queues are empty, its memory is gone. */
function restarted(before: EngineBench): EngineBench {
  return createEngineBench({ boot: "b", start: before.now() + second });
}

function withoutLedger(): EngineBench {
  const bench = createEngineBench({ boot: "a" });
  bench.faults.ledger = true;
  return bench;
}

describe("a local runtime that is killed after the ledger refused the row of an accepted job", () => {
  test.each<[string, Partial<EnqueueRequest>]>([
    ["without a key", {}],
    ["with a key", { key: "k" }],
    ["delayed by ten seconds", { delaySeconds: 10 }],
    ["delayed by two hours", { delaySeconds: 7200 }],
  ])("loses nothing: %s", async (_name, request) => {
    const first = withoutLedger();
    const id = await first.acceptOne({ payload: { ...fine, siteId: "shop" }, ...request });
    expect(await first.row(id)).toBeNull();
    const next = restarted(first);
    await next.tick();
    expect(await next.row(id)).toMatchObject({ state: "queued" });
    await next.tick((request.delaySeconds ?? 0) * second);
    await next.deliverAll();
    expect(await next.row(id)).toMatchObject({ state: "done", runs: 1, site: "shop" });
    expect(await kept()).toBe(0);
  });

  test("loses none of many requests, of several jobs each", async () => {
    const first = withoutLedger();
    for (let n = 0; n < 60; n++) await first.accept([{ payload: fine }, { payload: fine, key: `k${n}` }]);
    const next = restarted(first);
    await next.tick();
    await next.deliverAll();
    expect(await next.all("SELECT state, count(*) AS n FROM jobs GROUP BY 1")).toEqual([{ state: "done", n: 120 }]);
    expect(next.runs).toHaveLength(120);
  });

  test("loses no child of a run", async () => {
    const first = createEngineBench({ boot: "a" });
    first.calls["break"] = () => void (first.faults.ledger = true);
    first.calls["mend"] = () => void (first.faults.ledger = false);
    const script = [{ do: "call", name: "break" }, { do: "child", key: "c" }, { do: "call", name: "mend" }, { do: "done" }];
    const parent = await first.acceptOne({ payload: { script } });
    await first.deliver(first.held.slice());
    expect(await first.row(parent)).toMatchObject({ state: "done" });
    const next = restarted(first);
    await next.tick();
    await next.deliverAll();
    expect(await next.all("SELECT state FROM jobs WHERE parent = ?", parent)).toEqual([{ state: "done" }]);
  });

  test("brings the job of a key back that had ended", async () => {
    const first = createEngineBench({ boot: "a" });
    const id = await first.acceptOne({ payload: { script: [{ do: "discard" }, { do: "done" }] }, key: "again" });
    await first.deliverAll();
    first.advance(minute);
    first.faults.ledger = true;
    await first.accept([{ payload: { script: [{ do: "discard" }, { do: "done" }] }, key: "again" }]);
    const next = restarted(first);
    next.endWith(id, { do: "done" });
    await next.tick();
    await next.deliverAll();
    expect(await next.row(id)).toMatchObject({ state: "done", runs: 2 });
  });

  test("brings it back though it dies once more after the tick, whatever start the tick was of", async () => {
    const first = createEngineBench({ boot: "a" });
    const payload = { script: [{ do: "discard" }, { do: "done" }] };
    const id = await first.acceptOne({ payload, key: "again" });
    await first.deliverAll();
    first.advance(minute);
    first.faults.ledger = true;
    await first.accept([{ payload, key: "again" }]);
    first.faults.ledger = false;
    await first.tick();
    expect(await kept()).toBe(0);
    const next = restarted(first);
    next.endWith(id, { do: "done" });
    await next.tick(minute);
    await next.deliverAll();
    expect(await next.row(id)).toMatchObject({ state: "done", runs: 2 });
  });

  test("of two payloads under one key runs one and records the other with the reason", async () => {
    const first = withoutLedger();
    const id = await first.acceptOne({ payload: fine, key: "two" });
    await first.accept([{ payload: { script: [{ do: "done", value: 2 }] }, key: "two" }]);
    const next = restarted(first);
    await next.tick();
    await next.deliverAll();
    expect(await next.row(id)).toMatchObject({ state: "done", runs: 1 });
    expect(await next.all("SELECT state, reason FROM jobs WHERE id != ?", id)).toMatchObject([
      { state: "discarded", reason: expect.stringContaining("payload") },
    ]);
  });
});

test("without a death its message runs it, once, and nothing is kept after the next tick", async () => {
  const bench = withoutLedger();
  const id = await bench.acceptOne({ payload: fine });
  bench.faults.ledger = false;
  await bench.deliverAll();
  await bench.tick(minute);
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  expect(await kept()).toBe(0);
});

test.each([{}, { key: "nowhere" }])("with R2 down as well it is not accepted: %j", async (request) => {
  const bench = withoutLedger();
  bench.faults.payloads = true;
  expect(await bench.accept([{ payload: fine, ...request }])).toMatchObject([{ ok: false, code: "unavailable", retryAfter: 5 }]);
});

test("a tick while R2 is away releases what is due all the same", async () => {
  const bench = createEngineBench();
  bench.faults.send = true;
  const id = await bench.acceptOne({ payload: fine });
  Object.assign(bench.faults, { send: false, payloads: true });
  expect(await bench.tick(minute)).toMatchObject({ released: 1 });
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "done" });
});

test("a tick while the ledger is away keeps what is kept", async () => {
  const bench = withoutLedger();
  idOf((await bench.accept([{ type: scripted.type, payload: fine }]))[0]);
  await expect(bench.tick(minute)).rejects.toThrow("D1 is down");
  expect(await kept()).toBe(1);
});

test("a deployed Worker keeps nothing: its queue has what it took", async () => {
  const bench = createEngineBench({ ledgerFirst: false });
  bench.faults.ledger = true;
  await bench.accept([{ payload: fine }, { payload: fine, key: "deployed" }]);
  expect(await kept()).toBe(0);
});
