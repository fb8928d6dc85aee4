import { beforeEach, describe, expect, test } from "vitest";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

describe("keys", () => {
  test("the same payload is the same job, in any order of its fields", async () => {
    const bench = createEngineBench();
    const [first] = await bench.accept([{ payload: { script: [{ do: "done" }], text: "a", siteId: "b" }, key: "k" }]);
    const [second_] = await bench.accept([{ payload: { siteId: "b", text: "a", script: [{ do: "done" }] }, key: "k" }]);
    expect(second_).toMatchObject({ ok: true, id: idOf(first), replayed: true });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
    expect((await bench.accept([{ payload: { siteId: "b", text: "a", script: [{ do: "done" }] }, key: "k" }]))[0]).toMatchObject({
      id: idOf(first),
      state: "done",
    });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test("another payload is refused; another tenant or key is another job", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine, key: "k" });
    expect((await bench.accept([{ payload: { ...fine, text: "x" }, key: "k" }]))[0]).toMatchObject({ ok: false, code: "idempotency-mismatch" });
    const others = [await bench.acceptOne({ payload: fine, key: "k", tenant: "two" }), await bench.acceptOne({ payload: fine, key: "l" })];
    expect(new Set([id, ...others]).size).toBe(3);
  });

  test("twice in one request, and with another payload", async () => {
    const bench = createEngineBench();
    const receipts = await bench.accept([
      { payload: fine, key: "k" },
      { payload: fine, key: "k" },
      { payload: { ...fine, text: "x" }, key: "k" },
    ]);
    expect(receipts).toMatchObject([{ ok: true }, { ok: true, id: idOf(receipts[0]) }, { ok: false, code: "idempotency-mismatch" }]);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test("ten at once", async () => {
    const bench = createEngineBench();
    const receipts = await Promise.all(Array.from({ length: 10 }, () => bench.accept([{ payload: fine, key: "k" }])));
    expect(new Set(receipts.flat().map(idOf)).size).toBe(1);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test.each(["dead", "discarded"] as const)("a %s job is brought back, once for ten who ask", async (state) => {
    const bench = createEngineBench();
    const payload = { script: [...(state === "dead" ? [1, 2, 3].map(() => ({ do: "retry" })) : [{ do: "discard" }]), { do: "done" }] };
    const id = await bench.acceptOne({ payload, key: "k" });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state });
    const receipts = await Promise.all(Array.from({ length: 10 }, () => bench.accept([{ payload, key: "k" }])));
    expect(receipts.flat().every((receipt) => receipt.ok && receipt.id === id && receipt.replayed)).toBe(true);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(bench.runs).toHaveLength(state === "dead" ? 4 : 2);
    expect(await bench.all("SELECT * FROM dead_letters")).toEqual([]);
  });

  test("the ledger away while a dead job is brought back: unavailable, not a throw", async () => {
    const bench = createEngineBench();
    const payload = { script: [{ do: "discard" }, { do: "done" }] };
    await bench.acceptOne({ payload, key: "k" });
    await bench.deliverAll();
    bench.faults.ledger = (call) => call === "revive";
    expect((await bench.accept([{ payload, key: "k" }]))[0]).toMatchObject({ ok: false, code: "unavailable" });
  });

  test("a sender who died between row and message sends it with the same call", async () => {
    const bench = createEngineBench();
    bench.faults.send = true;
    bench.faults.ledger = (call) => call === "unsent";
    const id = await bench.acceptOne({ payload: fine, key: "k" });
    Object.assign(bench.faults, { send: false, ledger: false });
    expect(await bench.acceptOne({ payload: fine, key: "k" })).toBe(id);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(1);
  });

  test.each(["together", "after the first ended", "one by one"] as const)(
    "the ledger away and two payloads under a key, delivered %s: one runs, the other is a dead letter",
    async (how) => {
      const bench = createEngineBench();
      bench.faults.ledger = true;
      const ids = [await bench.acceptOne({ payload: fine, key: "k" }), await bench.acceptOne({ payload: { ...fine, text: "other" }, key: "k" })];
      expect(ids[0]).toBe(ids[1]);
      bench.faults.ledger = false;
      const [first, other] = bench.held.slice();
      if (how === "after the first ended" && first && other) {
        await bench.deliver([first]);
        await bench.deliver([other]);
      }
      if (how === "one by one" && first && other) await Promise.all([bench.deliver([first]), bench.deliver([other])]);
      await bench.deliverAll();
      expect(bench.runs).toHaveLength(1);
      const letters = await bench.all<{ reason: string }>("SELECT reason FROM dead_letters");
      expect(letters).toEqual([{ reason: `its idempotency key belongs to job ${ids[0]}, which has another payload` }]);
      expect(await bench.all("SELECT state FROM jobs ORDER BY state")).toEqual([{ state: "discarded" }, { state: "done" }]);
    },
  );
});

test("an operator's retry of a job that waits runs it at once, under one chain", async () => {
  const bench = createEngineBench();
  const id = await bench.acceptOne({ payload: fine, delaySeconds: 600 });
  await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
  const start = bench.now();
  await bench.deliverAll();
  expect(bench.runs).toEqual([{ id, at: start }]);
});
