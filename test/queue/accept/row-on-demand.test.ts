import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Engine } from "../../../src/queue/engine";
import { type EngineBench, createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";
import { recordingDb } from "../../support/recorder";
import { foundBy } from "../../support/rows";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

const second = 1000;

const minute = 60 * second;

/** As deployed: no row is waited for. */
function createDeployed(options: Parameters<typeof createEngineBench>[0] = {}) {
  const { db, counts } = recordingDb();
  return { bench: createEngineBench({ ledgerFirst: false, db, ...options }), counts };
}

/** The queue's batch time-out and two seconds are over. */
async function passLate(bench: EngineBench): Promise<void> {
  bench.advance(3 * second);
  await bench.late();
}

describe("a job without key, delay or parent", () => {
  test("that is picked up at once costs two written rows, one round trip to claim and one to settle", async () => {
    const { bench, counts } = createDeployed();
    const id = await bench.acceptOne({ payload: { ...fine, siteId: "shop" } });
    expect([await bench.row(id), counts]).toMatchObject([null, { written: 0, batches: 0 }]);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, seq: 0, site: "shop", payload: expect.stringContaining("done") });
    expect(counts).toMatchObject({ written: 2, batches: 2 });
    const before = await bench.row(id);
    await passLate(bench);
    expect([await bench.row(id), counts.written]).toEqual([before, 2]);
  });

  test("a hundred of them are one round trip to claim", async () => {
    const { bench, counts } = createDeployed({ pack: 25 });
    await bench.accept(Array.from({ length: 100 }, () => ({ payload: fine })));
    await bench.deliverAll();
    expect([bench.runs.length, counts.written, counts.batches]).toEqual([100, 200, 2]);
  });

  test("whose request ended before it wrote its row is written by the next request, and no longer counted as held", async () => {
    const { bench } = createDeployed();
    const { later } = bench.engine;
    bench.engine.later = vi.fn<Engine["later"]>();
    const ids = [await bench.acceptOne({ payload: fine }), await bench.acceptOne({ payload: fine, tenant: "two" })];
    bench.engine.later = later;
    bench.advance(7 * second);
    ids.push(await bench.acceptOne({ payload: fine }));
    await passLate(bench);
    for (const id of ids) expect(await bench.row(id)).toMatchObject({ state: "queued" });
    expect(bench.engine.memory.lateRows).toMatchObject({ held: 0, unwritten: new Set() });
  });

  test("waits with others for one write of 500 rows at most", async () => {
    const { bench } = createDeployed();
    const writes = vi.spyOn(bench.engine.ledger, "missing");
    for (let call = 0; call < 12; call++) await bench.accept(Array.from({ length: 100 }, () => ({ payload: fine })));
    await passLate(bench);
    expect(writes.mock.calls.map(([rows]) => rows.length)).toEqual([500, 500, 200]);
  });

  test("that still waits after the queue's batch time-out and two seconds is listed, and costs three", async () => {
    const { bench, counts } = createDeployed();
    const id = await bench.acceptOne({ payload: { ...fine, entity: "order:1" } });
    bench.advance(3 * second - 1);
    await bench.late();
    expect(await bench.row(id)).toBeNull();
    bench.advance(1);
    await bench.late();
    expect(await bench.row(id)).toMatchObject({ state: "queued", runs: 0, seq: 0 });
    bench.advance(second);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
    expect(counts.written).toBe(4);
    expect(await foundBy("one", "order:1")).toEqual([id]);
  });

  test("waits together with those that were accepted within 100 ms, and each is written", async () => {
    const later = vi.fn<Engine["later"]>();
    const { bench } = createDeployed();
    const { later: put } = bench.engine;
    bench.engine.later = later.mockImplementation(put);
    const ids = [];
    for (let n = 0; n < 4; n++) {
      ids.push(await bench.acceptOne({ payload: fine }));
      bench.advance(33);
    }
    expect(later).toHaveBeenCalledTimes(1);
    bench.advance(1);
    ids.push(await bench.acceptOne({ payload: fine }));
    expect(later).toHaveBeenCalledTimes(2);
    await passLate(bench);
    expect(await Promise.all(ids.map((id) => bench.row(id)))).toMatchObject(ids.map((id) => ({ id, state: "queued" })));
    expect(bench.engine.memory.lateRows).toMatchObject({ held: 0, open: new Map() });
  });

  test("a late row changes nothing of a job that went on", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: { script: [{ do: "retry" }, { do: "done" }] } });
    await bench.deliver(bench.held.slice());
    const before = await bench.row(id);
    expect(before).toMatchObject({ state: "retrying", seq: 1, attempt: 1 });
    await passLate(bench);
    expect(await bench.row(id)).toEqual(before);
    expect(await bench.all("SELECT at FROM due WHERE id = ?", id)).toEqual([{ at: before?.wake }]);
  });

  test("more payloads than an isolate may keep are written at once", async () => {
    const { bench } = createDeployed();
    const first = await bench.acceptOne({ payload: fine });
    const { lateRows } = bench.engine.memory;
    if (!lateRows) throw new Error("no late row is due");
    lateRows.held += 16_000_000;
    const second_ = await bench.acceptOne({ payload: fine });
    await bench.late();
    expect([await bench.row(first), await bench.row(second_)]).toMatchObject([null, { state: "queued" }]);
  });
});

