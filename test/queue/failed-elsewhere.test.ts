import { beforeEach, describe, expect, test } from "vitest";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const payload = { script: [{ do: "done" }] };
const failed = { payload, key: "bull:mail:1", failed: "imported-failed: the provider refused it" };

describe("a job that failed elsewhere", () => {
  test("is a dead letter with its reason, once however often it is sent, and no queue gets it", async () => {
    const bench = createEngineBench();
    const [first] = await bench.accept([failed]);
    const [again, other] = await bench.accept([failed, { payload, key: "bull:mail:2", failed: "x" }]);
    expect([first, again]).toEqual([expect.objectContaining({ ok: true, state: "discarded" }), first]);
    expect(other).toMatchObject({ ok: true });
    expect(bench.held).toEqual([]);
    expect(await bench.all("SELECT tenant, type, reason, state FROM dead_letters ORDER BY reason")).toEqual([
      { tenant: "one", type: "scripted", reason: "imported-failed: the provider refused it", state: "discarded" },
      { tenant: "one", type: "scripted", reason: "x", state: "discarded" },
    ]);
    expect(bench.events.filter(({ event }) => event === "enqueued")).toEqual([]);
  });

  test("runs when it is replayed, with the attempts of its type", async () => {
    const bench = createEngineBench();
    const ids = await bench.accept([failed, { payload }]);
    const [id, usual] = ids.map((receipt) => (receipt.ok ? receipt.id : ""));
    const [one, other] = await Promise.all([id, usual].map((each) => bench.all("SELECT max FROM jobs WHERE id = ?", each)));
    expect(one).toEqual(other);
    await retryNow(bench.engine, [{ tenant: "one", id: id! }], { event: "replayed", from: ["dead", "discarded"] });
    await bench.deliverAll();
    expect(await bench.row(id!)).toMatchObject({ state: "done", runs: 1 });
    expect(await bench.all("SELECT 1 FROM dead_letters")).toEqual([]);
  });

  test("is checked like any other, and not accepted while the ledger is away", async () => {
    const bench = createEngineBench();
    expect(await bench.accept([{ ...failed, payload: { script: "none" } }])).toMatchObject([{ ok: false, code: "invalid" }]);
    bench.faults.ledger = true;
    expect(await bench.accept([failed])).toMatchObject([{ ok: false, code: "unavailable" }]);
  });
});
