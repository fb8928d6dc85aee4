import { beforeEach, describe, expect, test } from "vitest";
import type { Envelope } from "../../src/queue/envelope";
import { type EngineBench, createEngineBench, idOf } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { foundBy } from "../support/rows";

beforeEach(emptyLedger);

const fine = { script: [{ do: "done" }] };

const second = 1000;

const minute = 60 * second;

const hour = 60 * minute;

describe("what is refused", () => {
  test.each([
    ["an unknown type", { type: "no-such", payload: {} }, "type"],
    ["a missing field", { payload: {} }, "payload.script"],
    ["an unknown field", { payload: { ...fine, extra: 1 } }, "payload.extra"],
    ["a wrong value below", { payload: { script: [{ do: "dance" }] } }, "payload.script[0].do"],
    ["no object", { payload: "text" }, "payload"],
    ["half a surrogate", { payload: { ...fine, text: "\ud800" } }, "payload.text"],
    ["a payload too deep", { payload: { ...fine, text: nested(70) } }, expect.stringContaining("payload.text")],
    ["both delay and time", { payload: fine, delaySeconds: 1, runAt: 1 }, "runAt"],
    ["half a second", { payload: fine, delaySeconds: 0.5 }, "delaySeconds"],
    ["a negative delay", { payload: fine, delaySeconds: -1 }, "delaySeconds"],
    ["a delay of years", { payload: fine, delaySeconds: 367 * 86_400 }, "delaySeconds"],
    ["no time", { payload: fine, runAt: Number.NaN }, "runAt"],
    ["a time in years", { payload: fine, runAt: Date.UTC(2028, 0) }, "runAt"],
    ["an empty key", { payload: fine, key: "" }, "idempotencyKey"],
    ["a long key", { payload: fine, key: "k".repeat(257) }, "idempotencyKey"],
  ])("%s", async (_name, request, path) => {
    const bench = createEngineBench();
    const [receipt] = await bench.accept([request]);
    expect(receipt).toMatchObject({ ok: false, code: "invalid" });
    expect(receipt?.ok === false && receipt.errors.map((issue) => issue.path)).toContainEqual(path);
    expect(bench.held).toEqual([]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([]);
  });

  test("each of many on its own", async () => {
    const bench = createEngineBench();
    const receipts = await bench.accept([{ payload: fine }, { payload: {} }, { payload: fine, key: "a" }, { type: "x", payload: fine }]);
    expect(receipts.map(({ ok }) => ok)).toEqual([true, false, true, false]);
    await bench.deliverAll();
    expect(await bench.all("SELECT state FROM jobs")).toEqual([{ state: "done" }, { state: "done" }]);
  });

  test("a queue over its backlog asks to come back later, until the knowledge is old", async () => {
    const bench = createEngineBench();
    bench.engine.backlogLimit = () => 3;
    await bench.accept([fine, fine, fine].map((payload) => ({ payload })));
    const [over] = await bench.accept([{ payload: fine }]);
    expect(over).toMatchObject({ ok: false, code: "too-many-requests", retryAfter: 30 });
    bench.advance(31 * second);
    expect((await bench.accept([{ payload: fine }]))[0]).toMatchObject({ ok: true });
  });
});

describe("times", () => {
  test.each([
    ["now", {}, 0, 0, null],
    ["a minute", { delaySeconds: 60 }, minute, 1, minute],
    ["a quarter of an hour", { delaySeconds: 900 }, 15 * minute, 1, 15 * minute],
    ["a second more waits in the ledger", { delaySeconds: 901 }, 901 * second, 0, 901 * second],
    ["25 hours", { delaySeconds: 25 * 3600 }, 25 * hour, 0, 25 * hour],
    ["the past is now", { runAt: 1 }, 0, 0, null],
    ["a time", { runAt: Date.UTC(2026, 10, 21, 12, 10) }, 10 * minute, 1, 10 * minute],
  ])("%s", async (_name, times, runsAt, messages, due) => {
    const bench = createEngineBench();
    const start = bench.now();
    const id = await bench.acceptOne({ payload: fine, ...times });
    if (runsAt > 0) expect(bench.messagesOf(id)).toHaveLength(messages);
    expect(await bench.row(id)).toMatchObject({ due: due === null ? null : start + due, sent: messages === 0 && runsAt > 0 ? null : start + runsAt });
    if (runsAt > 0) {
      // A message that comes too early is sent back for the rest, and the tick does not hurry either.
      const early = { id: "early", queue: "events", body: bench.messagesOf(id)[0]?.body ?? copyOf(bench, id, await bench.row(id)), at: start, attempts: 0 };
      expect((await bench.deliver([early]))[0]?.answer).toEqual({ retry: Math.min(86_400, runsAt / second) });
      expect(await bench.tick(runsAt - minute > 0 ? runsAt - minute : 0)).toMatchObject({ released: 0, swept: 0 });
      await bench.tick(Math.min(minute, runsAt));
    }
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + runsAt }]);
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1 });
  });

  test("25 hours while the ledger is away ride as far as a message can, then wait in the ledger", async () => {
    const bench = createEngineBench();
    const start = bench.now();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: fine, delaySeconds: 25 * 3600 });
    expect(bench.messagesOf(id).map(({ at }) => at - start)).toEqual([24 * hour]);
    bench.faults.ledger = false;
    bench.advance(24 * hour);
    expect(await bench.deliver(bench.held.slice())).toMatchObject([{ answer: { retry: 3600 } }]);
    await bench.tick(hour);
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + 25 * hour }]);
  });
});

