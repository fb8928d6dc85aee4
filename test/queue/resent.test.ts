import { beforeEach, expect, test } from "vitest";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

test.each(["dead", "discarded", "cancelled"] as const)(
  "the ledger away and the key of a %s job sent again: it runs once more, and copies of old messages bring nothing back",
  async (state) => {
    const bench = createEngineBench();
    const ends = { dead: [1, 2, 3].map(() => ({ do: "retry" })), discarded: [{ do: "discard" }], cancelled: [] }[state];
    const payload = { script: [...ends, { do: "discard" }, { do: "done" }] };
    // The first call cannot ask either: its message bears the mark, and must not bring back what it made itself.
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload, key: "k" });
    const [first] = bench.held.slice();
    bench.faults.ledger = false;
    if (state === "cancelled") {
      await bench.acceptOne({ payload, key: "k" });
      await bench.engine.ledger.cancel({ tenant: "one", id }, bench.now());
    }
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state });
    const before = bench.runs.length;
    if (first) bench.held.push({ ...first, id: "old-1" });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(before);
    bench.advance(60_000);
    bench.faults.ledger = true;
    expect(await bench.acceptOne({ payload, key: "k" })).toBe(id);
    const resent = bench.held.at(-1);
    bench.faults.ledger = false;
    if (first) bench.held.unshift({ ...first, id: "old-2" });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(before + 1);
    const ended = await bench.row(id);
    expect(["done", "discarded"]).toContain(ended?.["state"]);
    if (resent) bench.held.push({ ...resent, id: "old-3" });
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(before + 1);
    expect(await bench.row(id)).toEqual(ended);
  },
);