describe("the row is there at once", () => {
  test.each([
    ["with a key", { key: "k" }],
    ["with a short delay", { delaySeconds: 30 }],
    ["with a delay over 15 minutes", { delaySeconds: 3600 }],
  ])("of a job %s", async (_name, request) => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine, ...request });
    await bench.settle();
    expect(await bench.row(id)).toMatchObject({ state: "queued", runs: 0 });
  });

  test("of a child", async () => {
    const { bench } = createDeployed();
    const parent = await bench.acceptOne({ payload: { script: [{ do: "child", key: "a" }, { do: "done" }] } });
    await bench.deliver(bench.held.slice());
    expect(await bench.all("SELECT state FROM jobs WHERE parent = ?", parent)).toEqual([{ state: "queued" }]);
  });

  test("of a job that the queue refused, and the tick sends it", async () => {
    const { bench } = createDeployed();
    bench.faults.send = true;
    const id = await bench.acceptOne({ payload: fine });
    expect(await bench.row(id)).toMatchObject({ state: "queued", sent: null });
    bench.faults.send = false;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("of a job that is accepted locally", async () => {
    const bench = createEngineBench({ ledgerFirst: true });
    const id = await bench.acceptOne({ payload: fine });
    expect(await bench.row(id)).toMatchObject({ state: "queued" });
  });
});

describe("when the row does not come", () => {
  test("the isolate ends before: an old message brings its row in a second round trip", async () => {
    const { bench, counts } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    bench.advance(20 * minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, wake: null });
    expect(counts.batches).toBeGreaterThan(2);
    expect(await bench.all("SELECT * FROM due WHERE id = ?", id)).toEqual([]);
  });

  test("the Worker dies in that run: the sweep finds it, though it lies behind the walk's watermark", async () => {
    const { bench } = createDeployed();
    await bench.acceptOne({ payload: fine });
    await bench.deliverAll();
    const id = await bench.acceptOne({ payload: fine });
    await bench.tick(20 * minute);
    bench.faults.ledger = (call) => call === "settle" || call === "release" || call === "effects";
    await bench.deliver(bench.held.slice());
    bench.faults.ledger = false;
    bench.held.splice(0);
    expect(await bench.row(id)).toMatchObject({ state: "running", wake: expect.any(Number) });
    for (let round = 0; round < 5; round++) await bench.tick(20 * minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test.each(["missing", "insert"])("the ledger is away at %s: the message brings the row", async (away) => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = (call) => call === away;
    await passLate(bench);
    expect(bench.troubles()).toMatchObject([{ where: "late rows" }]);
    bench.faults.ledger = false;
    expect(await bench.row(id)).toBeNull();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("the ledger is away at the claim: delivered again, and then claimed", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = true;
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 1 } }]);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("a message that comes before its time, of a delayed job without a row, waits for it", async () => {
    const { bench } = createDeployed();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine, delaySeconds: 600 });
    await bench.settle();
    bench.faults.ledger = false;
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 600 } }]);
    expect(await bench.row(id)).toBeNull();
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("two copies of its message: one claims, the other finds it held", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    const [held] = bench.held;
    if (!held) throw new Error("no message");
    const copy = { ...held, id: "copy", body: structuredClone(held.body) };
    await Promise.all([bench.deliver([held]), bench.deliver([copy])]);
    await bench.deliverAll();
    expect([bench.runs.length, await bench.row(id)]).toMatchObject([1, { state: "done", runs: 1 }]);
  });
});