describe("queue and ledger, one of them away", () => {
  test("the ledger: accepted, delivered, adopted", async () => {
    const bench = createEngineBench();
    bench.faults.ledger = true;
    const id = await bench.acceptOne({ payload: { ...fine, siteId: "shop", entity: "order:1" } });
    expect(bench.troubles()).not.toEqual([]);
    expect(await bench.row(id)).toBeNull();
    bench.faults.ledger = false;
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done", runs: 1, site: "shop" });
    expect(await foundBy("one", "order:1")).toEqual([id]);
  });

  test.each<[string, { key?: string; delaySeconds?: number }]>([
    ["without a key", {}],
    ["with a key", { key: "k" }],
    ["delayed", { delaySeconds: 600 }],
    ["delayed for hours", { delaySeconds: 7200 }],
  ])("the queue: accepted %s, the tick sends, not before its time", async (_name, request) => {
    const bench = createEngineBench();
    const start = bench.now();
    bench.faults.send = true;
    const id = await bench.acceptOne({ payload: fine, ...request });
    expect(bench.held).toEqual([]);
    bench.faults.send = false;
    const due = (request.delaySeconds ?? 0) * second;
    if (due > 0) expect(await bench.tick(due - minute)).toMatchObject({ released: 0, swept: 0 });
    expect(await bench.tick(minute)).toMatchObject({ released: 1 });
    await bench.deliverAll();
    expect(bench.runs).toEqual([{ id, at: start + Math.max(due, minute) }]);
  });

  test("a queue that stays away is tried again with each tick", async () => {
    const bench = createEngineBench();
    bench.faults.send = true;
    const id = await bench.acceptOne({ payload: fine });
    for (let n = 0; n < 3; n++) await bench.tick(minute);
    bench.faults.send = false;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
    expect(bench.runs).toHaveLength(1);
  });

  test.each<[string, { key?: string; delaySeconds?: number }]>([
    ["without a key", {}],
    ["with a key", { key: "both" }],
    ["delayed", { delaySeconds: 60 }],
    ["delayed for hours", { delaySeconds: 7200 }],
  ])("both: unavailable %s, and sending again is safe", async (_name, request) => {
    const bench = createEngineBench();
    Object.assign(bench.faults, { send: true, ledger: true });
    const [refused] = await bench.accept([{ payload: fine, ...request }]);
    expect(refused).toMatchObject({ ok: false, code: "unavailable", retryAfter: 5 });
    Object.assign(bench.faults, { send: false, ledger: false });
    const id = await bench.acceptOne({ payload: fine, ...request });
    await bench.tick((request.delaySeconds ?? 0) * second);
    await bench.deliverAll();
    expect(bench.runs).toMatchObject([{ id }]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([{ id }]);
  });

  test("a mixed request: only what neither took is refused", async () => {
    const bench = createEngineBench();
    let inserts = 0;
    bench.faults.ledger = (call) => call === "insert" && inserts++ === 0;
    bench.faults.send = true;
    // The delayed one is written first, and fails; the other one's row stands.
    const receipts = await bench.accept([{ payload: fine, delaySeconds: 7200 }, { payload: fine }]);
    expect(receipts).toMatchObject([{ ok: false, code: "unavailable" }, { ok: true }]);
    expect(await bench.all("SELECT id FROM jobs")).toEqual([{ id: idOf(receipts[1]) }]);
  });

  test("no such queue here: the row waits for a deployment that has it", async () => {
    const bench = createEngineBench();
    const { queue } = bench.engine;
    bench.engine.queue = () => undefined;
    const id = await bench.acceptOne({ payload: fine });
    bench.engine.queue = queue;
    await bench.tick(minute);
    await bench.deliverAll();
    expect(await bench.row(id)).toMatchObject({ state: "done" });
  });
});

function copyOf(bench: EngineBench, id: string, row: unknown): Envelope {
  const { tenant, type, queue, seq, at, version, payload } = row as Envelope & { version: number };
  return { v: 1, id, seq, type, version, tenant, queue, at: at ?? bench.now(), payload: payload ?? "" };
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}
