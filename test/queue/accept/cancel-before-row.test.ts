import { beforeEach, describe, expect, test } from "vitest";
import { cancel, retryNow } from "../../../src/queue/operate";
import { type EngineBench, createEngineBench } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";
import { recordingDb } from "../../support/recorder";
import { foundBy, listed } from "../../support/rows";

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

describe("a cancel that comes before the row", () => {
  test("is honoured by the claim, which writes what was cancelled", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: { ...fine, siteId: "shop", entity: "order:1" } });
    expect(await cancel(bench.engine, { tenant: "one", id })).toEqual({ state: "cancelled", flagged: false, changed: true });
    expect(await bench.row(id)).toMatchObject({ state: "cancelled", type: "unknown", payload: null });
    expect(await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" })).toEqual([]);
    await bench.deliverAll();
    await passLate(bench);
    expect(bench.runs).toEqual([]);
    expect(await bench.row(id)).toMatchObject({ state: "cancelled", type: "scripted", site: "shop", seq: 0, runs: 0 });
    expect(await foundBy("one", "order:1")).toEqual([id]);
    expect(await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" })).toHaveLength(1);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", seq: 1 });
  });

  test("and before the late row: that describes it and does not bring it back", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    await cancel(bench.engine, { tenant: "one", id });
    await passLate(bench);
    await bench.deliverAll();
    expect([bench.runs, await bench.row(id)]).toMatchObject([[], { state: "cancelled", type: "scripted" }]);
  });

  test("under a key, accepted while the ledger was away: sent again, the key runs its job", async () => {
    const { bench } = createDeployed();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine, key: "k" });
    bench.faults.ledger = false;
    await cancel(bench.engine, { tenant: "one", id });
    expect(await listed("one")).toEqual([id]);
    expect(await bench.acceptOne({ payload: fine, key: "k" })).toBe(id);
    await bench.deliverAll();
    expect([bench.runs.length, await bench.row(id)]).toMatchObject([1, { state: "done", seq: 1, fp: expect.any(String) }]);
    expect(await listed("one")).toEqual([id]);
  });

  test("the ledger goes away as the message describes it: delivered again", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    await cancel(bench.engine, { tenant: "one", id });
    bench.faults.ledger = (call) => call === "insert";
    await bench.deliver(bench.held.slice());
    expect(bench.held).toHaveLength(1);
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect([bench.runs, await bench.row(id)]).toMatchObject([[], { state: "cancelled", type: "scripted" }]);
  });

  test("while it runs, is a flag as ever; of a job that is no longer kept nothing is written", async () => {
    const { bench } = createDeployed();
    const id = await bench.acceptOne({ payload: fine });
    bench.held.splice(0);
    bench.advance(5 * 24 * 60 * minute + 1);
    expect(await cancel(bench.engine, { tenant: "one", id })).toBeNull();
    expect(await bench.row(id)).toBeNull();
  });
});
