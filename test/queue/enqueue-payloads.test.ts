import { beforeEach, describe, expect, test } from "vitest";
import { enqueue } from "../../src/queue/enqueue";
import { createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

const second = 1000;

describe("many", () => {
  test("3,000 go in batches of a hundred, in the order they came", async () => {
    const bench = createEngineBench();
    const receipts = await enqueue(
      bench.engine,
      Array.from({ length: 3000 }, (_, n) => ({
        tenant: "one",
        type: "scripted",
        payload: { ...fine, text: `${n}` },
        key: n % 10 === 0 ? `k${n}` : undefined,
      })),
    );
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    expect(bench.sent.map(({ delays }) => delays.length).every((length) => length <= 100)).toBe(true);
    expect(bench.sent).toHaveLength(30);
    const rows = await bench.all<{ id: string; payload: string }>("SELECT id, payload FROM jobs");
    const byId = new Map(rows.map(({ id, payload }) => [id, payload]));
    expect(receipts.every((receipt, n) => byId.get(idOf(receipt))?.includes(`"text":"${n}"`))).toBe(true);
  });

  test("a batch is cut at 256 KB as well", async () => {
    const bench = createEngineBench();
    await bench.accept(Array.from({ length: 20 }, () => ({ payload: { ...fine, text: "ü".repeat(40_000) } })));
    expect(bench.sent.every(({ bytes }) => bytes <= 256_000)).toBe(true);
    expect(bench.held).toHaveLength(20);
    expect(bench.sent).toHaveLength(7);
  });

  test.each(["語", '"', "\\", "\u0001"])("a hundred short payloads are one batch, whatever their characters: %j", async (character) => {
    const bench = createEngineBench();
    // 500 characters of JSON at most.
    const text = character.repeat(Math.floor(455 / (JSON.stringify(character).length - 2)));
    await bench.accept(Array.from({ length: 100 }, (_, n) => ({ tenant: "t".repeat(63), key: `k${n}`, payload: { script: [], text } })));
    expect(bench.sent).toHaveLength(1);
    expect(bench.sent[0]?.bytes).toBeLessThan(250_000 - 100 * 150);
  });

  test("one chunk refused: its jobs are in the ledger", async () => {
    const bench = createEngineBench();
    let chunk = 0;
    bench.faults.send = () => chunk++ === 1;
    const receipts = await bench.accept(Array.from({ length: 300 }, () => ({ payload: fine })));
    expect(receipts.every(({ ok }) => ok)).toBe(true);
    bench.faults.send = false;
    expect(await bench.tick(second)).toMatchObject({ released: 100 });
    expect(bench.held).toHaveLength(300);
  });
});

describe("large payloads", () => {
  const sized = (bytes: number) => ({ ...fine, text: "x".repeat(bytes - JSON.stringify({ ...fine, text: "" }).length) });

  test.each([
    ["95 KB", sized(95 * 1024), false],
    ["96 KB", sized(96 * 1024), false],
    ["a byte more", sized(96 * 1024 + 1), true],
    ["97 KB", sized(97 * 1024), true],
    ["5 MB", sized(5 * 1024 * 1024), true],
    ["33,000 characters of three bytes", { ...fine, text: "€".repeat(33_000) }, true],
    ["90 KB of quotes, which double within a message", { ...fine, text: '"'.repeat(45_000) }, true],
  ])("%s", async (_name, payload, elsewhere) => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload });
    const row = await bench.row(id);
    expect(row?.ref !== null).toBe(elsewhere);
    expect(row?.payload === null).toBe(elsewhere);
    if (elsewhere) expect(row?.ref).toMatch(new RegExp(`^one/${id}/[0-9a-f]{64}$`));
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });

  test("the store down at accept: unavailable, and nothing is written", async () => {
    const bench = createEngineBench();
    bench.faults.payloads = true;
    expect((await bench.accept([{ payload: sized(100_000) }]))[0]).toMatchObject({ ok: false, code: "unavailable" });
    expect(await bench.all("SELECT id FROM jobs")).toEqual([]);
  });

  test("the store down at run: waits, no attempt burned, no run counted", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.faults.payloads = true;
    await bench.deliver(bench.held.slice());
    expect(await bench.row(id)).toMatchObject({ state: "waiting", attempt: 0, runs: 0, reason: "the payload store cannot be reached" });
    bench.faults.payloads = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("the object gone: a dead letter", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.engine.payloads.get = () => Promise.resolve(null);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: "the payload is gone from the payload store" });
  });

  test("the ledger away: adopted without its payload at hand", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: sized(100_000) });
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", ref: expect.any(String) });
  });
});
