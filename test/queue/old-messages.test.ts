import { beforeEach, describe, expect, test } from "vitest";
import type { Envelope } from "../../src/queue/envelope";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { hurry } from "../support/time";

hurry();

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

const second = 1000;

const minute = 60 * second;

describe("old and foreign", () => {
  test("a payload of an older version is brought up to date; one that does not fit is a dead letter", async () => {
    const bench = createEngineBench();
    const [old, odd] = await messageFor(bench, 2);
    if (!old || !odd) throw new Error("no messages");
    Object.assign(old.body as object, { version: 1, payload: '{"answer":42}' });
    Object.assign(odd.body as object, { version: 1, payload: '"no object"' });
    await bench.deliverAll();
    expect(await bench.row(idIn(old))).toMatchObject({ state: "done", result: "42" });
    expect(await bench.row(idIn(odd))).toMatchObject({ state: "done" });
    const [bad] = await messageFor(bench);
    Object.assign(bad?.body as object, { version: 0, payload: '{"to":"anna@example.com"}' });
    await bench.deliverAll();
    const row = await bench.row(idIn(bad));
    expect(row).toMatchObject({ state: "discarded", reason: expect.stringContaining("does not fit version 2: script") });
    expect(row?.reason).not.toContain("anna");
  });

  test("an alias finds its job; the ledger writes the present name", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = false;
    Object.assign(bench.held[0]?.body as object, { type: "scripted-old" });
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", type: "scripted" });
    expect((await bench.accept([{ type: "scripted-old", payload: fine }]))[0]).toMatchObject({ ok: true, type: "scripted" });
  });

  test("text that is no JSON is a dead letter", async () => {
    const bench = createEngineBench();
    const [message] = await messageFor(bench);
    Object.assign(message?.body as object, { payload: "{" });
    await bench.deliverAll();
    expect(await bench.row(idIn(message))).toMatchObject({ state: "discarded", reason: expect.stringContaining("cannot be read") });
  });

  test.each([["{"], ["null"], ['{"script":5}'], ['{"script":[{"do":"done"}],"entity":{}}']])(
    "a payload without a row in the ledger, as %s, stops no other job",
    async (payload) => {
      const bench = createEngineBench();
      bench.faults.ledger = true;
      const [odd, mate] = await messageFor(bench, 2);
      bench.faults.ledger = false;
      Object.assign(odd?.body as object, { payload });
      await bench.deliverAll();
      expect(await bench.row(idIn(mate))).toMatchObject({ state: "done", runs: 1 });
      expect(["done", "dead", "discarded"]).toContain((await bench.row(idIn(odd)))?.state);
    },
  );

  test.each([
    ["text", "hello", '"hello"'],
    ["an object of others", { order: 1 }, String.raw`"{\"order\":1}"`],
    [
      "an envelope without a tenant",
      { v: 1, id: "x", seq: 0, type: "scripted", version: 1, queue: "events", at: 1, payload: "{}" },
      expect.stringContaining("scripted"),
    ],
    ["nothing", null, '"null"'],
    ["what JSON cannot carry", { big: 1n }, '"[object Object]"'],
    ["half a surrogate", "\ud800", expect.any(String)],
  ])("%s is buried with its raw body, once", async (_name, body, payload) => {
    const bench = createEngineBench();
    const held: Held = { id: "m1", queue: "events", body, at: bench.now(), attempts: 0 };
    expect(await bench.deliver([held])).toMatchObject([{ answer: "ack" }]);
    bench.advance(minute);
    expect(await bench.deliver([held])).toMatchObject([{ answer: "ack" }]);
    expect(await bench.all("SELECT tenant, type, queue, state, reason, payload FROM jobs")).toEqual([
      { tenant: "system", type: "unknown", queue: "events", state: "discarded", reason: "the message is not an envelope", payload },
    ]);
    expect(await bench.all("SELECT tenant FROM dead_letters")).toHaveLength(1);
  });

  test("a foreign body while the ledger is away comes again", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    expect(await bench.deliver([{ id: "m1", queue: "events", body: "x", at: 0, attempts: 0 }])).toMatchObject([{ answer: { retry: 1 } }]);
  });
});

function idIn(message: Held | undefined): string {
  return (message?.body as Envelope | undefined)?.id ?? "";
}

async function messageFor(bench: EngineBench, count = 1): Promise<Held[]> {
  for (let n = 0; n < count; n++) await bench.acceptOne({ payload: fine });
  return bench.held.slice(-count);
}
