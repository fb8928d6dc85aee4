import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { type EngineBench, createEngineBench, type Held } from "../support/engine";
import { emptyLedger } from "../support/invariants";

beforeEach(emptyLedger);

const second = 1000;
const fine = { script: [{ do: "done" }] };

describe("the backstop", () => {
  const toBackstop = (bench: EngineBench, messages: Held[]) =>
    bench.deliver(
      messages.map((each) => ({ ...each, queue: "dead-letters" })),
      { to: "backstop" },
    );

  test("an ended job needs nothing", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    const copy = { ...(bench.held[0] as Held) };
    await bench.deliverAll();
    expect(await toBackstop(bench, [copy])).toMatchObject([{ answer: "ack" }]);
    expect(await bench.row(id)).toMatchObject({ state: "done", seq: 0 });
    expect(bench.held).toEqual([]);
  });

  test("one whose key was sent again after it had ended, the ledger away, is brought back once", async () => {
    const bench = createEngineBench();
    const request = { payload: { script: [{ do: "discard" }, { do: "done" }] }, key: "again" };
    const id = await bench.acceptOne(request);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "discarded" });
    bench.advance(60_000);
    bench.faults.ledger = true;
    await bench.acceptOne(request);
    bench.faults.ledger = false;
    const [message] = bench.held.splice(0);
    await toBackstop(bench, [message as Held, { ...(message as Held), id: "copy" }]);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    await toBackstop(bench, [message as Held]);
    await bench.deliverAll();
    expect(bench.runs).toHaveLength(2);
  });

  test.each([["queued"], ["unknown to the ledger"], ["large and unknown"], ["unreadable and unknown"]])("an open one, %s, is driven again", async (how) => {
    const bench = createEngineBench();
    bench.faults.ledger = how !== "queued";
    const id = await bench.acceptOne({ payload: how === "large and unknown" ? { ...fine, text: "x".repeat(100_000) } : fine });
    bench.faults.ledger = false;
    const [message] = bench.held.splice(0);
    if (how === "unreadable and unknown") Object.assign(message?.body as object, { payload: "null" });
    expect(await toBackstop(bench, [message as Held])).toMatchObject([{ answer: "ack" }]);
    expect(await bench.tick(second)).toMatchObject({ released: 1 });
    expect(await bench.row(id)).toMatchObject({ state: "queued", seq: 1 });
    await bench.deliverAll();
    expect((await bench.row(id))?.state).toBe(how === "unreadable and unknown" ? "dead" : "done");
  });

  test("one of a type that only another deployment has is kept in the ledger", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: fine });
    await env.DB.exec("DELETE FROM jobs");
    const [message] = bench.held.splice(0);
    Object.assign(message?.body as object, { type: "of-tomorrow" });
    await toBackstop(bench, [message as Held]);
    await bench.tick(second);
    expect(await bench.row(id)).toMatchObject({ state: "queued", type: "of-tomorrow" });
    expect(bench.messagesOf(id)).toHaveLength(1);
  });

  test("a held one stays with who holds it", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "call", name: "backstop" }, { do: "done" }] } });
    const copy = { ...(bench.held[0] as Held) };
    bench.calls["backstop"] = async () => void (await toBackstop(bench, [copy]));
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("a foreign body is buried, one of tomorrow is kept; with the ledger away both come again", async () => {
    const bench = createEngineBench();
    const foreign: Held = { id: "f", queue: "dead-letters", body: "hello", at: 0, attempts: 0 };
    const future: Held = { id: "t", queue: "dead-letters", body: { v: 2, id: "x", tenant: "one" }, at: 0, attempts: 0 };
    expect((await toBackstop(bench, [foreign, future])).map(({ answer }) => answer)).toEqual(["ack", { retry: 1 }]);
    const id = await bench.acceptOne({ payload: fine });
    bench.faults.ledger = true;
    expect((await toBackstop(bench, [foreign, ...bench.messagesOf(id)])).map(({ answer }) => answer)).toEqual(
      [{ retry: 2 }, { retry: 1 }].map(() => ({ retry: expect.any(Number) })),
    );
  });
});
