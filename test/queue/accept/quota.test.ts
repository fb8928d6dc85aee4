import { beforeEach, describe, expect, test } from "vitest";
import { createQuota } from "../../../src/tenants/quota";
import { cancel } from "../../../src/queue/operate";
import type { Receipt } from "../../../src/queue/request";
import { refusingQueues } from "../../../src/queue/send/send";
import { type EngineBench, createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };
const minute = 60_000;

function limit(bench: EngineBench, limits: Readonly<Record<string, number>>): void {
  bench.engine.quota = createQuota(async (tenant) => limits[tenant], bench.now);
}

describe("a quota", () => {
  test("is per tenant and says when to come back", async () => {
    const bench = createEngineBench();
    limit(bench, { one: 1 });
    const receipts = await bench.accept([{ payload: fine }, { payload: fine, tenant: "two" }, { payload: fine }]);
    expect(receipts).toMatchObject([{ ok: true }, { ok: true }, { ok: false, code: "too-many-requests", retryAfter: 60 }]);
  });

  test("a repeat of a known key costs no quota and is never refused for it: a batch goes on where it was cut", async () => {
    const bench = createEngineBench();
    limit(bench, { one: 5 });
    const jobs = Array.from({ length: 12 }, (_, n) => ({ payload: fine, key: `k${n}` }));
    const codes = async (sent: typeof jobs) => (await bench.accept(sent)).map((receipt) => (receipt.ok ? receipt.replayed : receipt.code));
    const over = (count: number) => Array.from({ length: count }, () => "too-many-requests");
    expect(await codes(jobs)).toEqual([...Array.from({ length: 5 }, () => false), ...over(7)]);
    expect(await codes(jobs.slice(0, 2))).toEqual([true, true]);
    bench.advance(minute);
    expect(await codes(jobs)).toEqual([...Array.from({ length: 5 }, () => true), ...Array.from({ length: 5 }, () => false), ...over(2)]);
    expect(await codes(jobs)).toEqual([...Array.from({ length: 10 }, () => true), ...over(2)]);
    bench.advance(minute);
    expect(await codes([...jobs, ...jobs])).toEqual([...Array.from({ length: 10 }, () => true), false, false, ...Array.from({ length: 12 }, () => true)]);
  });

  test("one key twice in a batch is charged once; what is refused is refused under both", async () => {
    const bench = createEngineBench();
    limit(bench, { one: 2 });
    const keyed = (key: string) => ({ payload: fine, key });
    const receipts = await bench.accept([keyed("a"), keyed("a"), keyed("b"), keyed("c"), keyed("c")]);
    expect(receipts.map(({ ok }) => ok)).toEqual([true, true, true, false, false]);
  });

  test("with the ledger away no key is known, and the quota counts all", async () => {
    const bench = createEngineBench();
    limit(bench, { one: 1 });
    bench.faults.ledger = true;
    const send = () => bench.accept([{ payload: fine, key: "a" }]);
    expect(await send()).toMatchObject([{ ok: true }]);
    expect(await send()).toMatchObject([{ ok: false, code: "too-many-requests" }]);
  });

  test("a full queue refuses what is new and answers repeats", async () => {
    const bench = createEngineBench();
    await bench.accept([{ payload: fine, key: "a" }]);
    bench.engine.backlogLimit = () => 1;
    const receipts = await bench.accept([{ payload: fine, key: "a" }, { payload: fine, key: "b" }, { payload: fine }]);
    expect(receipts).toMatchObject([{ ok: true, replayed: true }, { code: "too-many-requests" }, { code: "too-many-requests" }]);
  });
});

describe("the key of a cancelled job", () => {
  test.each([
    ["that waits for its time, sent again without", { delaySeconds: 600 }, {}],
    ["that waits in the ledger, sent again later", { delaySeconds: 7200 }, { delaySeconds: 60 }],
    ["that was to run at once", {}, {}],
  ])("%s, runs", async (_name, first, second) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine, key: "order-1", ...first });
    await cancel(bench.engine, { tenant: "one", id });
    const [receipt] = await bench.accept([{ payload: fine, key: "order-1", ...second }]);
    expect(receipt).toMatchObject({ ok: true, id, state: "queued", replayed: true });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, cancel: 0 });
    expect(bench.runs).toHaveLength(1);
  });

  test("that has not ended yet is refused for some seconds, then it runs again", async () => {
    const bench = createEngineBench();
    const payload = { script: [{ do: "call", name: "meanwhile" }, { do: "retry" }, { do: "done" }] };
    const receipts: Receipt[] = [];
    bench.calls["meanwhile"] = async ({ tenant, id }) => {
      if (receipts.length > 0) return;
      await cancel(bench.engine, { tenant, id });
      receipts.push(
        ...(await bench.accept([
          { payload, key: "order-1" },
          { payload, key: "order-1", revive: false },
        ])),
      );
    };
    const id = await bench.acceptOne({ payload, key: "order-1" });
    await bench.deliverAll();
    expect(receipts).toMatchObject([
      { ok: false, code: "unavailable", retryAfter: 5 },
      { ok: true, state: "running" },
    ]);
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
    expect(await bench.accept([{ payload, key: "order-1" }])).toMatchObject([{ ok: true, id, state: "queued" }]);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", cancel: 0 });
  });

  test("stays what it is under another payload, and for a sender that repeats itself", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine, key: "order-1", delaySeconds: 600 });
    await cancel(bench.engine, { tenant: "one", id });
    const other = { script: [{ do: "discard" }] };
    expect(await bench.accept([{ payload: other, key: "order-1" }])).toMatchObject([{ ok: false, code: "idempotency-mismatch" }]);
    expect(await bench.accept([{ payload: fine, key: "order-1", revive: false }])).toMatchObject([{ ok: true, state: "cancelled" }]);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "cancelled" });
  });
});

test("a queue that refuses every send is named until it takes one, or for five minutes", async () => {
  const bench = createEngineBench();
  bench.faults.send = true;
  await bench.acceptOne({ payload: fine });
  expect(refusingQueues(bench.engine)).toEqual(["events"]);
  expect(bench.troubles()).toMatchObject([{ where: "send", queue: "events", reason: expect.stringContaining("the queue took none of 1 messages") }]);
  bench.advance(5 * minute);
  expect(refusingQueues(bench.engine)).toEqual([]);
  await bench.acceptOne({ payload: fine });
  bench.faults.send = false;
  await bench.acceptOne({ payload: fine });
  expect(refusingQueues(bench.engine)).toEqual([]);
});
