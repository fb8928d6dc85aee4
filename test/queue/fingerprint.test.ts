import { beforeEach, describe, expect, test } from "vitest";
import { createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

describe("a key whose sender says what makes two payloads the same", () => {
  const pressed = (text: string, fingerprintOf = "what was typed") => ({ payload: { ...fine, text }, key: "press", fingerprintOf });

  test("takes the second press for the first, and refuses what is another", async () => {
    const bench = createEngineBench();
    const receipts = [
      ...(await bench.accept([pressed("at noon")])),
      ...(await bench.accept([pressed("a second later"), pressed("at noon", "something else")])),
    ];
    expect(receipts).toMatchObject([{ ok: true }, { ok: true, id: idOf(receipts[0]), replayed: true }, { ok: false, code: "idempotency-mismatch" }]);
    await bench.deliverAll();
    expect(await bench.all("SELECT state, runs FROM jobs")).toEqual([{ state: "done", runs: 1 }]);
    expect((await bench.accept([{ ...pressed("once more"), dryRun: true }]))[0]).toMatchObject({ ok: false, code: "idempotency-mismatch" });
  });

  test("while the ledger is away too: one run, and of another submission a dead letter", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const receipts = await bench.accept([pressed("at noon"), pressed("a second later"), pressed("at noon", "something else")]);
    expect(new Set(receipts.map(idOf)).size).toBe(1);
    bench.faults.ledger = false;
    for (const message of bench.held.splice(0)) await bench.deliver([message]);
    const jobs = await bench.all<{ state: string; runs: number }>("SELECT state, runs FROM jobs ORDER BY state");
    expect(jobs).toEqual([
      { state: "discarded", runs: 0 },
      { state: "done", runs: 1 },
    ]);
    expect(bench.runs).toHaveLength(1);
  });
});
